"""What a pipeline is specified to do, in numbers: what its reference needs, and no more."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

IMAGENET_MEAN = (0.485, 0.456, 0.406)  # of R, G and B in fractions; torchvision's reference scripts
IMAGENET_STD = (0.229, 0.224, 0.225)


class Kernel(StrEnum):
    """How a size is changed."""

    PILLOW_BILINEAR = "Pillow's bilinear, antialiased"
    PILLOW_BICUBIC = "Pillow's bicubic, antialiased"
    OPENCV_BILINEAR = "OpenCV's bilinear, two taps, not antialiased"


class Rounding(StrEnum):
    """How a fraction of a pixel becomes a whole one."""

    CUT = "cut off"
    TO_EVEN = "to the nearest, halves to the even one"


@dataclass(frozen=True, slots=True)
class Recipe:
    """Resize, crop in the middle, scale, subtract the mean, divide by the standard deviation.

    Attributes:
        resize: (height, width) whatever the aspect ratio, or (short side,), in pixels.
        long_side: what becomes of the fraction of the longer side, given the short one.
        crop: (height, width), in pixels.
        origin: what becomes of half an odd remainder.
        scale: what levels are multiplied by before the mean is taken off.
    """

    resize: tuple[int] | tuple[int, int]
    kernel: Kernel
    crop: tuple[int, int] = (224, 224)
    long_side: Rounding = Rounding.CUT
    origin: Rounding = Rounding.TO_EVEN
    scale: float = 1 / 255
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD

    def resized(self, height: int, width: int) -> tuple[int, int]:
        """Height and width, in pixels, of an image of this size after the resize."""
        if len(self.resize) == 2:
            return self.resize
        short = self.resize[0]
        whole = round if self.long_side is Rounding.TO_EVEN else int
        if width <= height:
            return whole(short * height / width), short
        return short, whole(short * width / height)
