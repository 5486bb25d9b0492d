"""The vendor's compiler and runner as a backend: real subprocesses on this machine's cards.

The device resizes, crops and normalizes by itself. So it is given levels, and its run-time file
leaves them at the size that they have: what parity shows is not preprocessing.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from harness.backends.backend import Build, Host, Precision
from harness.backends.session import Load, Session
from harness.backends.vendor import (
    CalibrationFolder,
    Cards,
    CompiledModel,
    Jobs,
    LevelsSession,
    RunnerOutputs,
    Toolchain,
    build_config,
    compile_model,
    find_toolchain,
    runtime_text,
    versions,
)
from harness.backends.vendor.toolchain import STAND_IN
from harness.backends.vendor.whole_images import WholeImages
from harness.errors import CompileError, DeadCard, MissingBackend, RunError
from harness.expected.buildconfig import (
    BuildConfig,
    CenterCrop,
    DecodeImage,
    ProcessOp,
    Resize,
)
from harness.images.levels import levels_of
from harness.images.tensors import Preprocessed, Preprocessor, Supply
from harness.runtime.atomic import write_text

MODEL, RUNTIME = "mod.json", "runtime.json"
SUFFIX = "png"


class Vendor:
    """``vamc`` compiles to fp16 and int8, ``vamp`` runs."""

    format: Literal["onnx"] = "onnx"
    precisions: tuple[Precision, ...] = ("fp16", "int8")
    code = (
        "backends/session.py",
        "backends/vendor/backend.py",
        "backends/vendor",
        "expected/buildconfig",
        "images/levels.py",
    )

    def __init__(self, host: Host) -> None:
        """``host``: where the tools and the cards are."""
        self._host = host
        self.runner = OnCards(host)

    def compiles(self, precision: Precision) -> str | None:  # noqa: ARG002
        """Both precisions are."""
        return MODEL

    @cached_property
    def _toolchain(self) -> Toolchain:
        return find_toolchain(self._host.tools, environment=self._host.environment)

    def tools(self) -> Mapping[str, str]:
        """What both tools say of themselves, and how hard the runner works a card."""
        if self._host.cards_folder is None:
            raise MissingBackend("the vendor's cards need a folder for their locks")
        said, load = versions(self._toolchain), Load()
        return {
            "vamc": said.compiler,
            "vamp": said.runner,
            "load": f"-i {load.instances} -p {load.processes} -b {load.batch}",
        }

    def compile(self, build: Build, folder: Path) -> Mapping[str, Any]:
        """Compile: the three files of the model, and the run-time file that goes with it."""
        ops = _at_size(build.config)
        with tempfile.TemporaryDirectory(dir=folder.parent) as workspace:
            calibration = None
            if build.precision == "int8":
                calibration = _written(build, Path(workspace) / "calibration")
            elif build.precision != "fp16":
                raise CompileError(
                    f"the vendor's tools compile to fp16 or int8, not {build.precision}"
                )
            recipe = build.config
            if recipe.dataset is not None:
                recipe = replace(recipe, dataset=replace(recipe.dataset, process_ops=ops))
            config = build_config(
                recipe,
                name="model",
                model=build.model,
                precision=build.precision,
                calibration=calibration,
            )
            made = compile_model(
                self._toolchain,
                config,
                Path(workspace) / "made",
                timeout_s=self._host.timeout_s,
                case=build.model.name,
            )
            if made.prefix.name != MODEL.removesuffix(".json"):
                raise CompileError(f"the model is called {made.prefix.name}, expected mod")
            for file in made.files:
                os.rename(file, folder / file.name)
        write_text(folder / RUNTIME, runtime_text(ops))
        return {"bytes": made.bytes, "seconds": round(made.seconds, 3), "log": made.log}

    def session(self, model: Path, *, precision: Precision) -> Session:
        """Run jobs on a card of their own; on another one where it died."""
        if precision not in self.precisions:
            raise RunError(
                f"the vendor's runner runs {' and '.join(self.precisions)}, not {precision}"
            )
        host = self._host
        files = [model.with_suffix(suffix) for suffix in (".json", ".params", ".so")]
        run_time = host.run_time or model.parent / RUNTIME
        missing = [file.name for file in (*files, run_time) if not file.is_file()]
        if missing:
            raise RunError(f"the compiled model lacks {', '.join(missing)}")
        jobs = CompiledModel(
            toolchain=self._toolchain,
            cards=cards_of(host),
            prefix=model.with_suffix(""),
            runtime_file=run_time,
            timeout_s=host.timeout_s,
            card_timeout_s=host.card_timeout_s,
            doubled=host.doubled,
        )
        return LevelsSession(AnyCard(jobs, len(host.cards)))


@dataclass(frozen=True, slots=True)
class OnCards:
    """The vendor's runner. Is a ``Runner``: the device normalizes, and is given levels."""

    host: Host
    jobs: ClassVar[bool] = True
    resizes: ClassVar[bool] = True

    @property
    def waits_s(self) -> float:
        """For a card, and for a job on it."""
        return self.host.card_timeout_s + self.host.timeout_s

    def prepare(self, images: npt.NDArray[Any], ops: Sequence[ProcessOp]) -> npt.NDArray[Any]:
        """Back to levels, uint8; whole images are what they are."""
        return images if self.host.run_time else levels_of(images, ops)

    def supply(self, preprocessor: Preprocessor) -> Supply:
        """The preprocessor's tensors; whole images where a run-time file is given for them."""
        return WholeImages(self.host.run_time) if self.host.run_time else Preprocessed(preprocessor)

    def cards(self) -> Mapping[int, str]:
        """Those of the host."""
        aside = cards_of(self.host).set_aside()
        return {card: aside.get(card, "") for card in self.host.cards}


