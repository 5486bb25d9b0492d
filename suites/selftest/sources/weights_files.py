"""Weights files of every format, good ones and attacks."""

from __future__ import annotations

import hashlib
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors.numpy import save_file

from harness.expected.variants import Variant

TENSORS: dict[str, npt.NDArray[Any]] = {
    "conv.weight": np.arange(108, dtype=np.float32).reshape(4, 3, 3, 3),
    "fc.weight": np.arange(8, dtype=np.float32).reshape(4, 2).T,
    "bn.count": np.array(7, np.int64),
}


def variant(weights: str, source: str = "timm") -> Variant:
    return Variant(f"page/{source}/net", source, "net", weights, "net")


def state() -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(values.copy()) for name, values in TENSORS.items()}


def write_torch(path: Path, content: object = None, *, legacy: bool = False) -> Path:
    torch.save(content or state(), path, _use_new_zipfile_serialization=not legacy)
    return path


def write_safetensors(path: Path) -> Path:
    save_file({name: np.ascontiguousarray(values) for name, values in TENSORS.items()}, path)
    return path


def write_pdparams(path: Path, content: object = None, *, protocol: int = 4) -> Path:
    names = dict.fromkeys(TENSORS, "conv2d_0.w_0")
    content = content or TENSORS | {"StructuredToParameterName@@": names}
    path.write_bytes(pickle.dumps(content, protocol))
    return path


def named_by_hash(path: Path) -> Path:
    """Rename a file as publishers do: the first digits of its SHA-256 before the suffix."""
    start = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
    return path.rename(path.with_name(f"{path.stem}-{start}{path.suffix}"))


class Attack:
    """An object that makes a folder when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.mkdir, (str(self.trace),))


def write_attack(path: Path, trace: Path, *, kind: str) -> Path:
    content = {"conv.weight": Attack(trace)}
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("archive/data.pkl", pickle.dumps(content, 2))
            archive.writestr("archive/version", "3\n")
    elif kind == "legacy":
        write_torch(path, content, legacy=True)
    else:
        path.write_bytes(pickle.dumps(content, 4 if kind == "pickle" else 2))
    return path
