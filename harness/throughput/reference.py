"""The reference workload: what the speed of models is divided by, so that the machine cancels.

A convolutional network in NumPy: five convolutions as matrix products over unfolded images, ReLUs,
a mean and a linear layer; 700 million multiply-accumulates an image of 224x224, one image after the
other. It does in turns what networks do, dense arithmetic in vector units and copying through the
caches. So it slows down with the clock, with cores that are shared, and with memory that is busy.
Its weights and images come from integer arithmetic. No backend takes part, so a backend that got
slower shows.

It has to take about as long as what it is compared with: schedulers favour whoever runs in short
bursts. Beside processes that took two to four times the cores there were, a network of 64x64 (1.3
ms) kept so much more of its speed than ResNeXt-50 that the ratio moved by up to 160 %; this one (17
ms) moved by 12 % at most, in noise of that size.

What it cannot see, and what then looks like a change of the model: instructions that it does not
use (int8 dot products, bf16), caches or memory whose effect depends on the size of the working set,
anything of an accelerator or of the way to it. A backend on an accelerator needs a reference that
runs there.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from math import prod, sqrt
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.throughput.serving import Floats

VERSION = 1
"""Of what is computed; together with the digest of weights and images."""

LAYERS = ((3, 32, 2), (32, 64, 1), (64, 64, 2), (64, 128, 1), (128, 128, 2))
"""Channels in, channels out, stride; all 3x3 with a margin of 1."""

CLASSES = 1000
IMAGES = 8
SIZE = 224  # pixels a side
SIDE = 3  # of a kernel


@dataclass(frozen=True, slots=True)
class _Layer:
    """Memory of a layer, used for one image after the other: fresh pages cost as much as the work.

    Attributes:
        padded: the image with its margin, (inputs, side + 2, side + 2).
        seen: a view of it, what each place of the output sees: (inputs, 3, 3, side, side).
        columns: room for a copy of that.
        output: (outputs, places).
    """

    padded: Floats
    seen: Floats
    columns: Floats
    output: Floats

    @classmethod
    def of(cls, side: int, inputs: int, outputs: int, stride: int) -> _Layer:
        padded = np.zeros((inputs, side + 2, side + 2), np.float32)
        windows = np.lib.stride_tricks.sliding_window_view(padded, (SIDE, SIDE), axis=(1, 2))
        seen = windows[:, ::stride, ::stride].transpose(0, 3, 4, 1, 2)
        places = prod(seen.shape[3:])
        output = np.empty((outputs, places), np.float32)
        return cls(padded, seen, np.empty(seen.shape, np.float32), output)

    def run(self, image: Floats, kernel: Floats) -> Floats:
        """A convolution and a ReLU, as one matrix product."""
        self.padded[:, 1:-1, 1:-1] = image
        np.copyto(self.columns, self.seen)
        np.matmul(kernel, self.columns.reshape(kernel.shape[1], -1), out=self.output)
        np.maximum(self.output, 0, out=self.output)
        return self.output.reshape(-1, *self.seen.shape[3:])


class ReferenceWorkload:
    """The network, as a session; for one thread."""

    def __init__(self) -> None:
        weights = _weights()
        self._kernels, self._last = weights[:-1], weights[-1]
        self._layers, side = [], SIZE
        for inputs, outputs, stride in LAYERS:
            self._layers.append(_Layer.of(side, inputs, outputs, stride))
            side //= stride

    def logits(self, images: Floats) -> Floats:
        """Run images (n, 3, 224, 224), one by one: float32 (n, 1000)."""
        return np.stack([self._one(image) for image in images])

    def _one(self, image: Floats) -> Floats:
        for layer, kernel in zip(self._layers, self._kernels, strict=True):
            image = layer.run(image, kernel)
        return np.asarray(self._last @ image.mean(axis=(1, 2)))


def write_images(folder: Path) -> Path:
    """Write the images of the reference, an ``.npy`` file of float32 (8, 3, 224, 224)."""
    path = folder / "reference.npy"
    np.save(path, _images())
    return path


def identity() -> Mapping[str, str]:
    """What the reference's speed depends on, besides the machine: itself, NumPy, and its BLAS."""
    built: Any = np.show_config(mode="dicts")
    blas = built["Build Dependencies"]["blas"]
    return {
        "reference": f"numpy-convolutions-{VERSION} {_digest()}",
        "numpy": np.__version__,
        "blas": f"{blas['name']} {blas['version']}",
    }


@cache
def _digest() -> str:
    whole = hashlib.sha256(json.dumps(LAYERS).encode())
    for part in (*_weights(), _images()):
        whole.update(part.tobytes())
    return whole.hexdigest()[:16]


def _weights() -> list[Floats]:
    """Kernels (out, in * 9) in He's scale (arXiv:1502.01852), then the last layer's weights."""
    kernels = []
    for layer, (inputs, outputs, _) in enumerate(LAYERS):
        fan_in = inputs * SIDE**2
        drawn = _drawn((outputs, fan_in), seed=layer)
        kernels.append((drawn * sqrt(6 / fan_in)).astype(np.float32))
    last = _drawn((CLASSES, LAYERS[-1][1]), seed=len(LAYERS))
    return [*kernels, last.astype(np.float32)]


def _images() -> Floats:
    return _drawn((IMAGES, LAYERS[0][0], SIZE, SIZE), seed=100).astype(np.float32)


def _drawn(shape: tuple[int, ...], *, seed: int) -> npt.NDArray[np.float64]:
    """Numbers between -1 and 1 that no library's generator can change: MurmurHash3's finalizer."""
    bits = np.arange(prod(shape), dtype=np.uint32) + np.uint32(seed << 24)
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        bits ^= bits >> np.uint32(shift)
        bits *= np.uint32(factor)
    bits ^= bits >> np.uint32(16)
    return (bits / 2.0**31 - 1.0).reshape(shape)
