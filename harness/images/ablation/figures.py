"""How much each step changes, for one image and over a set, in levels of 255."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.images.ablation.states import AblationStep, State
from harness.judging.logits import decibels

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PixelChange:
    """A difference of two tensors, in levels of 255 of the base pipeline; NaN where one has NaN."""

    mean_abs: float
    rms: float
    max_abs: float


@dataclass(frozen=True, slots=True)
class StepChange:
    """What a step did to one image.

    Attributes:
        own: against the state before.
        total: against the start.
        sqnr_db: of the start over ``total``, in dB; ``inf`` where nothing has changed yet.
    """

    step: AblationStep
    own: PixelChange
    total: PixelChange
    sqnr_db: float


@dataclass(frozen=True, slots=True)
class SetChange:
    """What a step did to a set of images.

    Attributes:
        own: medians over the images, each by itself.
        mean_rms: mean over the images of the root mean squares: what any of them moves.
        worst: the image that the step changed most, by its root mean square.
        worst_own: what the step did to that one.
        total, sqnr_db: medians, as in :class:`StepChange`.
    """

    step: AblationStep
    own: PixelChange
    mean_rms: float
    worst: str
    worst_own: PixelChange
    total: PixelChange
    sqnr_db: float


def image_changes(states: Sequence[State]) -> tuple[StepChange, ...]:
    """What each step did, for the states of one image.

    The start is the first state of the final size: tensors of different sizes cannot be compared,
    so what a change of the input size does is not a figure here.
    """
    last = states[-1].levels.shape
    states = [state for state in states if state.levels.shape == last]
    table = states[0].table.astype(np.float64)
    level = 255 / (table[:, -1] - table[:, 0])  # of a difference of normalized values
    start = before = _in_levels(states[0], level)
    signal = _rms(start)
    changes = []
    for state in states[1:]:
        now = _in_levels(state, level)
        total = _change(now - start)
        sqnr_db = decibels(signal, total.rms)
        changes.append(StepChange(state.step, _change(now - before), total, sqnr_db))
        before = now
    return tuple(changes)


def set_changes(images: Mapping[str, Sequence[StepChange]]) -> tuple[SetChange, ...]:
    """What each step did over a set of images, by their names.

    Raises:
        ValueError: there are none, or they went through different steps.
    """
    if len({tuple(one.step for one in changes) for changes in images.values()}) != 1:
        raise ValueError("expected images, all with the same steps")
    names = list(images)
    found = []
    for column in zip(*images.values(), strict=True):
        worst = int(np.argmax([one.own.rms for one in column]))  # the first NaN, where there is one
        found.append(
            SetChange(
                column[0].step,
                own=_median([one.own for one in column]),
                mean_rms=float(np.mean([one.own.rms for one in column])),
                worst=names[worst],
                worst_own=column[worst].own,
                total=_median([one.total for one in column]),
                sqnr_db=float(np.median([one.sqnr_db for one in column])),
            )
        )
    return tuple(found)


def _in_levels(state: State, level: Array) -> Array:
    return state.tensor() * level[:, None, None]


def _change(difference: Array) -> PixelChange:
    magnitude = np.abs(difference)
    return PixelChange(float(magnitude.mean()), _rms(difference), float(magnitude.max()))


def _rms(values: Array) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


def _median(changes: Sequence[PixelChange]) -> PixelChange:
    return PixelChange(
        *(
            float(np.median([getattr(one, name) for one in changes]))
            for name in ("mean_abs", "rms", "max_abs")
        )
    )
