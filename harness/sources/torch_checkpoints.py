"""Reading torch checkpoints and safetensors, tensors only."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy.typing as npt
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from harness.errors import BuildError

_WRAPPERS = ("state_dict", "model")  # where mmcls and training scripts put the tensors
_PREFIX = "module."  # left by data-parallel training


def read_checkpoint(path: Path) -> dict[str, npt.NDArray[Any]]:
    """Tensors by name, in their own types but bfloat16, which numpy lacks: it comes as float32.

    Raises:
        BuildError: the file is damaged, holds objects other than tensors and plain values, or no
            tensors.
    """
    loaded = _safetensors(path) if path.suffix == ".safetensors" else _pickled(path)
    state = _unwrapped(loaded)
    others = [name for name, value in state.items() if not isinstance(value, torch.Tensor)]
    if others or not state:
        found = f"{others[0]!r} is none" if others else "it is empty"
        raise BuildError(f"{path} is expected to hold tensors by name, but {found}")
    prefixed = all(name.startswith(_PREFIX) for name in state)
    return {
        name.removeprefix(_PREFIX) if prefixed else name: _array(value)
        for name, value in state.items()
    }


def _safetensors(path: Path) -> object:
    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise BuildError(f"{path} is damaged or not safetensors: {error}") from error


def _pickled(path: Path) -> object:
    in_place = zipfile.is_zipfile(path)  # torch's format before 1.6 cannot be mapped
    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=in_place)
    except Exception as error:  # a damaged pickle fails in any way a program can
        raise BuildError(f"{path} is damaged or refused: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    """torch's reason without its advice to trust the file."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    refused = [line for line in lines if "Unsupported" in line or "GLOBAL" in line]
    return (refused or lines or [type(error).__name__])[0]


def _unwrapped(loaded: object) -> Mapping[str, Any]:
    while isinstance(loaded, Mapping):
        inner = next((loaded[name] for name in _WRAPPERS if name in loaded), None)
        if not isinstance(inner, Mapping):
            return loaded
        loaded = inner
    return {}


def _array(tensor: torch.Tensor) -> npt.NDArray[Any]:
    if tensor.dtype is torch.bfloat16:
        tensor = tensor.float()
    values: npt.NDArray[Any] = tensor.detach().numpy()
    return values
