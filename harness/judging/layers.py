"""Where two runs of one network part: layer by layer, from what each layer is given and gives.

Convolutions and fully connected layers are compared, in the order in which they run; what stands
between two of them shows in what the second is given. Of every tensor a fixed sample is kept, so
that networks of any size can be looked into.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from harness.records import Measurement

Array = npt.NDArray[Any]

SAMPLE: Final = 65_536
"""Values that are kept of a tensor, the same of every tensor of a shape."""

FLOAT_DEPARTS_DB: Final = 80.0
"""SQNR below which two float runs part. float32 rounding leaves 100 dB and more after 150 layers
of the page's networks; float16 in one layer leaves 66."""

SAME_DIRECTION: Final = 0.99999
"""Cosine between a channel's weights here and there, which a folded norm only scales."""

EXPLAINED: Final = 1e-4
"""Share of a channel's power that a scale and a shift leave where they are all that differs."""

FITTED: Final = 4
"""Values of a channel from which a scale is fitted; a shift alone where there are fewer."""

GONE: Final = "is missing"
NEW: Final = "is not in the reference"
WORST: Final = 10
"""Layers of a table that are marked."""


@dataclass(frozen=True, slots=True)
class Sampled:
    """Some values of a tensor: its shape, and a channel for each value, counted on ``axis``."""

    shape: tuple[int, ...]
    values: npt.NDArray[np.float64]
    channels: npt.NDArray[np.int64]

    @classmethod
    def of(cls, tensor: Array, *, axis: int = 1) -> Sampled:
        """The sample of a tensor; always at the same places for a shape."""
        flat = np.ascontiguousarray(tensor).reshape(-1)
        places = np.arange(flat.size)
        if flat.size > SAMPLE:
            places = np.random.default_rng(flat.size).choice(flat.size, SAMPLE, replace=False)
        axis %= max(tensor.ndim, 1)
        inner = math.prod(tensor.shape[axis + 1 :])
        channels = places // inner % tensor.shape[axis] if tensor.ndim else places
        return cls(tensor.shape, flat[places].astype(np.float64), channels)


@dataclass(frozen=True, slots=True)
class LayerTrace:
    """One layer as it ran.

    Attributes:
        name: as its library or its file calls it.
        kind: "convolution" or "linear".
        weight: (out, in, …), float.
        inputs, outputs: what it was given, and what it gave.
        normalized: what the normalization behind it gave, or None; a file may have it folded.
        between: the operators between it and the layers that feed it, where they are known.
        quantized_range: the smallest and largest value that its stored input can have, of int8.
    """

    name: str
    kind: str
    weight: Array
    inputs: Sampled
    outputs: Sampled
    normalized: Sampled | None = None
    between: tuple[str, ...] = ()
    quantized_range: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class LayerAgreement:
    """How near a layer's run is to its reference, in dB; -inf where shapes differ or it is missing.

    Attributes:
        before_db, after_db: SQNR of what it is given, and of what it gives.
        note: what is known of the difference, or "".
    """

    name: str
    kind: str
    before_db: float
    after_db: float
    note: str = ""

    @property
    def loss_db(self) -> float:
        """What the layer itself costs."""
        lost = min(self.before_db, 200.0) - self.after_db
        return lost if not math.isnan(lost) else math.inf


def sqnr_db(reference: Sampled, candidate: Sampled) -> float:
    """Power of the reference over that of the difference, in dB; -inf where shapes differ."""
    if reference.shape != candidate.shape:
        return -math.inf
    noise = float(np.square(candidate.values - reference.values).sum())
    signal = float(np.square(reference.values).sum())
    if not math.isfinite(noise):
        return -math.inf
    if noise == 0:
        return math.inf
    return 10 * math.log10(signal / noise) if signal else -math.inf


def compare_layers(
    reference: Sequence[LayerTrace], candidate: Sequence[LayerTrace]
) -> tuple[LayerAgreement, ...]:
    """Layer by layer, in the order of the reference; a layer that only one of them has is named.

    They are matched by name, where most have one that both know, or else by kind and order.
    """
    known, named = {one.name for one in reference}, {one.name: one for one in candidate}
    if 2 * len(known & set(named)) > len(known):
        found = [
            _agreement(one, named[one.name]) if one.name in named else _lone(one, GONE)
            for one in reference
        ]
        return (*found, *(_lone(one, NEW) for one in candidate if one.name not in known))
    one, two = (
        [f"{layer.kind} {sorted(layer.weight.shape)}" for layer in run]
        for run in (reference, candidate)
    )
    found = []
    for tag, start, end, other, until in SequenceMatcher(None, one, two, False).get_opcodes():
        if tag == "equal":
            pairs = zip(reference[start:end], candidate[other:until], strict=True)
            found += [_agreement(*pair) for pair in pairs]
            continue
        found += [_lone(layer, GONE) for layer in reference[start:end]]
        found += [_lone(layer, NEW) for layer in candidate[other:until]]
    return tuple(found)


def first_departure(
    layers: Sequence[LayerAgreement], *, least_db: float = FLOAT_DEPARTS_DB
) -> LayerAgreement | None:
    """The first layer that is given, or gives, something else than its reference."""
    return next((one for one in layers if not min(one.before_db, one.after_db) >= least_db), None)


def worst(layers: Sequence[LayerAgreement], *, most: int = WORST) -> tuple[LayerAgreement, ...]:
    """The layers that cost most by themselves, the worst first."""
    return tuple(sorted(layers, key=lambda one: -one.loss_db)[:most])


