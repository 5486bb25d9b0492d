"""A digest of a network's seeded weights; run as a program, that of another process.

python seeded_digest.py NETWORK SCENES.npy
"""

from __future__ import annotations

import hashlib
import sys

import numpy as np
import torch

from harness.sources.seeded import fit, seeded_network, tensors


def digest(module: torch.nn.Module) -> str:
    """SHA-256 over names and values, in hexadecimal."""
    whole = hashlib.sha256()
    for name, value in tensors(module):
        whole.update(name.encode())
        whole.update(np.ascontiguousarray(value).data)
    return whole.hexdigest()


if __name__ == "__main__":
    fitted = fit(sys.argv[1], np.load(sys.argv[2]))
    print(digest(seeded_network(sys.argv[1], fitted)))
