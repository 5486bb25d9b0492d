"""``baseline accept RUNLOG``: make what a run measured the accepted state."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.catalogue import EXPECTED
from harness.errors import HarnessError
from harness.expectations.baselines import Baseline, parity_file, read_baseline, write_baseline
from harness.records import Measurement
from harness.reporting.results import Run
from harness.reporting.runlog import read

MEASURED_BY = "test_parity["
NAME = "centred_sqnr"
TOOLS = ("onnxruntime", "torch", "openvino", "nncf")
"""Whose versions stand beside what was accepted, where the run log has them."""


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
    """Write ``expected/baselines/parity-BACKEND.toml`` and print what changed."""
    log = read(arguments.runlog)
    measured = parities(log)
    if not measured:
        raise HarnessError(f"{arguments.runlog}: no int8 parity on seeded weights was measured")
    for backend, rows in sorted(measured.items()):
        path = parity_file(arguments.expected, backend=backend)
        before = read_baseline(path).measurements if path.exists() else {}
        write_baseline(path, Baseline({**before, **rows}, _conditions(log)))
        for case, names in sorted(rows.items()):
            old = before.get(case, {}).get(NAME)
            was = "nothing" if old is None else f"{old.value:.2f}"
            print(f"{case} on {backend}: {NAME} {was} -> {names[NAME].value:.2f} dB")
    return 0


def _conditions(log: Run) -> dict[str, str]:
    return {
        "machine": log.header.machine.cpu,
        **{name: log.header.tools[name] for name in TOOLS if name in log.header.tools},
    }


def parities(log: Run) -> dict[str, dict[str, dict[str, Measurement]]]:
    """Centred SQNR by backend and row, as measured on seeded weights."""
    found: dict[str, dict[str, dict[str, Measurement]]] = {}
    for result in log.results:
        if MEASURED_BY not in result.case or result.weights != "seeded":
            continue
        for one in result.measurements:
            if one.name == NAME:
                rows = found.setdefault(one.conditions["backend"], {})
                rows[result.row] = {NAME: Measurement(NAME, round(one.value, 2), one.unit)}
    return found
