"""What a failed comparison looks like, and what usually makes it look so."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from harness.judging.logits import Logits, paired, root_mean_square
from harness.judging.pairing import find_pairing
from harness.judging.parity import FLOAT32_EPS

EXPLAINED = 0.9
"""Share of the noise power that an offset or a gain must account for to be named."""

GAIN_DEVIATION = 0.02
"""A gain nearer to 1 than this is what rounding does to any network."""

CLIPPED_SHARE = 0.05
"""Share of images that must end at the candidate's ceiling or floor, two images at least."""

DISTINCT_SHARE = 0.9
"""With no more than this share of the reference's different outputs the candidate repeats itself;
a few near duplicates among the images may well become equal in int8."""

PROBABILITY_SUM_ERROR = 1e-2
"""How far the sum of an int8 softmax over 1000 classes may lie from 1."""


@dataclass(frozen=True, slots=True)
class Cause:
    """One likely cause: a short name to test for, and the sentence for the reader."""

    kind: str
    sentence: str

    def __str__(self) -> str:
        return self.sentence


def likely_causes(
    reference: ArrayLike, candidate: ArrayLike, *, case: str = ""
) -> tuple[Cause, ...]:
    """The causes that the pattern of differences points to, the most telling first.

    Empty where the noise has no pattern, which is what coarse quantization looks like. Only the
    two halves are seen: activations that saturate inside the network leave no pattern here.

    Raises:
        MeasureError: see :func:`harness.judging.logits.paired`.
    """
    reference, candidate = paired(reference, candidate, case=case)
    if np.array_equal(reference, candidate):
        return (
            Cause(
                "identical",
                "candidate equals reference to the last bit: it ran the float model "
                "(silent fallback), or nothing was quantized",
            ),
        )
    if collapsed := _collapsed(reference, candidate):
        return (collapsed,)
    if pairing := find_pairing(reference, candidate, case=case):
        sentence = f"outputs are matched to the wrong images: {pairing.description}"
        return (Cause("permutation", sentence),)
    found = (
        _repeated(reference, candidate),
        _probabilities(reference, candidate),
        _offset(reference, candidate),
        _gain(reference, candidate),
        _saturation(reference, candidate),
    )
    return tuple(cause for cause in found if cause is not None)


def _collapsed(reference: Logits, candidate: Logits) -> Cause | None:
    if len(reference) < 2:
        return None
    constant = _same_for_all(reference), _same_for_all(candidate)
    if all(constant):
        return Cause(
            "both constant",
            "both halves give every image the same logits: the weights say nothing, or the images "
            "do not reach the network",
        )
    if constant[1]:
        return Cause(
            "candidate constant",
            "the candidate gives every image the same logits: its activations collapsed, or the "
            "images do not reach it",
        )
    if constant[0]:
        return Cause(
            "reference constant",
            "the reference gives every image the same logits and cannot be compared with",
        )
    return None


def _same_for_all(logits: Logits) -> bool:
    scale = float(np.abs(logits).max())
    return root_mean_square(logits - logits.mean(axis=0)) <= FLOAT32_EPS * scale


def _repeated(reference: Logits, candidate: Logits) -> Cause | None:
    distinct = [len(np.unique(half, axis=0)) for half in (reference, candidate)]
    if distinct[1] > DISTINCT_SHARE * distinct[0]:
        return None
    return Cause(
        "repeated",
        f"the candidate has only {distinct[1]} different outputs for {distinct[0]} different ones "
        "of the reference: an output buffer or batch is used again",
    )


def _probabilities(reference: Logits, candidate: Logits) -> Cause | None:
    def is_softmax(half: Logits) -> bool:
        sums = half.sum(axis=1)
        return bool((half >= 0.0).all() and (np.abs(sums - 1.0) <= PROBABILITY_SUM_ERROR).all())

    if is_softmax(candidate) == is_softmax(reference):
        return None
    half, other = ("candidate", "reference")
    if is_softmax(reference):
        half, other = other, half
    return Cause(
        "softmax", f"the {half} gives probabilities and the {other} logits: one has a softmax more"
    )


def _offset(reference: Logits, candidate: Logits) -> Cause | None:
    if len(reference) < 2:
        return None
    noise = candidate - reference
    constant = noise.mean(axis=0)
    if _left_over(noise - constant, noise) > 1.0 - EXPLAINED:
        return None
    scope = "per class" if _left_over(constant - constant.mean(), constant) > 0.1 else "to all"
    where = "a zero point or bias" if scope == "to all" else "the zero points or biases of channels"
    return Cause(
        "offset",
        f"the difference is the same for every image, an offset {scope} of up to "
        f"{np.abs(constant).max():.3g}: {where} dropped or added twice",
    )


def _gain(reference: Logits, candidate: Logits) -> Cause | None:
    left, right = reference - reference.mean(), candidate - candidate.mean()
    scale = max(float(np.abs(left).max()), float(np.abs(right).max()))
    power = float(np.sum(np.square(left / scale)))
    if power == 0.0:
        return None
    gain = float(np.sum((left / scale) * (right / scale))) / power
    rest = (candidate - gain * reference) - (candidate - gain * reference).mean()
    if abs(gain - 1.0) < GAIN_DEVIATION or _left_over(rest, right - left) > 1.0 - EXPLAINED:
        return None
    if gain < 0.0:
        return Cause("gain", f"the candidate is the reference times {gain:.3g}: a sign is wrong")
    return Cause(
        "gain",
        f"the candidate is the reference times {gain:.3g}: an output scale is wrong or left out",
    )


def _saturation(reference: Logits, candidate: Logits) -> Cause | None:
    ceiling, floor = float(candidate.max()), float(candidate.min())
    above = (candidate.max(axis=1) == ceiling) & (reference.max(axis=1) > ceiling)
    below = (candidate.min(axis=1) == floor) & (reference.min(axis=1) < floor)
    clipped = int(np.count_nonzero(above | below))
    if clipped < max(2.0, CLIPPED_SHARE * len(reference)):
        return None
    return Cause(
        "saturation",
        f"{clipped} of {len(reference)} images end at the candidate's own limits {floor:.3g} and "
        f"{ceiling:.3g} where the reference spans {reference.min():.3g} to {reference.max():.3g}: "
        "the calibrated range is too narrow",
    )


def _left_over(rest: Logits, whole: Logits) -> float:
    """Share of the power of ``whole`` that is still in ``rest``; 0 where ``whole`` is zero."""
    power = root_mean_square(whole)
    return (root_mean_square(rest) / power) ** 2 if power else 0.0
