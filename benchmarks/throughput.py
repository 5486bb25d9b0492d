"""``bench throughput``: how fast exported models are, by LoadGen, beside the reference workload."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from harness.backends.backend import PRECISIONS, Precision
from harness.errors import HarnessError, RunError
from harness.runtime import atomic
from harness.runtime.isolation import Worker
from harness.runtime.option_types import count

if TYPE_CHECKING:
    from argparse import _SubParsersAction

    from harness.throughput.measuring import Workload

OK: Final = 0
SLOWER: Final = 1
BAD_INPUT: Final = 2

LIMIT_SECONDS: Final = 6 * 3600.0  # for all of it; an answer has its own limit
SCENARIOS: Final = ("SingleStream", "Offline")


def add_throughput_action(actions: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``throughput`` to the actions of ``bench``; the parsed arguments carry ``run``."""
    parser = actions.add_parser(
        "throughput",
        help="how fast exported models are, beside a reference workload",
        description="Measure models by MLCommons LoadGen, in turns with the reference workload. "
        "Exit code: 0; 1: int8 is surely slower than fp32; 2: bad input, or a test is invalid.",
    )
    parser.add_argument("--backend", default="onnxruntime", help="default: %(default)s")
    for precision in PRECISIONS:
        parser.add_argument(f"--{precision}", type=Path, metavar="MODEL", help="a compiled model")
    parser.add_argument(
        "--images",
        type=Path,
        required=True,
        metavar="NPY",
        help="two or more, preprocessed as the backend takes them",
    )
    parser.add_argument("--scenario", action="append", choices=SCENARIOS, help="default: both")
    for name, value, told in (
        ("instances", 1, "in each process, offline"),
        ("processes", 1, "offline"),
        ("batch", 1, "images, offline"),
        ("rounds", 10, "of each model"),
    ):
        parser.add_argument(
            f"--{name}", type=count, default=value, metavar="N", help=f"{told}: %(default)s"
        )
    parser.add_argument(
        "--seconds", type=_seconds, default=1.0, metavar="S", help="at least, a test: %(default)s"
    )
    parser.add_argument("--logs", type=Path, metavar="DIR", help="keep LoadGen's logs there")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Measure, print, write the JSON file; 0, 1 where int8 is slower than fp32, 2."""
    try:
        return _run(args)
    except HarnessError as error:
        print(error, file=sys.stderr)
        return BAD_INPUT


def _run(args: argparse.Namespace) -> int:
    from harness.throughput.measuring import Effort, measure, reference_subject

    models = {name: path for name in PRECISIONS if (path := getattr(args, name)) is not None}
    if not models:
        raise HarnessError(f"nothing to measure: --{', --'.join(PRECISIONS)} name models")
    for path in (*models.values(), args.images):
        if not path.exists():
            raise HarnessError(f"{path} does not exist")
    scenarios = args.scenario or SCENARIOS
    with tempfile.TemporaryDirectory(prefix="zoo-bench-") as folder, _logs(args.logs) as logs:
        candidates = _subjects(args, models)
        subjects = [reference_subject(Path(folder), candidates[0].load), *candidates]
        effort = Effort(rounds=args.rounds, seconds=args.seconds)
        with Worker() as worker:
            facts = worker.run(
                *(measure, subjects, effort, logs, scenarios),
                timeout_s=LIMIT_SECONDS,
                stage=RunError,
            )
    if args.json is not None:
        atomic.write_text(args.json, json.dumps(facts, indent=2) + "\n")
    return _report(facts, list(models), scenarios)


def _subjects(args: argparse.Namespace, models: Mapping[Precision, Path]) -> list[Workload]:
    from harness.backends.backend import Host
    from harness.backends.session import Load
    from harness.throughput.measuring import Workload
    from harness.throughput.rows import OpenModel

    return [
        Workload(
            name=name,
            open_session=OpenModel(args.backend, Host(), name, path.absolute()),
            images=args.images.absolute(),
            load=Load(instances=args.instances, processes=args.processes, batch=args.batch),
        )
        for name, path in models.items()
    ]


def _report(facts: Mapping[str, Any], names: Sequence[str], scenarios: Sequence[str]) -> int:
    """Print figures and ratios; whether int8 is slower anywhere."""
    from harness.judging.throughput import figures, int8_verdict, paired_ratio, speeds
    from harness.records import Outcome
    from harness.throughput.measuring import REFERENCE

    status = OK
    for scenario in scenarios:
        print(f"\n{scenario}, LoadGen {facts['loadgen']}")
        of = {name: speeds(facts, name, scenario) for name in (REFERENCE, *names)}
        for name in of:
            told = [
                f"{one.name} {one.value:g} {one.unit}" for one in figures(facts, name, scenario)
            ]
            if name != REFERENCE:
                ratio = paired_ratio(of[name], of[REFERENCE])
                told.append(f"of the reference {ratio.value:.4g} ± {ratio.noise():.1%}")
            print(f"{name:<10}{', '.join(told)}")
        if "int8" in of and "fp32" in of:
            ratio = paired_ratio(of["int8"], of["fp32"])
            verdict = int8_verdict(ratio)
            print(f"{verdict.outcome}: {verdict.recorded(f'[{scenario}]', '')}")
            if verdict.outcome is Outcome.DOES_NOT_CONFORM:
                status = SLOWER
    return status


@contextmanager
def _logs(asked: Path | None) -> Iterator[Path]:
    if asked is not None:
        yield asked.absolute()
        return
    with tempfile.TemporaryDirectory(prefix="zoo-bench-logs-") as folder:
        yield Path(folder)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.01 <= seconds <= 3600:
        raise argparse.ArgumentTypeError(f"{text!r} is not between 0.01 and 3600 seconds")
    return seconds
