"""``baseline accept RUNLOG``: make what a run measured the accepted state."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.catalogue import EXPECTED
from harness.errors import HarnessError
from harness.expectations.baselines import Baseline, read_baseline, write_baseline
from harness.records import Measurement
from harness.reporting.results import Run
from harness.reporting.runlog import read

MEASURED_BY = "test_parity["
NAME = "centred_sqnr"


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = subparsers.add_parser("baseline", help="accept measurements as the new baseline")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    accept = actions.add_parser(
        "accept",
        help="accept the int8 parity that a run measured on seeded weights",
        description="Rows that the run did not measure keep what was accepted for them.",
    )
    accept.add_argument("runlog", type=Path, metavar="RUNLOG")
    accept.add_argument("--expected", type=Path, default=EXPECTED, help=argparse.SUPPRESS)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write ``expected/baselines/parity.toml`` and print what changed."""
    log = read(arguments.runlog)
    measured = parities(log)
    if not measured:
        raise HarnessError(f"{arguments.runlog}: no int8 parity on seeded weights was measured")
    path = arguments.expected / "baselines" / "parity.toml"
    before = read_baseline(path).measurements if path.exists() else {}
    conditions = {
        "machine": log.header.machine.cpu,
        "onnxruntime": log.header.tools["onnxruntime"],
        "torch": log.header.tools["torch"],
    }
    write_baseline(path, Baseline({**before, **measured}, conditions))
    for case, names in sorted(measured.items()):
        old = before.get(case, {}).get(NAME)
        was = "nothing" if old is None else f"{old.value:.2f}"
        print(f"{case}: {NAME} {was} -> {names[NAME].value:.2f} dB")
    return 0


def parities(log: Run) -> dict[str, dict[str, Measurement]]:
    """Centred SQNR by row, as measured on seeded weights."""
    return {
        result.row: {NAME: Measurement(NAME, round(one.value, 2), one.unit)}
        for result in log.results
        if MEASURED_BY in result.case and result.weights == "seeded"
        for one in result.measurements
        if one.name == NAME
    }
