"""Images of odd sizes, and build configs to spoil."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

EMBEDDED = Path(__file__).resolve().parents[3] / "expected/build/embedded.yaml"

VENDOR = """\
name: vendor_int8
frontend:
  shape:
    input: [1, 3, 224, 224]
  type: onnx
  checkpoint: /path/to/model.onnx
  dtype: fp32
backend:
  type: tvm_vacc
  dtype: int8
  compile:
    cluster_mode: 0
  quantize:
    calibrate_mode: max
    quantize_per_channel: true
graph:
  extra_ops:
    type: softmax
dataset:
  type: tvm
  path: /path/to/images
  sampler:
    suffix: JPEG
    get_data_num: 50
  process_ops:
    - type: DecodeImage
    - type: Resize
      size: [256, 256]
    - type: CenterCrop
      crop_size: [224, 224]
    - type: Normalize
      div255: false
      mean: [123.675, 116.28, 103.53]
      std: [58.395, 57.12, 57.375]
    - type: ToTensor
workspace:
  path: ./deploy_weights/
"""


@pytest.fixture(scope="session")
def embedded() -> Path:
    """The project's own config."""
    return EMBEDDED


@pytest.fixture
def vendor_text() -> str:
    """A config in the vendor's words, with every key there is."""
    return VENDOR


@pytest.fixture
def spoiled(tmp_path: Path) -> Callable[..., Path]:
    """Writes the vendor's config as ``build.yaml``, with one text replaced where asked."""

    def write(old: str = "", new: str = "", *, text: str = VENDOR) -> Path:
        assert old in text
        path = tmp_path / "build.yaml"
        path.write_text(text.replace(old, new, 1) if old else text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def noise() -> Callable[[int, int], NDArray[np.uint8]]:
    """Images of any size on which every mistake shows: noise, another mean in each channel."""

    def draw(height: int, width: int) -> NDArray[np.uint8]:
        rng = np.random.default_rng(height * 1000 + width)
        levels = rng.integers(0, 156, (height, width, 3)) + np.array([0, 50, 100])
        return levels.astype(np.uint8)

    return draw
