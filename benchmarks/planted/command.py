"""``faults``: plant each fault of the catalogue, and print what the gate makes of it."""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks import mobilenet_zoo
from benchmarks.planted.faults import faults
from benchmarks.planted.faults.continuous import continuous
from benchmarks.planted.faults.fault import BUILT, COMPILED, ROWS, WRITTEN, Continuous, Fault
from benchmarks.planted.planting import PLANTS
from benchmarks.planted.running import Circumstances, Finding, prepare, run, run_clean
from harness.errors import HarnessError
from harness.runtime.foreign import read_text
from harness.runtime.identity import code_digest
from harness.runtime.store import open_store

OK: Final = 0
MISSED: Final = 1
LEAST_CAUGHT: Final = 0.97
LEAST_PLACED: Final = 0.9
JOBS: Final = 2
BEGIN: Final = "<!-- begin: python -m benchmarks faults --page docs/trust.md -->"
END: Final = "<!-- end of the matrix -->"
LARGEST: Final = 2**24  # bytes of a file of findings

CLEAN: Final = (
    Circumstances({"PYTHONHASHSEED": "1", "LC_ALL": "C"}),
    Circumstances({"PYTHONHASHSEED": "2", "OMP_NUM_THREADS": "4", "TZ": "Asia/Shanghai"}),
    Circumstances({"PYTHONHASHSEED": "3", "LC_ALL": "C.UTF-8"}, busy=3),
    Circumstances({"PYTHONHASHSEED": "4", "PYTEST_ADDOPTS": "-n 2"}),
    Circumstances({"PYTHONHASHSEED": "5", "MALLOC_PERTURB_": "165"}),
)
"""What a clean tree is run under, one after the other."""


@dataclass(frozen=True, slots=True)
class Marked:
    """A page with a place for the matrix."""

    before: str
    after: str

    @classmethod
    def read(cls, path: Path) -> Marked:
        """The page around its marks.

        Raises:
            HarnessError: it has none.
        """
        before, begin, rest = read_text(path, most=LARGEST).partition(BEGIN)
        _, end, after = rest.partition(END)
        if not (begin and end):
            raise HarnessError(f"{path}: expected {BEGIN} and {END}, between which the matrix goes")
        return cls(before, after)

    def with_table(self, lines: Iterable[str]) -> str:
        """The page with these lines between its marks."""
        return "\n".join((f"{self.before}{BEGIN}", "", *lines, "", f"{END}{self.after}"))