def measurements(layers: Sequence[LayerAgreement], **on: str) -> Iterator[Measurement]:
    """The SQNR behind each layer and what it loses by itself, in dB; of what is exact, nothing.

    ``on``: what else the figures were measured on.
    """
    for one in layers:
        for name, value in (("layer_sqnr", one.after_db), ("layer_loss", one.loss_db)):
            if math.isfinite(value):
                yield Measurement(name, value, "dB", {"layer": one.name, **on})


def told(layer: LayerAgreement) -> str:
    """A layer as a failure names it."""
    figures = f"SQNR {_db(layer.before_db)} before it, {_db(layer.after_db)} after it"
    return f"{layer.name} ({layer.kind}): {figures}" + (f"; {layer.note}" if layer.note else "")


def _db(value: float) -> str:
    return f"{value:.1f} dB" if math.isfinite(value) else ("exact" if value > 0 else "no agreement")


def _lone(layer: LayerTrace, what: str) -> LayerAgreement:
    shape = "x".join(map(str, layer.weight.shape))
    note = f"a layer with weights {shape} {what}"
    return LayerAgreement(layer.name, layer.kind, -math.inf, -math.inf, note)


def _agreement(reference: LayerTrace, candidate: LayerTrace) -> LayerAgreement:
    gives = [one for one in (reference.outputs, reference.normalized) if one is not None]
    before = sqnr_db(reference.inputs, candidate.inputs)
    after, nearest = max(
        ((sqnr_db(one, candidate.outputs), one) for one in gives), key=lambda pair: pair[0]
    )
    note = _note(reference, candidate, nearest, before, after)
    return LayerAgreement(reference.name, reference.kind, before, after, note)


def _note(
    reference: LayerTrace, candidate: LayerTrace, gives: Sampled, before: float, after: float
) -> str:
    if candidate.quantized_range is not None:
        return _clipped(reference.inputs, candidate.quantized_range)
    if before < FLOAT_DEPARTS_DB:
        if reference.inputs.shape != candidate.inputs.shape:
            return f"it is given {candidate.inputs.shape} in place of {reference.inputs.shape}"
        between = ", ".join(candidate.between)
        told = "what lies before it differs: an activation, an addition, pooling or the order"
        return told + (f"; in the file: {between}" if between else "")
    if after >= FLOAT_DEPARTS_DB:
        return ""
    folded = reference.normalized is not None
    if wrong := _other_weights(reference.weight, candidate.weight, folded=folded):
        return wrong
    if gives.shape != candidate.outputs.shape:
        return f"it gives {candidate.outputs.shape} in place of {gives.shape}: stride or padding"
    return _affine(gives, candidate.outputs) or (
        "its weights agree: stride, padding, dilation or groups, or what is added to it"
    )


def _other_weights(reference: Array, candidate: Array, *, folded: bool) -> str:
    """Which channels' weights point elsewhere; a norm that may be folded in only scales them."""
    if reference.shape != candidate.shape:
        return f"weights {candidate.shape} in place of {reference.shape}"
    one, two = (
        np.asarray(value, np.float64).reshape(len(value), -1) for value in (reference, candidate)
    )
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(two, axis=1)
    cosines = (one * two).sum(axis=1) / np.where(lengths > 0, lengths, np.inf)
    cosines = np.abs(cosines) if folded else cosines
    nothing = ~one.any(axis=1) & ~two.any(axis=1)
    wrong = np.flatnonzero((cosines < SAME_DIRECTION) & ~nothing)
    if not wrong.size:
        return ""
    which = "all" if wrong.size == len(one) else f"{wrong.size} of {len(one)}"
    first = "" if wrong.size == len(one) else f", the first of them channel {wrong[0]}"
    return f"its weights are others in {which} channels{first}"


def _affine(reference: Sampled, candidate: Sampled) -> str:
    """Where a scale and a shift of each channel explain all: a norm, folded or not."""
    worst_scale, worst_shift, channel, left, power = 1.0, 0.0, -1, 0.0, 0.0
    for number in np.unique(reference.channels):
        at = reference.channels == number
        one, two = reference.values[at], candidate.values[at]
        spread = float(one.std())
        if one.size < 2 or spread == 0:
            continue
        scale = 1.0
        if one.size >= FITTED:
            scale = float(((one - one.mean()) * (two - two.mean())).mean() / spread**2)
        shift = float(two.mean() - scale * one.mean())
        left += float(np.square(two - scale * one - shift).sum())
        power += float(np.square(one - one.mean()).sum())
        if abs(scale - 1) + abs(shift) / spread > abs(worst_scale - 1) + abs(worst_shift):
            worst_scale, worst_shift, channel = scale, shift / spread, int(number)
    if channel < 0 or left > EXPLAINED * power:
        return ""
    return (
        f"its weights agree; a scale and a shift of each channel explain all (channel {channel}: "
        f"{worst_scale:.4g} times, shifted by {worst_shift:.3g} standard deviations): its bias, or "
        "statistics, scale, shift or epsilon of the norm behind it"
    )


def _clipped(inputs: Sampled, limits: tuple[float, float]) -> str:
    low, high = limits
    share = float(((inputs.values < low) | (inputs.values > high)).mean())
    return f"input stored from {low:.4g} to {high:.4g}, {100 * share:.2g} % of it clipped"
