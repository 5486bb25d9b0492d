"""``baseline accept RUNLOG``: make what a run measured the accepted state."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.errors import HarnessError
from harness.expected.baselines import (
    Baseline,
    parity_file,
    read_baseline,
    speed_file,
    write_baseline,
)
from harness.pipeline.catalogue import EXPECTED
from harness.records import Measurement
from harness.reporting.results import Run
from harness.reporting.runlog import read

MEASURED_BY = "test_parity["
NAME = "centred_sqnr"
SPEED_BY = "test_speed_is_the_accepted_one["
SPEED_RATIO = "_speed_ratio"
MISSING = "not installed"
TOOLS = ("onnxruntime", "torch", "openvino", "nncf")
"""Whose versions stand beside what was accepted, where the run log has them."""


Files = dict[Path, dict[str, dict[str, Measurement]]]
"""What was measured, by the file that accepts it, the case and the name."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = subparsers.add_parser("baseline", help="accept measurements as the new baseline")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    accept = actions.add_parser(
        "accept",
        help="accept the int8 parity (on seeded weights) and the speed that a run measured",
        description="Rows that the run did not measure keep what was accepted for them.",
    )
    accept.add_argument("runlog", type=Path, metavar="RUNLOG")
    accept.add_argument("--expected", type=Path, default=EXPECTED, help=argparse.SUPPRESS)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write ``expected/baselines/parity-BACKEND.toml`` and ``speed-…``; print what changed."""
    log = read(arguments.runlog)
    files = {**_parities(log, arguments.expected), **_speeds(log, arguments.expected)}
    if not files:
        raise HarnessError(
            f"{arguments.runlog}: neither int8 parity on seeded weights nor speed was measured"
        )
    for path, measured in sorted(files.items()):
        before = read_baseline(path).measurements if path.exists() else {}
        write_baseline(path, Baseline({**before, **measured}, _conditions(log)))
        for case, names in sorted(measured.items()):
            for name, now in sorted(names.items()):
                old = before.get(case, {}).get(name)
                was = "nothing" if old is None else f"{old.value:g}"
                print(f"{path.stem}: {case}: {name} {was} -> {now.value:g} {now.unit}".rstrip())
    return 0


def _conditions(log: Run) -> dict[str, str]:
    versions = {name: log.header.tools.get(name, MISSING) for name in TOOLS}
    here = {name: version for name, version in versions.items() if version != MISSING}
    return {"machine": log.header.machine.cpu, **here}


def _parities(log: Run, expected: Path) -> Files:
    """Centred SQNR by row, as measured on seeded weights."""
    found: Files = {}
    for result in log.results:
        if MEASURED_BY not in result.case or result.weights != "seeded":
            continue
        for one in result.measurements:
            if one.name == NAME:
                path = parity_file(expected, backend=one.conditions["backend"])
                kept = Measurement(NAME, round(one.value, 2), one.unit)
                found.setdefault(path, {})[result.row] = {NAME: kept}
    return found


def _speeds(log: Run, expected: Path) -> Files:
    """Speeds in units of the reference workload's, by row and precision; not too noisy ones."""
    from harness.judging.throughput import acceptable

    found: Files = {}
    for result in log.results:
        if SPEED_BY not in result.case:
            continue
        for one in result.measurements:
            if one.name.endswith(SPEED_RATIO) and acceptable(one):
                told = one.conditions
                path = speed_file(expected, backend=told["backend"], machine=told["machine"])
                cases = found.setdefault(path, {})
                cases.setdefault(f"{result.row} {told['precision']}", {})[one.name] = one
    return found
