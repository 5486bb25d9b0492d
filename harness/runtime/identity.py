"""What stands in the keys of stored things: versions of tools, and of the harness's own code."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from harness.runtime import entry_points

HARNESS = Path(__file__).parents[1]


@cache
def code_digest(*parts: str) -> str:
    """Identity of the harness's own code in these packages or modules: it made what is stored."""
    whole = hashlib.sha256()
    for part in parts:
        path = HARNESS / part
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            whole.update(file.relative_to(HARNESS).as_posix().encode())
            whole.update(file.read_bytes())
    return whole.hexdigest()[:16]


def source_tools(source: str) -> dict[str, str]:
    """Versions of what a network of this source, and its seeded weights, are made with."""
    own = {
        "torchvision": ("torchvision",),
        "timm": (),
        "mmcls": ("mmpretrain", "mmengine", "mmcv-lite"),
        "ppcls": ("paddlepaddle", "paddleclas", "paddle2onnx"),
    }
    return tools(
        "torch",
        "timm",
        "numpy",
        *own.get(source, entry_points.packages(entry_points.SOURCES, source)),
    )


def tool_versions() -> dict[str, str]:
    """Versions of everything that takes part in a run."""
    return tools(
        "torch",
        "torchvision",
        "timm",
        "mmpretrain",
        "mmcv-lite",
        "paddlepaddle",
        "paddleclas",
        "paddle2onnx",
        "thop",
        "onnx",
        "onnxruntime",
        "openvino",
        "nncf",
        "mlcommons-loadgen",
        "numpy",
        "pytest",
        "pytest-xdist",
    )


def tools(*names: str) -> dict[str, str]:
    """Versions of these distributions; "not installed" where one is not."""
    return {name: _version(name) for name in names}


@cache
def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
