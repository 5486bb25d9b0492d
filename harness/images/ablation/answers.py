"""What a network makes of each step: how far its logits move, and how many top-1 answers flip."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from harness.images.ablation.states import AblationStep, State
from harness.images.pipelines import Floats
from harness.judging.parity import compare

Network = Callable[[Floats], Floats]
"""Images, float32 (n, 3, height, width), to logits (n, classes)."""

INT8_NETWORK = "int8 network"


@dataclass(frozen=True, slots=True)
class AnswerChange:
    """The logits after a step, against those at the start.

    Attributes:
        label: the step, or the int8 network on what ships.
        centred_sqnr_db: see :mod:`harness.judging.parity`; ``inf`` where nothing has moved.
        flipped: indices of the images with another best class than at the start.
    """

    label: str
    centred_sqnr_db: float
    flipped: tuple[int, ...]


@dataclass(slots=True)
class FlippedAnswers:
    """Collects logits, one image at a time.

    Attributes:
        fp32: asked after every step.
        int8: asked on what ships, in floats: it quantizes its input itself. None: not asked.
    """

    fp32: Network
    int8: Network | None = None
    _logits: dict[str, list[Floats]] = field(default_factory=dict)

    def ask(self, states: Sequence[State]) -> None:
        """Run one image's states, but for those of another size than the last."""
        last = states[-1].levels.shape
        before: State | None = None
        answer: Floats | None = None
        for state in states:
            if state.levels.shape != last:
                continue
            if answer is None or before is None or not _equal(before, state):
                answer = self.fp32(state.tensor()[None])[0]
            self._logits.setdefault(_label(state, before), []).append(answer)
            before = state
            if state.step is AblationStep.FLOAT16 and self.int8 is not None:
                int8 = self.int8(state.tensor()[None])[0]
                self._logits.setdefault(INT8_NETWORK, []).append(int8)

    def changes(self) -> tuple[AnswerChange, ...]:
        """Every step against the start, the int8 network last.

        Raises:
            MeasureError: fewer than two images, logits that are no numbers, or at the start the
                network does not tell the images apart.
        """
        logits = {label: np.stack(rows) for label, rows in self._logits.items()}
        start = logits.pop(AblationStep.START)
        order = sorted(logits, key=lambda label: label == INT8_NETWORK)
        found = []
        for label in order:
            parity = compare(start, logits[label], case=label)
            found.append(AnswerChange(label, parity.centred_sqnr_db, parity.flipped))
        return tuple(found)


def _label(state: State, before: State | None) -> str:
    return AblationStep.START.value if before is None else state.step.value


def _equal(one: State, other: State) -> bool:
    return np.array_equal(one.levels, other.levels) and np.array_equal(one.table, other.table)
