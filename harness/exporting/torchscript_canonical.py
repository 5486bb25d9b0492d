"""When two TorchScript files are the same computation: operators, their order, and all values."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import numpy as np
import torch

_MANGLED = re.compile(r"___torch_mangle_\d+\.")  # a counter that torch adds to class names


def canonical_digest(path: Path) -> str:
    """SHA-256, in hexadecimal, over what a file computes and with which values.

    Raises:
        RuntimeError: the file is no TorchScript.
    """
    module = torch.jit.load(str(path), map_location="cpu")
    graph = torch._C._jit_pass_canonicalize(module.inlined_graph, False)  # numbers for names
    whole = hashlib.sha256(_MANGLED.sub("", graph.str(False)).encode())
    for name, value in module.state_dict().items():
        whole.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        whole.update(np.ascontiguousarray(value.numpy()).data)
    return whole.hexdigest()