def add_faults_action(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the action."""
    parser = actions.add_parser("faults", help="which planted faults the gate notices")
    parser.add_argument("--quick", action="store_true", help="a few of each kind")
    parser.add_argument(
        "--only", default="", metavar="TEXT", help="the faults with this in their name or kind"
    )
    parser.add_argument(
        "--clean", type=int, default=0, metavar="N", help="also so many runs without a fault"
    )
    parser.add_argument(
        "--smallest",
        action="store_true",
        help="in place of the catalogue, the smallest fault of each continuous kind that is caught",
    )
    parser.add_argument("--jobs", type=int, default=JOBS, help="at a time; default: %(default)s")
    parser.add_argument(
        "--store", type=Path, metavar="DIR", help="where the clean rows are kept, or found"
    )
    parser.add_argument(
        "--findings", type=Path, metavar="FILE", help="kept; what is in it is not run again"
    )
    parser.add_argument(
        "--page",
        type=Path,
        metavar="FILE",
        help="also write the matrix into this page, at its marks",
    )
    parser.set_defaults(run=run_action)


def run_action(args: argparse.Namespace) -> int:
    """Run the chosen faults and print the matrix; see the command's help for the exit status."""
    if args.smallest:
        return _print_smallest(open_store(args.store).root)
    chosen = [
        one
        for one in faults()
        if (one.quick or not args.quick) and args.only in f"{one.name} {one.kind}"
    ]
    if not chosen:
        raise HarnessError(f"no fault has {args.only!r} in its name or kind")
    photographs = mobilenet_zoo.DATA.is_dir()
    for one in chosen:
        if one.labels and not photographs:
            print(f"not run: {one.name}: no photographs at {mobilenet_zoo.DATA}", file=sys.stderr)
    chosen = [one for one in chosen if photographs or not one.labels]
    page = Marked.read(args.page) if args.page is not None else None
    store = open_store(args.store).root
    found = _run_all(chosen, store, args)
    alarms = list(_alarms(store, args))
    table = list(matrix(chosen, found))
    for line in table:
        print(line)
    if page is not None:
        args.page.write_text(page.with_table(table), encoding="utf-8")
    problems = [*shortcomings(chosen, found), *alarms]
    for problem in problems:
        print(problem, file=sys.stderr)
    return MISSED if problems else OK


def _print_smallest(store: Path) -> int:
    prepare(store)
    missed = False
    for one in continuous():
        size = smallest(one, store)
        missed |= size is None
        told = f"off by {size:.1g} is caught" if size else f"not even off by {one.most:g} is caught"
        print(f"{one.fault.name}: {told}")
    return MISSED if missed else OK


def smallest(kind: Continuous, store: Path) -> float | None:
    """The smallest size that is caught, within a factor of two; None where the largest is not."""
    low, high = kind.least, kind.most
    if not _is_caught(kind.of(high), store):
        return None
    while high > 2 * low:
        middle = math.sqrt(low * high)
        low, high = (low, middle) if _is_caught(kind.of(middle), store) else (middle, high)
    return high


def _is_caught(fault: Fault, store: Path) -> bool:
    caught = run(fault, store).caught(fault)
    print(f"{fault.name}: {'caught' if caught else 'not caught'}", file=sys.stderr)
    return caught


def _run_all(chosen: Sequence[Fault], store: Path, args: argparse.Namespace) -> dict[str, Finding]:
    known = _known(args.findings)
    found = {one.name: known[_digest(one)] for one in chosen if _digest(one) in known}
    left = [one for one in chosen if one.name not in found]
    if left or args.clean:
        prepare(
            store,
            photographs=any(one.labels for one in left),
            vendor=any(one.environment for one in left),
        )
    with ThreadPoolExecutor(args.jobs) as pool:
        running = {pool.submit(run, one, store): one for one in left}
        for number, done in enumerate(as_completed(running), start=1):
            fault = running[done]
            finding = found[fault.name] = done.result()
            said = "caught" if finding.caught(fault) else "NOT CAUGHT"
            print(
                f"{number}/{len(left)} {fault.name}: {said}, {finding.seconds:.0f} s",
                file=sys.stderr,
            )
            if args.findings is not None:
                line = json.dumps({"fault": _digest(fault), **asdict(finding)})
                with args.findings.open("a", encoding="utf-8") as file:
                    file.write(f"{line}\n")
    return found


def _alarms(store: Path, args: argparse.Namespace) -> Iterator[str]:
    """A sentence for each failure of a clean tree."""
    rows, steps = list(ROWS.values()), (BUILT, WRITTEN, COMPILED)
    for number in range(args.clean):
        under = CLEAN[number % len(CLEAN)]
        row = rows[number % len(rows)]
        finding = run_clean(store, row, steps[number % len(steps)], under)
        print(f"clean {number + 1}/{args.clean} {row}: {finding.status}", file=sys.stderr)
        if finding.status:
            yield f"false alarm: {row} under {under}: {finding.told}"


def matrix(chosen: Sequence[Fault], found: dict[str, Finding]) -> Iterator[str]:
    """A table in Markdown, and the shares."""
    yield "| kind | fault | caught by | failures | blocked | place |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for fault in chosen:
        one = found[fault.name]
        by = [name for name in one.red if name in fault.caught_by] or ["**not caught**"]
        if not one.caught(fault) and one.red:
            by.append(f"but {one.red[0]}")
        place = {None: "", True: f"`{fault.place}`", False: "not named"}[one.placed]
        apart = "*" if fault.is_kept_apart else ""
        shown = ", ".join(name.removeprefix("test_").replace("_", " ") for name in by)
        cells = (fault.kind, fault.name + apart, shown, one.failures, one.blocked, place)
        yield f"| {' | '.join(map(str, cells))} |"
    yield ""
    for name, some in (
        ("all", chosen),
        ("kept apart (*)", [one for one in chosen if one.is_kept_apart]),
    ):
        caught = sum(found[one.name].caught(one) for one in some)
        told = [found[fault.name].placed for fault in some]
        placed = [one for one in told if one is not None]
        yield (
            f"{name}: {caught} of {len(some)} caught; the place named in {sum(placed)} of "
            f"{len(placed)}; one failure each, or one for each file, in "
            f"{sum(1 <= found[one.name].failures <= one.failures for one in some)}"
        )


def shortcomings(chosen: Sequence[Fault], found: dict[str, Finding]) -> Iterator[str]:
    """A sentence for each share that is too small, with the faults that make it so.

    One fault is one failure, or one for each file that it reaches.
    """
    missed = [one.name for one in chosen if not found[one.name].caught(one)]
    if len(missed) > (1 - LEAST_CAUGHT) * len(chosen):
        yield f"{len(missed)} of {len(chosen)} faults were not caught: {', '.join(missed)}"
    placed = {one.name: found[one.name].placed for one in chosen}
    wrong = [name for name, right in placed.items() if right is False]
    told = [name for name, right in placed.items() if right is not None]
    if len(wrong) > (1 - LEAST_PLACED) * len(told):
        yield f"the place was not named in {len(wrong)} of {len(told)}: {', '.join(wrong)}"
    often = [one.name for one in chosen if found[one.name].failures > one.failures]
    if often:
        yield f"{len(often)} of {len(chosen)} faults fail more than once: {', '.join(often)}"


def _digest(fault: Fault) -> str:
    """Of all that a finding rests on: the fault, how it is planted, and the suite."""
    plants = (path.read_text(encoding="utf-8") for path in sorted(PLANTS.glob("*.py")))
    text = [repr(fault), *plants, code_digest(".")]
    return hashlib.sha256("\n".join(text).encode()).hexdigest()


def _known(path: Path | None) -> dict[str, Finding]:
    """The findings of an earlier run, by the digest of what they rest on."""
    if path is None or not path.exists():
        return {}
    known = {}
    for number, line in enumerate(read_text(path, most=LARGEST).splitlines(), start=1):
        try:
            content: dict[str, Any] = json.loads(line)
            digest = content.pop("fault")
            known[digest] = Finding(**{**content, "red": tuple(content["red"])})
        except (ValueError, KeyError, TypeError) as error:
            raise HarnessError(f"{path}:{number}: not a finding: {error}") from error
    return known
