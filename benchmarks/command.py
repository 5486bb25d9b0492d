"""What the gate costs, against the same work without it, and what it notices."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from benchmarks.architectures_command import add_architectures_action
from benchmarks.bare import BareJob, BareRow, read_jobs, run_bare
from benchmarks.evaluation_command import add_evaluation_action
from benchmarks.fits_command import add_fits_action
from benchmarks.gate import JUDGED, require_empty, require_full, run_gate
from benchmarks.images_command import add_images_action
from benchmarks.measuring import Usage
from benchmarks.planted.command import add_faults_action
from benchmarks.rates_command import add_rates_action
from benchmarks.ratios import Ratios, accept, medians, ratios, read_accepted, regressions, table
from benchmarks.sensitivity_command import add_action
from benchmarks.tables import bare_table, comparison_table, machine_line
from benchmarks.throughput import add_throughput_action
from harness.errors import HarnessError
from harness.reporting.machine import describe
from harness.reporting.results import Machine
from harness.runtime import atomic
from harness.runtime.option_types import count

OK: Final = 0
FAILED: Final = 1
BAD_INPUT: Final = 2
PAGE: Final = "resnext"
STDERR: Final = 2  # pytest's output goes there, so that standard output is the figures alone


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one action; the exit status is that of :func:`run`, and 2 for bad input to any."""
    parsed = parser().parse_args(arguments)
    try:
        return int(parsed.run(parsed))
    except HarnessError as error:
        print(error, file=sys.stderr)
        return BAD_INPUT


