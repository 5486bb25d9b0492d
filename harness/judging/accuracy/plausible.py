"""Whether what lies between two halves can come of quantization at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from harness.judging.accuracy.pairs import PairedCounts, mcnemar_p, score

GAIN: Final = 0.01
"""Share of images that a lower precision may seem to win. Rounding adds no information: what is
published of int8 lies at most some tenths of a point above fp32."""

RISK: Final = 1e-3
"""Of refusing a model that gains just :data:`GAIN`."""

IDENTICAL: Final = 30
"""Images. An honest int8 names the same five classes in the same order for 39 % of photographs
(MobileNetV2, 300 of them), so that 30 in a row come of chance in 5e-13."""

MANY_OTHER: Final = 0.15
"""Share of images with another first class that no quantization comes near: 4 to 5 % are usual."""

Ids = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Doubt:
    """What cannot be, and the likely cause."""

    finding: str
    cause: str


def _gains_too_much(counts: PairedCounts, population: int | None) -> bool:
    """Whether more is won than :data:`GAIN`: for sure where all images are known, else but for
    :data:`RISK`."""
    losses, gains, images = counts.losses, counts.gains, counts.images
    if images == population:
        return gains - losses > GAIN * images
    if gains <= losses:
        return False
    return bool(score(losses, gains, images, loss=-GAIN, population=population) < -norm.isf(RISK))


def doubt(
    counts: PairedCounts,
    *,
    fp32: Ids,
    other: Ids,
    scores: tuple[Floats, Floats] | None,
    precision: str,
    population: int | None,
    differs: str = "",
) -> Doubt | None:
    """What of two halves on the same images is too good to be true, or None.

    Args:
        counts: images that only one of them gets right.
        fp32, other: the classes they name, the most probable first; int64 (images, ranks).
        scores: their probabilities, where both are known; float64 (images, ranks).
        precision: of the other half.
        population: of how many images these were drawn; None is an endless number.
        differs: what differs between the halves beside precision.
    """
    images = counts.images
    same_order = fp32.shape == other.shape and bool((fp32 == other).all())
    same_bits = scores is not None and bool(np.array_equal(*scores))
    if images >= IDENTICAL and same_order and (same_bits or precision == "int8"):
        bits = ", to the last bit of their probabilities" if same_bits else ""
        return Doubt(
            f"identical answers: {precision} names the same classes in the same order as fp32 for "
            f"all {images} images{bits}",
            f"this is the fp32 run under another name: nothing was computed in {precision}",
        )
    if not _gains_too_much(counts, population):
        return None
    changed = float((fp32[:, 0] != other[:, 0]).mean())
    points = 100.0 * (counts.gains - counts.losses) / images
    finding = (
        f"{precision} is {points:.2f} points above fp32 ({counts.gains} gained, {counts.losses} "
        f"lost, p = {mcnemar_p(counts.losses, counts.gains):.2g}), which rounding cannot be"
    )
    if differs:
        return Doubt(finding, f"the halves saw different images: {differs}")
    if changed > MANY_OTHER:
        return Doubt(
            finding,
            f"{changed:.0%} of the first classes differ, quantization changes some 5 %: the halves "
            "saw differently prepared images (orientation, crop, channel order, normalization)",
        )
    return Doubt(
        finding, "fp32 is broken: other weights, or the float export is not the network quantized"
    )
