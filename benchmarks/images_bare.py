"""The same tensors by bare library calls, written straight down: what the suite is held against.

Each gives the pipeline's own tensor to the last bit for a JPEG, which a self-test shows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import torch
from PIL import Image
from torchvision import transforms

from harness.images.pipelines import Floats
from harness.images.pipelines.recipe import IMAGENET_MEAN, IMAGENET_STD

BILINEAR, BICUBIC = transforms.InterpolationMode.BILINEAR, transforms.InterpolationMode.BICUBIC
MEAN, STD = np.array(IMAGENET_MEAN, np.float32), np.array(IMAGENET_STD, np.float32)
MEAN_16, STD_16 = (one.astype(np.float16).astype(np.float32) for one in (MEAN, STD))


def torchvision(side: int, kernel: transforms.InterpolationMode) -> Callable[[Path], Floats]:
    """Pillow's decoder and torchvision's four transforms."""
    transform = transforms.Compose(
        [
            transforms.Resize(side, kernel),
            transforms.CenterCrop(224),
            transforms.ToTensor(),
            transforms.Normalize(IMAGENET_MEAN, IMAGENET_STD),
        ]
    )

    def run(path: Path) -> Floats:
        tensor: torch.Tensor = transform(Image.open(path).convert("RGB"))
        floats: Floats = tensor.numpy()
        return floats

    return run


def pillow(path: Path) -> Floats:
    """Pillow's decoder and resize, NumPy for the rest: the vendor's build config."""
    picture = Image.open(path).convert("RGB").resize((256, 256), Image.Resampling.BILINEAR)
    levels = np.asarray(picture.crop((16, 16, 240, 240)), np.float32)
    normalized: Floats = ((levels / np.float32(255) - MEAN) / STD).transpose(2, 0, 1)
    return np.ascontiguousarray(normalized)


def opencv(path: Path) -> Floats:
    """OpenCV's decoder and resize, NumPy for the rest: the vendor's run-time operator."""
    bgr = cv2.imread(str(path), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if bgr is None:
        raise ValueError(f"{path}: OpenCV cannot decode it")
    image = cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
    levels = cv2.resize(image, (256, 256), interpolation=cv2.INTER_LINEAR)[16:240, 16:240]
    normalized: Floats = (
        (levels.astype(np.float32) / np.float32(255) - MEAN_16) / STD_16
    ).transpose(2, 0, 1)
    return np.ascontiguousarray(normalized)


BARE: Final[Mapping[str, Callable[[Path], Floats]]] = {
    "page": torchvision(256, BILINEAR),
    "timm-a1h_in1k": torchvision(235, BICUBIC),
    "vendor-build": pillow,
    "vendor-run-time": opencv,
}
