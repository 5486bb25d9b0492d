"""Preprocessing in the vendor's build config format, as a preprocessor of tensors."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PIL import features

from harness.errors import HarnessError
from harness.expected.buildconfig import ProcessOp, read_build_config
from harness.images.decoding import Levels, decode
from harness.images.pipelines import Run, pipelines
from harness.images.preprocessing import digest, preprocess
from harness.images.tensors import FileToTensor, Preprocessor
from harness.runtime.identity import code_digest, tools
from harness.runtime.store import Key

_CONFIGS: Final = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class OperatorsToTensor:
    """:func:`harness.images.decoding.decode`, then a build config's operators."""

    name: str
    ops: tuple[ProcessOp, ...]

    def key(self, *, files: str) -> Key:
        """Files, operators, versions of the libraries, and the harness's own code."""
        jpeg = features.version_feature("libjpeg_turbo") or "none"
        own = {"code": code_digest("images"), "libjpeg-turbo": jpeg}
        return Key.of(
            "tensors",
            inputs={"files": files, "operators": digest(self.ops)},
            tools={**tools("numpy", "pillow"), **own},
        )

    def load(self) -> Run:
        """The operators as one function."""
        return lambda image: preprocess(image, self.ops)

    def decode(self, path: Path) -> Levels:
        """The file's levels."""
        return decode(path)


def named_preprocessor(asked: str) -> Preprocessor:
    """A pipeline by its id, or the preprocessing of a build config by its path (``.yaml``).

    Raises:
        HarnessError: there is no such pipeline; or see :func:`read_build_config`.
    """
    if asked.endswith(_CONFIGS):
        path = Path(asked)
        return OperatorsToTensor(path.stem, read_build_config(path).process_ops)
    if asked not in pipelines():
        known = ", ".join(pipelines())
        raise HarnessError(f"no pipeline {asked!r}, expected a build config (.yaml) or of {known}")
    return FileToTensor(asked)
