"""PaddleClas' inference pipeline, by its own operators, from the config that it ships.

Importing PaddleClas as a whole asks for a dozen unrelated packages, so the one module with the
operators is imported below empty stand-ins for its parent packages.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import cv2
import numpy as np
import paddle
import six  # type: ignore[import-untyped]
import yaml

from harness.errors import MissingSource
from harness.images.pipelines.run import Floats, Levels, Run

assert cv2  # all three are imported before the stand-ins, see _created
assert paddle
assert six

_PACKAGES = ("", ".deploy", ".deploy.python")


def from_config(config: str) -> Run:
    """``PreProcess.transform_ops`` of a config such as ``inference_cls.yaml``.

    Raises:
        MissingSource: PaddleClas is not installed, or ships no such config.
    """
    root = _root()
    path = root / "deploy" / "configs" / config
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise MissingSource(f"PaddleClas ships no config {config!r}") from error
    operators = _created(root, document["PreProcess"]["transform_ops"])

    def run(image: Levels) -> Floats:
        values: Any = image
        for operator in operators:
            values = operator(values)
        return np.ascontiguousarray(values, dtype=np.float32)

    return run


def _root() -> Path:
    spec = find_spec("paddleclas")
    if spec is None or spec.origin is None:
        raise MissingSource("PaddleClas is not installed: pip install --no-deps paddleclas")
    return Path(spec.origin).parent


def _created(root: Path, params: list[dict[str, Any]]) -> list[Callable[[Any], Any]]:
    """The operators; what they import stays in ``sys.modules`` only if it was there before."""
    stubs = {}
    for package in _PACKAGES:
        stub = ModuleType(f"paddleclas{package}")
        stub.__path__ = [str(root.joinpath(*package.split(".")[1:]))]
        stubs[stub.__name__] = stub
    with mock.patch.dict(sys.modules, stubs):
        module = importlib.import_module("paddleclas.deploy.python.preprocess")
        operators: list[Callable[[Any], Any]] = module.create_operators(params)
    return operators
