"""A small data set in the page's layout, a session for its tensors, and a build config."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from harness.accuracy.preprocessors import OperatorsToTensor
from harness.expected.buildconfig import Normalize, Resize, ToTensor

COUNT, CLASSES, SIDE = 60, 10, 8
MAKER = OperatorsToTensor(
    "small",
    (Resize((SIDE, SIDE)), Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)), ToTensor()),
)


def write_set(root: Path) -> Path:
    """Write 60 images of 10 classes; each class has a colour of its own."""
    (root / "val").mkdir(parents=True)
    lines = []
    for place in range(COUNT):
        write_image(root / "val" / f"{place:03}.JPEG", place % CLASSES, seed=place)
        lines.append(f"{place:03}.JPEG {place % CLASSES}\n")
    (root / "val_label.txt").write_text("".join(lines))
    return root


def write_image(path: Path, label: int, *, seed: int) -> None:
    noise = np.random.default_rng(seed).integers(-9, 10, (12, 16, 3))
    levels = np.clip(np.full((12, 16, 3), 25 * label + 10) + noise, 0, 255).astype(np.uint8)
    Image.fromarray(levels).save(path, "JPEG", quality=95)


class Brightness:
    """A session that takes the class from an image's mean brightness."""

    def __init__(self) -> None:
        self.images = 0

    def logits(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        self.images += len(images)
        level = (images.mean(axis=(1, 2, 3)) * 0.226 + 0.449) * 255
        return -np.abs(level[:, None] - (25 * np.arange(CLASSES) + 10)).astype(np.float32)