@dataclass(frozen=True, slots=True)
class AnyCard:
    """Jobs that are run again on another card where one dies."""

    jobs: Jobs
    cards: int

    def answers(self, files: Sequence[Path]) -> RunnerOutputs:
        """As the jobs do.

        Raises:
            NoCard: every card died, or is in use for too long.
            RunError, Unavailable: as the jobs do.
        """
        for _ in range(self.cards - 1):
            try:
                return self.jobs.answers(files)
            except DeadCard:
                continue  # it is set aside, so the next lease is of another one
        return self.jobs.answers(files)


def cards_of(host: Host) -> Cards:
    """The cards of a host; what happens to a stand-in's says nothing of real ones.

    Raises:
        MissingBackend: there is no folder for their locks, or the tools are not here.
    """
    if host.cards_folder is None:
        raise MissingBackend("the vendor's cards need a folder for their locks")
    stand_in = versions(find_toolchain(host.tools, environment=host.environment)).stand_in
    folder = host.cards_folder / STAND_IN if stand_in else host.cards_folder
    return Cards(folder, host.cards)


def _at_size(config: BuildConfig) -> tuple[ProcessOp, ...]:
    """The preprocessing of images that have the network's size already."""
    height, width = config.frontend.input_shape[2:]
    decode = [op for op in config.process_ops if isinstance(op, DecodeImage)]
    sizes = (DecodeImage, Resize, CenterCrop)
    rest = [op for op in config.process_ops if not isinstance(op, sizes)]
    return (*decode, Resize((height, width)), *rest)


def _written(build: Build, folder: Path) -> CalibrationFolder:
    """Images as files that the compiler reads, in their order."""
    tensors = np.load(build.calibration, allow_pickle=False)
    images = levels_of(tensors, build.config.process_ops)
    folder.mkdir()
    for index, image in enumerate(images):
        Image.fromarray(image.transpose(1, 2, 0)).save(folder / f"{index:06d}.{SUFFIX}")
    return CalibrationFolder(folder, SUFFIX, len(images))
