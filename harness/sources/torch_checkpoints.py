"""Reading torch checkpoints and safetensors, tensors only, and none before it is known to fit."""

from __future__ import annotations

import mmap
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy.typing as npt
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch._subclasses.fake_tensor import FakeTensorMode

from harness.errors import BuildError, quoted
from harness.runtime.foreign import open_regular, open_zip
from harness.sources.fitting import SIZES, Requirement, Told, require_fit
from harness.sources.pickles import PickleOutline, outline

_WRAPPERS = ("state_dict", "model")  # where mmcls and training scripts put the tensors
_PREFIX = "module."  # left by data-parallel training
_DEEPEST: Final = 4  # wrappers around the tensors; a file may also hold itself

LARGEST_OUTLINE: Final = 2**22
"""Bytes of the pickle in a checkpoint, which has no values: about 0.1 MiB in a large one."""

LARGEST_HEADER: Final = 2**24
"""Bytes of the header of safetensors: about 0.1 MiB in a large file."""

_LEGACY_PICKLES: Final = 5  # magic number, version, sizes of types, the content, its storages
_LATER: Final = "torch._utils._rebuild_tensor_v3"  # of types that torch's old format has not
_KINDS: Final = {
    "torch._utils._rebuild_sparse_tensor": "a sparse tensor",
    "torch._utils._rebuild_sparse_csr_tensor": "a sparse tensor",
    "torch._utils._rebuild_qtensor": "a quantized tensor",
    "torch._utils._rebuild_nested_tensor": "a nested tensor",
    "torch._utils._rebuild_meta_tensor_no_storage": "a tensor without values",
    "torch._utils._rebuild_wrapper_subclass": "a tensor of a class of its own",
}
_SAFETENSORS: Final = {
    "F16": "float16",
    "BF16": "bfloat16",
    "F32": "float32",
    "F64": "float64",
    "BOOL": "bool",
    **{
        f"{kind}{bits}": f"{name}{bits}"
        for kind, name in (("I", "int"), ("U", "uint"))
        for bits in (8, 16, 32, 64)
    },
}


def read_checkpoint(
    path: Path, *, needed: Mapping[str, Requirement] | None = None
) -> dict[str, npt.NDArray[Any]]:
    """Tensors by name, in their own types but bfloat16, which numpy lacks: it comes as float32.

    Names, shapes and types are held against what is needed before a value is read.

    Raises:
        BuildError: the file is damaged, holds objects other than tensors and plain values, or no
            tensors; or others than are needed.
    """
    if path.suffix == ".safetensors":
        require_fit(path, _unprefixed(_told_by_header(path)), needed)
        state: Mapping[str, Any] = _safetensors(path)
    else:
        _require_plain(path)
        told = {name: _told(value) for name, value in _tensors(path, _pickled(path)).items()}
        require_fit(path, _unprefixed(told), needed)
        state = _tensors(path, _pickled(path, values=True))
    return {name: _array(value) for name, value in _unprefixed(state).items()}


def _told_by_header(path: Path) -> dict[str, Told]:
    with open_regular(path) as file:
        length = int.from_bytes(file.read(8), "little")
    if length > LARGEST_HEADER:
        raise BuildError(
            f"{path} is damaged or not safetensors: a header of {length:,} bytes, expected at most "
            f"{LARGEST_HEADER:,}"
        )
    size = path.stat().st_size
    told = {}
    try:
        with safe_open(path, framework="pt") as content:
            for name in content.keys():  # noqa: SIM118 - it is no mapping
                values = content.get_slice(name)
                dtype = values.get_dtype()
                told[name] = Told(tuple(values.get_shape()), _SAFETENSORS.get(dtype, dtype), size)
    except (SafetensorError, OSError, ValueError) as error:
        raise BuildError(f"{path} is damaged or not safetensors: {error}") from error
    if not told:
        raise BuildError(f"{path} is expected to hold tensors by name, but it is empty")
    return told


def _safetensors(path: Path) -> dict[str, torch.Tensor]:
    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise BuildError(f"{path} is damaged or not safetensors: {error}") from error