def parser() -> argparse.ArgumentParser:
    """The command line; the parsed arguments carry ``run``."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure time, processor time and memory of the gate, and of the same work "
        "without it; what known faults do to int8 parity; or how often verdicts on accuracy, "
        "and causes of counts, are wrong. Exit code: pytest's where it is run, "
        "else 0; 1: a bare row failed or a fault is not noticed; 2: bad input.",
    )
    actions = parser.add_subparsers(dest="action", required=True)
    bare = actions.add_parser("bare", help="the work on each row, without the suite")
    gate = actions.add_parser("gate", help="the gate on an empty store, then on the full one")
    compare = actions.add_parser("compare", help="both, and the ratio")
    for action in (bare, compare):
        action.add_argument("--page", default=PAGE, help="default: %(default)s")
        action.add_argument(
            "--row", action="append", default=[], metavar="ID", help="only this row; repeatable"
        )
    gate.add_argument("--warm-only", action="store_true", help="only on the full store of --store")
    for action in (gate, compare):
        action.add_argument(
            "--store", type=Path, metavar="DIR", help="kept; default: a temporary folder"
        )
        action.add_argument(
            "arguments", nargs="*", metavar="PYTEST_ARGUMENT", help="after --, passed on"
        )
    compare.add_argument(
        "--ratios",
        type=Path,
        metavar="FILE",
        help="hold the ratios against the accepted ones of this file; exit code 1 where one is "
        "more than it may be",
    )
    compare.add_argument(
        "--accept", action="store_true", help="with --ratios: accept these ones instead"
    )
    compare.add_argument(
        "--rounds", type=count, default=1, metavar="N", help="take medians; default: %(default)s"
    )
    for action in (bare, gate, compare):
        action.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
        action.set_defaults(run=run)
    add_architectures_action(actions)
    add_action(actions)
    add_evaluation_action(actions)
    add_faults_action(actions)
    add_fits_action(actions)
    add_images_action(actions)
    add_rates_action(actions)
    add_throughput_action(actions)
    return parser


def run(args: argparse.Namespace) -> int:
    """Measure what is asked, print the tables, write the JSON file.

    Returns:
        pytest's exit code where it is run and is not 0, 1 where a bare row failed, 2 for bad
        input, else 0. A signal n that ended pytest is 128 + n, as shells say it.
    """
    try:
        return _run(args)
    except HarnessError as error:
        print(error, file=sys.stderr)
        return BAD_INPUT


def _run(args: argparse.Namespace) -> int:
    jobs = read_jobs(args.page, args.row) if args.action != "gate" else []
    warm_only = args.action == "gate" and args.warm_only
    if warm_only:
        require_full(args.store)
    elif args.action != "bare" and args.store is not None:
        require_empty(args.store)
    if args.action == "compare":
        _require_rounds(args)
    machine = describe()
    print(machine_line(machine), flush=True)
    rounds: list[Ratios] = []
    for _ in range(getattr(args, "rounds", 1)):
        bare, gate = _measured(args, jobs, warm_only=warm_only)
        if getattr(args, "ratios", None):
            rounds.append(ratios(bare, gate))
    if args.json is not None:
        figures = {
            "machine": dataclasses.asdict(machine),
            "bare": [dataclasses.asdict(row) for row in bare],
            "gate": {name: dataclasses.asdict(usage) for name, usage in gate.items()},
            "pytest_arguments": list(getattr(args, "arguments", [])),
        }
        atomic.write_text(args.json, json.dumps(figures, indent=2) + "\n")
    if rounds:
        return _judged(args, medians(rounds), machine)
    return exit_code(bare, gate)


def _measured(
    args: argparse.Namespace, jobs: Sequence[BareJob], *, warm_only: bool
) -> tuple[list[BareRow], dict[str, Usage]]:
    """Run what is asked for once, and print what it took."""
    bare: list[BareRow] = []
    for row in run_bare(jobs):
        bare.append(row)
        print(f"{len(bare)}/{len(jobs)} {row.row}: {row.usage.cpu_s:.1f} s CPU", file=sys.stderr)
    if bare:
        print(f"\n{bare_table(bare)}", flush=True)
    gate: dict[str, Usage] = {}
    if args.action != "bare":
        with _store(args.store) as store:
            gate = _gate(store, args.arguments, warm_only=warm_only)
        called = " ".join(("pytest -n auto", *args.arguments))
        print(f"\n{called}\n{comparison_table(bare, gate)}", flush=True)
    return bare, gate


def _require_rounds(args: argparse.Namespace) -> None:
    """Refuse options that do not go together.

    Raises:
        HarnessError: they do not, or there is no file of accepted ratios that can be read.
    """
    if args.accept and args.ratios is None:
        raise HarnessError("--accept needs --ratios FILE, where they are written")
    if args.rounds > 1 and args.ratios is None:
        raise HarnessError("--rounds is for --ratios FILE")
    if args.rounds > 1 and args.store is not None:
        raise HarnessError("--rounds needs a new store each time, and takes no --store")
    if args.ratios is not None and not args.accept:
        _, accepted_on = read_accepted(args.ratios)
        for what, asked in _work(args).items():
            if accepted_on.get(what) != asked:
                raise HarnessError(
                    f"{args.ratios}: accepted of {what} = {accepted_on.get(what)!r}, and {asked!r} "
                    "is asked for: only the same work can be held against it"
                )


def _work(args: argparse.Namespace) -> dict[str, str]:
    """What is measured, in words."""
    return {
        "page": args.page,
        "rows": " ".join(args.row) or "all",
        "pytest": " ".join(args.arguments) or "no arguments",
    }


def _judged(args: argparse.Namespace, found: Ratios, machine: Machine) -> int:
    """Accept ratios, or hold them against the accepted ones."""
    if args.accept:
        conditions = {
            **_work(args),
            "machine": machine_line(machine),
            "rounds": str(args.rounds),
        }
        accept(args.ratios, found, conditions)
        print(f"\n{table(found, None)}\n{args.ratios} written")
        return OK
    accepted, accepted_on = read_accepted(args.ratios)
    print(f"\n{table(found, accepted)}")
    print(f"accepted on {accepted_on.get('machine', 'an unknown machine')}")
    worse = regressions(found, accepted)
    for line in worse:
        print(f"regression: {line}")
    return FAILED if worse else OK


def _gate(store: Path, arguments: Sequence[str], *, warm_only: bool) -> dict[str, Usage]:
    """Run cold, then warm; no second time where the first could not run its tests."""
    runs: dict[str, Usage] = {}
    for name in ("warm",) if warm_only else ("cold", "warm"):
        runs[name] = run_gate(store, arguments, output=STDERR)
        if runs[name].exit_code not in JUDGED:
            break
    return runs


def exit_code(bare: Sequence[BareRow], gate: Mapping[str, Usage]) -> int:
    """What the command ends with, see :func:`run`."""
    for usage in gate.values():
        if usage.exit_code:
            return usage.exit_code if usage.exit_code > 0 else 128 - usage.exit_code
    return FAILED if any(row.failed for row in bare) else OK


@contextmanager
def _store(asked: Path | None) -> Iterator[Path]:
    if asked is not None:
        yield asked.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="zoo-bench-") as folder:
        yield Path(folder)
