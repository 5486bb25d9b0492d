"""Whether an int8 model's parameters are those that its calibration images and weights ask for.

Activations are unsigned, from 0 to 255, and cover the range over all calibration images and zero.
Weights are signed and symmetric, each output channel to its largest value; a bias has the scale of
the layer's data times that of its weights. No accepted figure is needed to know this of any model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.records import Outcome, Verdict

HIGHEST = 255  # of an activation's levels

SCALE_BOUND = 1e-5
"""How far a scale may be from what it should be, relatively. 5e-7 was the largest seen, on
networks of ten architectures and up to 157 layers (2e-6 where fused kernels measured the ranges);
a scale that is wrong is off by percents."""

ROUNDED = 0.501
"""How far a zero point or a code may lie from its exact value: half a level, and the rounding of
float32, which moves 127 and 255 by less than 1e-4."""

FEW_LEVELS = 16  # of four bits
UNLIKE = 0.9
"""Cosine between weights and what is stored of them below which they are other weights. Four bits
leave 0.98 and more, a wrong scale leaves it at 1."""

RECOMPUTED_MODE = "max"
"""The calibrate_mode whose ranges are known: smallest and largest value over all images."""

SEVERAL = 3
"""Activations that must be off, and not all by one ratio, for the images to be blamed."""


@dataclass(frozen=True, slots=True)
class ParameterFault:
    """One tensor's parameter that is not what it should be.

    Attributes:
        kind: "scale", "zero point", "type", "channels" or "codes".
        of_image: whether it follows from the calibration images, and not from the weights.
        ratio: of such a scale to what it should be; None where no range is known.
    """

    layer: str
    tensor: str
    kind: str
    found: str
    expected: str
    cause: str
    of_image: bool
    ratio: float | None = None

    def __str__(self) -> str:
        return (
            f"{self.kind} of {self.tensor!r} in layer {self.layer!r} is {self.found}, expected "
            f"{self.expected}"
        )


def judge_parameters(parameters: Mapping[str, Any], *, calibrate_mode: str) -> Verdict:
    """Whether a compiled model's parameters are right; what is wrong comes with a likely cause.

    ``parameters``: what ``harness.backends.onnxruntime.parameters.read_parameters`` gives. Ranges
    of activations are judged where ``calibrate_mode`` is :data:`RECOMPUTED_MODE`, and are wrong
    where they are not finite, whatever was found.
    """
    if calibrate_mode == RECOMPUTED_MODE:
        found = findings(parameters)
    else:
        found = tuple(one for one in findings(parameters) if not one.of_image)
    activations = len(parameters["activations"])
    details: tuple[str, ...] = ()
    if found:
        others = f"; and {len(found) - 1} more" if len(found) > 1 else ""
        headline = f"{found[0]}{others}"
        details = (f"likely cause: {likely_cause(found, activations=activations)}",)
    elif parameters["unknown"]:
        names = ", ".join(parameters["unknown"][:5])
        headline = f"quantized tensors that the float model does not have: {names}"
    elif not activations or not parameters["constants"]:
        headline = "the compiled model has no quantized activations, or no quantized weights"
    else:
        constants = len(parameters["constants"])
        headline = f"{activations} activations, {constants} constants = as images and weights ask"
        return Verdict(Outcome.CONFORMS, headline)
    return Verdict(Outcome.DOES_NOT_CONFORM, headline, details)


def findings(parameters: Mapping[str, Any]) -> tuple[ParameterFault, ...]:
    """Everything that is wrong with a compiled model's parameters, in the order of its tensors.

    A constant that several layers read has the parameters that one of them asks for.
    """
    uses: dict[object, list[tuple[ParameterFault, ...]]] = {}
    for index, fact in enumerate(parameters["constants"]):
        uses.setdefault((fact["tensor"], fact.get("stored", index)), []).append(
            tuple(_constant(fact))
        )
    return (
        *(one for fact in parameters["activations"] for one in _activation(fact)),
        *(one for found in uses.values() if all(found) for one in found[0]),
    )


def likely_cause(found: Sequence[ParameterFault], *, activations: int) -> str:
    """What usually makes parameters wrong in this way; ``activations``: how many there are."""
    moved = {one.tensor: one.ratio for one in found if one.ratio is not None}
    if len(moved) >= SEVERAL and len({f"{ratio:.3g}" for ratio in moved.values()}) > 1:
        return (
            f"{len(moved)} of {activations} activations are off: calibrated on other images than "
            "these, on some of them, or by another rule than their smallest and largest value"
        )
    if len(moved) >= SEVERAL:
        return f"{len(moved)} of {activations} activations are off, {found[0].cause}"
    return found[0].cause


def _activation(fact: Mapping[str, Any]) -> Iterator[ParameterFault]:
    def wrong(
        kind: str, found: object, expected: object, cause: str, ratio: float | None = None
    ) -> ParameterFault:
        about = fact["layer"], fact["tensor"], kind, str(found), str(expected), cause
        return ParameterFault(*about, of_image=True, ratio=ratio)

    if fact["type"] != "uint8":
        yield wrong("type", fact["type"], "uint8", "activations of another width or sign")
        return
    ranges = [one for one in fact["ranges"] if one is not None]
    if len(ranges) < len(fact["ranges"]):
        yield wrong("scale", fact["scale"], "a finite range", "the float model gives NaN or inf")
        return
    wanted = [_affine(low, high) for low, high in ranges]
    if any(_fits(fact, scale, exact) for scale, exact in wanted):
        return
    scale, exact = wanted[-1]  # of a tensor that shares parameters, the one that is shared
    ratio = fact["scale"] / scale if scale else 1.0
    read = " where it is read" if fact["way"] == "read" else ""
    if scale and abs(ratio - 1.0) > SCALE_BOUND:
        yield wrong(
            "scale",
            f"{fact['scale']:.6g} ({ratio:.4g} times as large){read}",
            f"{scale:.6g} ± {SCALE_BOUND:g} of it",
            f"the scale of one tensor by {ratio:.4g}",
            ratio,
        )
    point = fact["zero_point"]
    if abs(point - exact) > ROUNDED:
        yield wrong(
            "zero point",
            f"{point}{read}",
            f"{exact:.2f}, rounded",
            _point(point, exact),
            ratio,
        )


def _affine(low: float, high: float) -> tuple[float, float]:
    """The scale of a range, and its zero point before rounding."""
    low, high = min(low, 0.0), max(high, 0.0)
    scale = (high - low) / HIGHEST
    return scale, (-low / scale if scale and low else 0.0)


def _fits(fact: Mapping[str, Any], scale: float, exact: float) -> bool:
    if scale == 0.0:  # nothing but zeros: whatever the scale, they stay zeros
        return True
    near = abs(fact["scale"] / scale - 1.0) <= SCALE_BOUND
    return near and bool(abs(fact["zero_point"] - exact) <= ROUNDED)


def _point(found: int, exact: float) -> str:
    by = found - round(exact)
    if abs(by) == 1:
        return "a zero point off by one: cut off, and not rounded"
    if found == 0:
        return "a zero point dropped"
    if found == (HIGHEST + 1) // 2:
        return "the zero point of a symmetric range"
    return f"a zero point off by {by:+d}"


def _constant(fact: Mapping[str, Any]) -> Iterator[ParameterFault]:
    def wrong(kind: str, found: object, expected: object, cause: str) -> ParameterFault:
        return ParameterFault(
            fact["layer"], fact["tensor"], kind, str(found), str(expected), cause, of_image=False
        )

    role = fact["role"]
    kinds = {"weights": ("int8",), "bias": ("int32",)}.get(role, ("int8", "uint8"))
    if fact["type"] not in kinds:
        lost = (
            f"the {role} dropped" if fact["type"] == "missing" else f"the {role} stored otherwise"
        )
        yield wrong("type", fact["type"], " or ".join(kinds), lost)
        return
    cause = _of_constant(fact)
    if fact["scales"] != fact["expected_scales"]:
        yield wrong("channels", f"{fact['scales']} scales", f"{fact['expected_scales']}", cause)
    ratio = fact["scale"] / fact["expected_scale"]
    if not abs(ratio - 1.0) <= SCALE_BOUND:
        yield wrong(
            "scale",
            f"{fact['scale']:.6g} in channel {fact['channel']} ({ratio:.4g} times as large)",
            f"{fact['expected_scale']:.6g} ± {SCALE_BOUND:g} of it",
            cause,
        )
    if abs(fact["zero_point"] - fact["expected_zero_point"]) > ROUNDED:
        yield wrong(
            "zero point",
            fact["zero_point"],
            f"{fact['expected_zero_point']:.2f}, rounded",
            _point(fact["zero_point"], fact["expected_zero_point"]),
        )
    if not fact["levels_off"] <= ROUNDED:
        yield wrong(
            "codes",
            f"up to {fact['levels_off']:.3g} levels off, {fact['levels']} different ones",
            f"{role} over scale, within {ROUNDED:g}",
            cause,
        )


def _of_constant(fact: Mapping[str, Any]) -> str:
    """What is wrong with a constant, if anything is."""
    role, ratio = fact["role"], fact["scale"] / fact["expected_scale"]
    if not fact["likeness"] >= UNLIKE:
        lost = "zeros, or " if fact["likeness"] == 0.0 else ""
        return f"the {role} are not this layer's: {lost}another layer's, or in another order"
    if fact["scales"] == 1 < fact["expected_scales"]:
        return f"the {role} have one scale for all {fact['expected_scales']} channels: per tensor"
    if 0 < fact["levels"] <= FEW_LEVELS:
        return f"{fact['levels']} levels: int4 in this layer"
    if abs(ratio - 1.0) > SCALE_BOUND:
        return f"the scale of one tensor by {ratio:.4g}"
    return f"the {role} are rounded otherwise, or changed after they were"