def _require_plain(path: Path) -> None:
    """Refuse a file that unpacks to more than it is, has too much to do, or tensors of a kind.

    Raises:
        BuildError: it is damaged, or does.
    """
    try:
        outlines = _outlines(path)
        for each in outlines:
            if _LATER in each.calls and len(outlines) == _LEGACY_PICKLES:
                odd = next((one for one in map(_dtype, each.calls) if one not in SIZES and one), "")
                named = f"{quoted(each.calls[_LATER])} is of type {odd or 'unknown here'}"
                raise BuildError(f"{path}: {named}, expected {', '.join(SIZES)}")
            for call, name in each.calls.items():
                if call in _KINDS:
                    raise BuildError(
                        f"{path}: {quoted(name)} is {_KINDS[call]}, expected a dense one of type "
                        f"{', '.join(SIZES)}"
                    )
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise BuildError(f"{path} is damaged or refused: {error}") from error


def _dtype(call: str) -> str:
    """The name of a type that a pickle mentions, or nothing where it is something else."""
    name = call.removeprefix("torch.")
    return name if isinstance(getattr(torch, name, None), torch.dtype) else ""


def _outlines(path: Path) -> list[PickleOutline]:
    with open_regular(path) as file:
        if not zipfile.is_zipfile(file):
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                return [outline(content) for _ in range(_LEGACY_PICKLES)]
        with open_zip(file) as archive:
            members = archive.infolist()
            packed = next((one for one in members if one.compress_type != zipfile.ZIP_STORED), None)
            if packed is not None:
                found = f"{quoted(packed.filename)} is compressed, which torch writes nothing"
                raise ValueError(f"{found}: it may unpack to anything")
            unpacked = sum(one.file_size for one in members)
            if unpacked > path.stat().st_size:
                raise ValueError(f"its members claim {unpacked:,} bytes, more than the file has")
            pickles = [one for one in members if one.filename.endswith("data.pkl")]
            large = next((one for one in pickles if one.file_size > LARGEST_OUTLINE), None)
            if large is not None:
                found = f"{quoted(large.filename)} has {large.file_size:,} bytes"
                raise ValueError(f"{found}, expected at most {LARGEST_OUTLINE:,}")
            found_in = []
            for one in pickles:
                with archive.open(one) as member:
                    found_in.append(outline(member))
            return found_in


def _pickled(path: Path, *, values: bool = False) -> object:
    """The content; without values, its tensors have shapes, types and sizes, and no memory."""
    try:
        if not values:
            with FakeTensorMode():
                return torch.load(path, map_location="cpu", weights_only=True)
        in_place = zipfile.is_zipfile(path)  # torch's format before 1.6 cannot be mapped
        return torch.load(path, map_location="cpu", weights_only=True, mmap=in_place)
    except Exception as error:  # a damaged pickle fails in any way a program can
        raise BuildError(f"{path} is damaged or refused: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    """torch's reason without its advice to trust the file."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    refused = [line for line in lines if "Unsupported" in line or "GLOBAL" in line]
    return (refused or lines or [type(error).__name__])[0]


def _tensors(path: Path, loaded: object) -> dict[str, torch.Tensor]:
    state = _unwrapped(path, loaded)
    others = [name for name, value in state.items() if not isinstance(value, torch.Tensor)]
    if others or not state:
        found = f"{quoted(others[0])} is none" if others else "it is empty"
        raise BuildError(f"{path} is expected to hold tensors by name, but {found}")
    if strange := [name for name in state if not isinstance(name, str)]:
        raise BuildError(f"{path} has the name {quoted(strange[0])}, expected a text")
    return dict(state)


def _unwrapped(path: Path, loaded: object) -> Mapping[str, Any]:
    for _ in range(_DEEPEST):
        if not isinstance(loaded, Mapping):
            return {}
        inner = next((loaded[name] for name in _WRAPPERS if name in loaded), None)
        if not isinstance(inner, Mapping):
            return loaded
        loaded = inner
    raise BuildError(f"{path} has its tensors in more than {_DEEPEST} dictionaries, or in itself")


def _unprefixed(state: Mapping[str, Any]) -> dict[str, Any]:
    if all(name.startswith(_PREFIX) for name in state):
        return {name.removeprefix(_PREFIX): value for name, value in state.items()}
    return dict(state)


def _told(tensor: torch.Tensor) -> Told:
    dtype = str(tensor.dtype).removeprefix("torch.")
    return Told(tuple(tensor.shape), dtype, tensor.untyped_storage().nbytes())


def _array(tensor: torch.Tensor) -> npt.NDArray[Any]:
    if tensor.dtype is torch.bfloat16:
        tensor = tensor.float()
    values: npt.NDArray[Any] = tensor.detach().numpy()
    return values
