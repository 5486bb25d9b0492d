"""A page of two rows, MobileNetV2 of torchvision and of timm, with real weights and photographs.

They lie beside the repository, or are not there.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from harness.expected.pages import write_expected
from harness.images.datasets import choose, read_synsets, write_manifest
from harness.images.datasets.layouts import scan
from harness.pages.reading import read_page
from harness.pipeline.catalogue import EXPECTED

Array = NDArray[Any]
DATA = Path(__file__).resolve().parents[1] / "../shared/data"
WEIGHTS = DATA / "weights/torchvision_mobilenet_v2_dequantized_fp32.safetensors"
PHOTOGRAPHS, VALIDATION = DATA / "imagenet-calib-1000", DATA / "imagenet-val-1300"
TORCHVISION, TIMM = "mobilenet_v2/torchvision/mobilenetv2", "mobilenet_v2/timm/mobilenetv2"

VARIANTS = f"""
[rows."{TORCHVISION}"]
model = "mobilenet_v2:IMAGENET1K_V1"
weights = "mobilenet_v2-b0353104.pth"
network = "mobilenet_v2"

[rows."{TIMM}"]
model = "mobilenetv2_100.ra_in1k"
weights = "mobilenetv2_100_ra-b33bc2c4.pth"
network = "mobilenet_v2"
"""

PAGE = """
| 模型 | 源码 | top1 | top5 | MACs(G) | params(M) | input size |
| :---: | :--: | :--: | :--: | :---: | :---: | :---: |
| mobilenetv2 | [torchvision](https://example.org) | 71.878 | 90.286 | 0.328 | 3.505 | 224 |
| mobilenetv2 | [timm](https://example.org) | 72.956 | 91.010 | 0.328 | 3.505 | 224 |
"""
"""Names and accuracies as the zoo documents them."""

COUNTS = """
operations = { counter = "thop", divisor = 1_000_000_000, raw = 327_650_000 }
params = { counter = "thop", divisor = 1_000_000, raw = 3_504_872 }
true = { params = 3_504_872, macs = 327_650_000 }
layers = { activations = "35 × relu6" }
"""

SHIPS = """
[run_time.fractions]
pipeline = "vendor-run-time"
resize = [256, 256]
origin = [16, 16]
crop = [224, 224]
div255 = true
mean = [0.485107421875, 0.4560546875, 0.406005859375]
std = [0.22900390625, 0.2239990234375, 0.2249755859375]
exact_mean = [0.485, 0.456, 0.406]
exact_std = [0.229, 0.224, 0.225]
"""

SQUASHED = """
name: squashed
frontend:
  shape:
    input: [1, 3, 224, 224]
  type: onnx
  checkpoint: model.onnx
  dtype: fp32
backend:
  type: onnxruntime
  dtype: int8
  quantize:
    calibrate_mode: max
    quantize_per_channel: true
dataset:
  type: scenes
  sampler:
    get_data_num: 8
  process_ops:
    - type: Resize
      size: [224, 224]
    - type: Normalize
      mean: [0.485, 0.456, 0.406]
      std: [0.229, 0.224, 0.225]
    - type: ToTensor
workspace:
  path: .
"""
"""The photographs of val-1300 are squares of 227 pixels already."""


@dataclass(frozen=True)
class Zoo:
    """Where everything lies."""

    expected: Path
    weights: Path
    squashed: Path
    manifest: Path

    def options(self) -> list[str]:
        """The gate's, for the accuracy of the torchvision row."""
        return [
            f"--expected={self.expected}",
            f"--weights={self.weights}",
            f"--pipeline={self.squashed}",
            f"--imagenet={VALIDATION}",
            f"--calibration={self.manifest}",
            f"--calibration-images={PHOTOGRAPHS}",
            f"--row={TORCHVISION}",
        ]


def build(folder: Path) -> Zoo:
    """Write expectations, weights under their published names, a build config, and a manifest.

    Every tenth class calibrates with its photograph.
    """
    zoo = Zoo(
        folder / "expected",
        folder / "weights",
        folder / "squashed.yaml",
        folder / "calibration.toml",
    )
    for part in ("pages", "variants", "complexity", "pipelines", "build"):
        (zoo.expected / part).mkdir(parents=True)
    page = folder / "mobilenet_v2.md"
    page.write_text(PAGE, encoding="utf-8")
    write_expected(read_page(page), zoo.expected / "pages/mobilenet_v2.toml")
    (zoo.expected / "variants/mobilenet_v2.toml").write_text(VARIANTS)
    counts = "".join(f'[rows."{row}"]{COUNTS}' for row in (TORCHVISION, TIMM))
    (zoo.expected / "complexity/mobilenet_v2.toml").write_text(f"[kinds]\n{counts}")
    ships = "".join(
        f'[rows."{row}"]\nclaim = "page"\nships = "fractions"\n' for row in (TORCHVISION, TIMM)
    )
    (zoo.expected / "pipelines/mobilenet_v2.toml").write_text(f'stated = "page"\n{SHIPS}{ships}')
    shutil.copy(EXPECTED / "build/embedded.yaml", zoo.expected / "build")
    for name in ("tolerances.toml", "float_operators.toml"):
        shutil.copy(EXPECTED / name, zoo.expected)
    (zoo.expected / "known_issues.toml").write_text("")
    zoo.squashed.write_text(SQUASHED)
    some = read_synsets()[::10]
    photographs = scan(PHOTOGRAPHS, synsets=some).images
    write_manifest(zoo.manifest, choose(photographs, count=len(some), seed=0, synsets=some))
    zoo.weights.mkdir()
    tensors = load_file(WEIGHTS)
    save_file(tensors, zoo.weights / "mobilenet_v2-b0353104.safetensors")
    save_file(timms(tensors), zoo.weights / "mobilenetv2_100_ra-b33bc2c4.safetensors")
    return zoo


def timms(tensors: dict[str, Array]) -> dict[str, Array]:
    """The same tensors under timm's names: both libraries define the layers in one order."""
    import timm
    import torch
    import torchvision

    with torch.device("meta"):
        ours = torchvision.models.mobilenet_v2().state_dict()
        theirs = timm.create_model("mobilenetv2_100").state_dict()
    pairs = zip(ours, theirs, strict=True)
    renamed = {theirs_name: tensors[name] for name, theirs_name in pairs if name in tensors}
    assert all(renamed[name].shape == theirs[name].shape for name in renamed)
    return renamed
