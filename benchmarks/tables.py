"""Costs as plain text."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence

from rich.console import Console
from rich.table import Table

from benchmarks.bare import BareRow
from benchmarks.bare_row import STEPS
from benchmarks.measuring import Usage
from harness.reporting.results import Machine
from harness.runtime.store.quantities import size_text

WIDTH = 200  # columns; no cell is cut before that


def machine_line(machine: Machine) -> str:
    """What was measured on."""
    memory = size_text(machine.memory_bytes)
    return f"{machine.cpu}, {machine.cores} cores, {memory}, {machine.platform}"


def bare_table(rows: Sequence[BareRow]) -> str:
    """Seconds of processor time for each row and step, with sums and shares."""
    title = f"bare steps, one row after the other on one thread, rows: {len(rows)}; CPU seconds"
    steps = [step for step in STEPS if any(step in row.steps for row in rows)]
    lines = [_bare_cells(row, steps) for row in rows]
    sums = [sum(row.steps[step].cpu_s for row in rows if step in row.steps) for step in steps]
    sums.append(sum(row.other_cpu_s for row in rows))
    whole = sum(row.usage.cpu_s for row in rows)
    wall = sum(row.usage.wall_s for row in rows)
    peak = max((row.usage.peak_bytes for row in rows), default=0)
    total = ["all", *map(_seconds, sums), _seconds(whole), _seconds(wall), size_text(peak)]
    shares = ["share", *(f"{value / whole:.0%}" if whole else "-" for value in (*sums, whole))]
    head = ["row", *steps, "other", "CPU", "wall", "peak"]
    table = _layout(head, [*lines, total, [*shares, "", ""]])
    failed = [_failure(row) for row in rows if row.failed]
    return "\n".join([title, table, *failed])


def comparison_table(bare: Sequence[BareRow], gate: Mapping[str, Usage]) -> str:
    """The gate's runs held against the bare steps; the ratio is of processor time.

    No ratio is given where a bare row failed, as its time is then not that of the whole work.
    """
    cpu_s = sum(row.usage.cpu_s for row in bare)
    comparable = cpu_s > 0 and not any(row.failed for row in bare)
    lines = []
    if bare:
        rows = [row.usage for row in bare]
        times = [_seconds(sum(usage.wall_s for usage in rows)), _seconds(cpu_s)]
        ratio = "1.00" if comparable else "-"
        lines.append([f"bare, rows: {len(rows)}", *times, ratio, *_memory(rows)])
    for name, usage in gate.items():
        ratio = f"{usage.cpu_s / cpu_s:.2f}" if comparable else "-"
        times = [_seconds(usage.wall_s), _seconds(usage.cpu_s)]
        lines.append([f"gate, {name}", *times, ratio, *_memory([usage])])
    head = ["", "wall s", "CPU s", "CPU/bare", "peak", "of", "samples", "largest process"]
    return "\n".join([_layout(head, lines), *_remarks(gate)])


def _bare_cells(row: BareRow, steps: Iterable[str]) -> list[str]:
    costs = [_seconds(row.steps[step].cpu_s) if step in row.steps else "-" for step in steps]
    usage = row.usage
    ends = [_seconds(row.other_cpu_s), _seconds(usage.cpu_s), _seconds(usage.wall_s)]
    return [row.row, *costs, *ends, size_text(usage.peak_bytes)]


def _memory(usages: Sequence[Usage]) -> list[str]:
    return [
        size_text(max(usage.peak_bytes for usage in usages)),
        "+".join(sorted({kind for usage in usages for kind in usage.memory.split("+")})),
        str(sum(usage.samples for usage in usages)),
        size_text(max(usage.largest_bytes for usage in usages)),
    ]


def _failure(row: BareRow) -> str:
    step = next(reversed(row.steps), "start")
    log = "".join(f"\n  | {line}" for line in row.log.splitlines())
    return f"FAILED: {row.row} in {step}, exit code {row.usage.exit_code}{log}"


def _remarks(gate: Mapping[str, Usage]) -> list[str]:
    remarks = []
    for name, usage in gate.items():
        if usage.exit_code:
            remarks.append(f"gate, {name}: exit code {usage.exit_code}")
        if usage.left_running:
            remarks.append(f"gate, {name}: {usage.left_running} processes outlived it, killed")
    return remarks


def _seconds(value: float) -> str:
    return f"{value:.1f}"


def _layout(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    table = Table(box=None, pad_edge=False)
    for index, name in enumerate(head):
        table.add_column(name, justify="right" if index else "left", no_wrap=True)
    for line in lines:
        table.add_row(*line)
    console = Console(
        file=io.StringIO(), width=WIDTH, color_system=None, markup=False, highlight=False
    )
    with console.capture() as captured:
        console.print(table)
    return "\n".join(line.rstrip() for line in captured.get().splitlines())
