"""Published weights files: found by name, held against the hash in it, loaded as plain arrays."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.errors import BuildError, MissingWeights
from harness.expected.variants import Variant
from harness.runtime.foreign import open_regular, real_path
from harness.sources import source
from harness.sources.fitting import Requirement, Told, require_fit
from harness.sources.network import Framework

_PUBLISHED_HASH = re.compile(r"-([0-9a-f]{8,64})\.\w+$")  # torch.hub's convention, mmcls has it too
_FORMATS: Mapping[str, Framework] = {
    ".pth": "torch",
    ".pt": "torch",
    ".bin": "torch",
    ".safetensors": "torch",
    ".pdparams": "paddle",
}
_NO_WEIGHTS = {
    b"<": "a web page",
    b"{": "a message of a server",
    b"version https://git-lfs": "a Git LFS pointer",
}


def find(variant: Variant, folder: Path) -> Path:
    """The variant's weights in ``folder`` or ``folder/<source>``, under their published name.

    Where the source has it also what the model hub has converted, ``<stem>.safetensors``.

    Raises:
        MissingWeights: they are not there; says what was looked for and what is there instead.
    """
    if not folder.is_dir():
        raise MissingWeights(f"no weights for {variant.row}: {folder} is no folder")
    names = [variant.weights]
    if source(variant.source).converted_weights:
        names.append(f"{Path(variant.weights).stem}.safetensors")
    for place in (folder, folder / variant.source):
        for name in names:
            if (place / name).is_file():
                return place / name
    present = _names_in(folder) | _names_in(folder / variant.source)
    near = get_close_matches(variant.weights, sorted(present), n=3)
    has = f"there is {', '.join(near)}" if near else f"none of its {len(present)} files is close"
    raise MissingWeights(
        f"no weights for {variant.row}: {' or '.join(names)} is expected in {folder} or "
        f"{folder / variant.source}; {has}"
    )


def check_hash(path: Path, variant: Variant) -> str:
    """Hold a file against the start of its SHA-256 that the publisher put into its name.

    Returns what was found, for reports; also that a name without a hash, or a converted file,
    cannot be checked.

    Raises:
        BuildError: the file has another hash, or is empty or a web page.
    """
    refuse_what_is_no_weights(path, case=variant.row)
    published = _PUBLISHED_HASH.search(variant.weights)
    if published is None:
        return f"not checkable: {variant.weights} carries no hash in its name"
    if path.suffix != Path(variant.weights).suffix:
        return f"not checkable: {path.name} is a conversion, the hash is of {variant.weights}"
    expected, actual = published[1], digest(path)
    if not actual.startswith(expected):
        raise BuildError(
            f"{path} is the wrong or a damaged file: its sha256 is {actual}, by the name of the "
            f"published file it starts with {expected}",
            case=variant.row,
        )
    return f"sha256 starts with {expected}, as published"


def digest(path: Path) -> str:
    """SHA-256 of a file, in 64 hexadecimal digits; read again only when the file has changed.

    Raises:
        BuildError: it cannot be read.
    """
    try:
        found = path.stat()
        return _sha256(real_path(path), found.st_size, found.st_mtime_ns)
    except OSError as error:
        raise BuildError(f"cannot read {path}: {error.strerror or error}") from error


def load(
    path: Path, *, framework: Framework, needed: Mapping[str, Requirement] | None = None
) -> dict[str, npt.NDArray[Any]]:
    """Tensors by name, without running anything that is in the file.

    Floating-point tensors come as float32, others as they are; a wrapping ``state_dict`` and a
    ``module.`` before every name are taken off. Names are the library's own.

    Args:
        needed: what the network has; a file that holds anything else is refused before its values
            are read, as :func:`harness.sources.fitting.require_fit` says.

    Raises:
        BuildError: the file is of another framework, damaged, holds anything but tensors, or a
            tensor has NaN or infinite values; or is not what is needed.
    """
    refuse_what_is_no_weights(path)
    if _FORMATS.get(path.suffix) != framework:
        known = ", ".join(suffix for suffix, of in _FORMATS.items() if of == framework)
        raise BuildError(f"{path} is not a weights file for {framework}: expected one of {known}")
    if path.suffix == ".pdparams":
        from harness.sources.ppcls.pdparams import read_pdparams

        tensors = read_pdparams(path)
        told = {
            name: Told(values.shape, str(values.dtype), values.nbytes)
            for name, values in tensors.items()
        }
        require_fit(path, told, needed)
    else:
        from harness.sources.torch_checkpoints import read_checkpoint

        tensors = read_checkpoint(path, needed=needed)
    return {name: _as_float32(path, name, values) for name, values in tensors.items()}


def refuse_what_is_no_weights(path: Path, *, case: str = "") -> None:
    """Say so where a file is empty, or what a failed download leaves behind.

    Raises:
        BuildError: it is, or it cannot be read.
    """
    try:
        with open_regular(path) as file:
            start = file.read(64)
    except OSError as error:
        raise BuildError(f"cannot read {path}: {error.strerror or error}", case=case) from error
    if not start:
        raise BuildError(f"{path} is empty, expected weights", case=case)
    for mark, what in _NO_WEIGHTS.items():
        if start.lstrip().startswith(mark) and b"\0" not in start:  # safetensors may start like it
            raise BuildError(f"{path} is {what}, not weights: fetch the file again", case=case)


def _names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.is_file()} if folder.is_dir() else set()


@lru_cache(maxsize=64)
def _sha256(path: Path, _size: int, _mtime_ns: int) -> str:
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _as_float32(path: Path, name: str, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if values.dtype.kind != "f":
        return values
    single = values.astype(np.float32, copy=False)
    if not np.isfinite(single).all():
        raise BuildError(f"{path}: {name} has values that are NaN or infinite")
    return single
