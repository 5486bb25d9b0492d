"""Costs of the gate in those of the bare steps of one run: kept, and held against later ones.

Seconds say how busy a machine was; what a run costs beside the bare work, measured at the same time
on the same rows, can be compared from one machine and day to another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from statistics import median
from typing import Final

import tomli_w

from benchmarks.bare import BareRow
from benchmarks.measuring import Usage
from harness.errors import HarnessError
from harness.runtime import atomic
from harness.runtime.document import ExpectedTable

Ratios = Mapping[str, Mapping[str, float]]
"""By the gate's run, cold or warm: of processor time, time on the clock and memory."""

FIGURES: Final = ("cpu", "wall", "memory")
MARGIN: Final = 1.25
"""Times an accepted ratio that may be taken without being a regression. Three single runs of one
commit differed by a fifth in time, by a tenth in processor time, and not in memory."""
SLACK: Final = 0.05
"""Added to that: what a run of two seconds differs by, in bare work of twenty."""

_HEADER: Final = (
    "# Accepted by `make benchmark ARGS=--accept`; never seconds, see benchmarks/ratios.py\n\n"
)


def ratios(bare: Sequence[BareRow], gate: Mapping[str, Usage]) -> Ratios:
    """What each run of the gate took, in units of what the bare steps took.

    Memory is held against the row that took most of it.

    Raises:
        HarnessError: a bare row failed, there is none, or the gate could not run its tests.
    """
    if not bare or any(row.failed for row in bare):
        raise HarnessError("there are no ratios where a bare row failed, or there is none")
    if any(usage.exit_code for usage in gate.values()) or not gate:
        raise HarnessError("there are no ratios where the gate fails")
    units = (
        sum(row.usage.cpu_s for row in bare),
        sum(row.usage.wall_s for row in bare),
        max(row.usage.peak_bytes for row in bare),
    )
    return {
        name: {
            figure: took / unit
            for figure, took, unit in zip(
                FIGURES, (usage.cpu_s, usage.wall_s, usage.peak_bytes), units, strict=True
            )
        }
        for name, usage in gate.items()
    }


def medians(rounds: Sequence[Ratios]) -> Ratios:
    """The median of each ratio over rounds of the same runs."""
    return {
        name: {figure: median(one[name][figure] for one in rounds) for figure in FIGURES}
        for name in rounds[0]
    }


def accept(path: Path, found: Ratios, conditions: Mapping[str, str]) -> None:
    """Write ratios as those that later ones are held against."""
    tables = {
        name: {figure: round(value, 2) for figure, value in figures.items()}
        for name, figures in found.items()
    }
    document = {"conditions": dict(conditions), **tables}
    atomic.write_text(path, _HEADER + tomli_w.dumps(document))


def read_accepted(path: Path) -> tuple[Ratios, Mapping[str, str]]:
    """The accepted ratios, and the conditions under which they were measured.

    Raises:
        ExpectationError: the file cannot be read, or is not as it was written.
    """
    top = ExpectedTable.load(path)
    top.only(("conditions", "cold", "warm"))
    conditions = top.table("conditions")
    found = {}
    for name in ("cold", "warm"):
        table = top.table(name)
        table.only(FIGURES)
        found[name] = {one: float(table.number(one, least=Decimal(0))) for one in FIGURES}
    return found, {key: conditions.text(key) for key in conditions.values}


def regressions(found: Ratios, accepted: Ratios) -> list[str]:
    """What costs more than it may, a line each; NaN is more than anything."""
    worse = []
    for name, figures in found.items():
        for figure, value in figures.items():
            before = accepted[name][figure]
            most = before * MARGIN + SLACK
            if not value <= most:
                worse.append(
                    f"{name} {figure}: {value:.2f} times the bare steps, accepted {before:.2f}, "
                    f"at most {most:.2f}"
                )
    return worse


def table(found: Ratios, accepted: Ratios | None) -> str:
    """The ratios, beside the accepted ones, as lines of text."""
    lines = [f"{'times the bare steps':24}{''.join(f'{one:>10}' for one in FIGURES)}"]
    for kind, each in (("", found), (", accepted", accepted or {})):
        for name, figures in each.items():
            cells = "".join(f"{figures[one]:10.2f}" for one in FIGURES)
            lines.append(f"{f'gate, {name}{kind}':24}{cells}")
    return "\n".join(lines)
