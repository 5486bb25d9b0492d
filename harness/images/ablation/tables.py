"""Waterfalls as text, and as data for other programs."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table

from harness.images.ablation.answers import AnswerChange
from harness.images.ablation.figures import SetChange, StepChange
from harness.images.ablation.routes import Route

WIDTH = 200  # columns; no cell is cut before that

_HEAD = ("step", "mean", "rms", "max", "worst rms", "worst image", "total rms", "total max", "SQNR")


def waterfall_table(changes: Sequence[SetChange]) -> str:
    """The steps of a set of images: medians of each step's own change, its worst image, and the
    medians of the whole change up to it. Levels of 255, and dB."""
    lines = []
    for one in changes:
        idle = one.worst_own.max_abs == 0
        lines.append(
            [
                one.step.value,
                *map(_levels, (one.own.mean_abs, one.own.rms, one.own.max_abs)),
                *("-" if idle else _levels(one.worst_own.rms), "-" if idle else one.worst),
                *map(_levels, (one.total.rms, one.total.max_abs)),
                f"{one.sqnr_db:.2f}",
            ]
        )
    return _layout(_HEAD, lines, left=("step", "worst image"))


def image_table(changes: Mapping[str, Sequence[StepChange]]) -> str:
    """Root mean square of each step's own change for each image, and of all of them together."""
    steps = [one.step.value for one in next(iter(changes.values()))]
    lines = [
        [name, *(_levels(one.own.rms) for one in own), _levels(own[-1].total.rms)]
        for name, own in changes.items()
    ]
    return _layout(("image", *steps, "total"), lines, left=("image",))


def answers_table(answers: Sequence[AnswerChange], *, images: int) -> str:
    """What a network makes of each step."""
    lines = [
        [one.label, f"{one.centred_sqnr_db:.2f}", f"{len(one.flipped)} of {images}"]
        for one in answers
    ]
    return _layout(("after", "centred SQNR", "top-1 flips"), lines, left=("after",))


def as_data(
    route: Route,
    rows: Sequence[str],
    images: Mapping[str, Sequence[StepChange]],
    over_set: Sequence[SetChange],
    answers: Sequence[AnswerChange],
) -> dict[str, Any]:
    """One route as JSON has it; infinity and NaN are null."""
    names = list(images)
    return {
        "claim": route.claim,
        "claim_at_input_size": route.base,
        "ships": route.ships.pipeline,
        "rows": list(rows),
        "unit": "levels of 255; sqnr_db in dB, null where nothing has changed",
        "set": [_plain(asdict(one)) for one in over_set],
        "images": {name: [_plain(asdict(one)) for one in own] for name, own in images.items()},
        "answers": [
            _plain({**asdict(one), "flipped": [names[index] for index in one.flipped]})
            for one in answers
        ],
    }


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _levels(value: float) -> str:
    """With four places; what would read as nothing and is not, says so."""
    return "<0.0001" if 0 < value < 0.00005 else f"{value:.4f}"


def _layout(head: Sequence[str], lines: Sequence[Sequence[str]], *, left: Sequence[str]) -> str:
    table = Table(box=None, pad_edge=False)
    for name in head:
        table.add_column(name, justify="left" if name in left else "right", no_wrap=True)
    for line in lines:
        table.add_row(*line)
    console = Console(
        file=io.StringIO(), width=WIDTH, color_system=None, markup=False, highlight=False
    )
    with console.capture() as captured:
        console.print(table)
    return "\n".join(line.rstrip() for line in captured.get().splitlines())
