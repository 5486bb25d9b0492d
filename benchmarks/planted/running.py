"""One fault after the other, or a clean tree, through the real gate."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks import mobilenet_zoo
from benchmarks.gate import JUDGED, ROOT
from benchmarks.planted.faults.fault import ROWS, Fault
from benchmarks.planted.faults.vendor import ON_VENDOR
from benchmarks.planted.planting import PLANTS, planted
from benchmarks.planted.plants.labels import changed
from harness.errors import HarnessError
from harness.reporting.results import CaseOutcome, CaseResult
from harness.reporting.runlog import read

PHOTOGRAPHS: Final = 100  # of 1,300 that are evaluated
LIMIT_S: Final = 900.0  # of one run of the gate; the slowest takes 60
OURS: Final = f"{PLANTS.parent.name}/{PLANTS.name}/"  # in a traceback
RED: Final = (CaseOutcome.FAILED, CaseOutcome.ERRORED)
TELLS: Final = 300  # characters of a failure that are kept


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a clean tree is run under: an environment, and so many processes that only spin."""

    environment: Mapping[str, str]
    busy: int = 0


@dataclass(frozen=True, slots=True)
class Finding:
    """What the gate made of a fault, or of a clean tree.

    Attributes:
        status: pytest's exit status.
        red: the checks that have failed, each once; not those in which the change itself broke.
        failures, blocked: how many cases failed, and how many wait for those.
        told: the first failure, in its words.
        placed: whether the place was named; None where there is none to name.
        seconds: what the run took.
    """

    status: int
    red: tuple[str, ...]
    failures: int
    blocked: int
    told: str
    placed: bool | None
    seconds: float

    def caught(self, fault: Fault) -> bool:
        """Whether one of the checks that have to failed."""
        return bool(set(self.red) & set(fault.caught_by))


def prepare(store: Path, *, photographs: bool = False, vendor: bool = False) -> None:
    """Run the clean gate on the catalogue's rows, so that a fault costs what it changes.

    ``photographs``: also the accuracy of the row that is run on real ones. ``vendor``: also one row
    on the stand-in for the vendor's tools.

    Raises:
        HarnessError: the clean gate is not green.
    """
    found = [_gate(store, ROWS.values(), marks="page or complexity or export or int8")]
    if photographs:
        with tempfile.TemporaryDirectory(prefix="faults-") as name:
            found.append(_on_photographs(store, Path(name)))
    if vendor:
        found.append(_gate(store, [ROWS["torchvision"]], marks="int8", options=ON_VENDOR))
    for one in found:
        if one.status:
            raise HarnessError(f"the clean gate fails, so no fault can be seen in it: {one.told}")


def run(fault: Fault, store: Path) -> Finding:
    """Plant a fault and run the gate on its row, with what comes before it from the store.

    ``store``: as :func:`prepare` left it, and leaves it.
    """
    with tempfile.TemporaryDirectory(prefix="faults-") as name:
        folder = Path(name)
        site, expected = folder / "site", None
        site.mkdir()
        if fault.labels:
            return _on_photographs(store, folder, labels=fault.labels)
        if fault.page[0]:
            expected = _with_page(fault, folder / "expected")
        return _gate(
            _without(fault.rebuilt, store, folder / "store"),
            [fault.row],
            marks=fault.marks,
            select=fault.select,
            expected=expected,
            environment=planted(fault, site, os.environ),
            place=fault.place,
            options=fault.given,
        )


def _on_photographs(store: Path, folder: Path, *, labels: str = "") -> Finding:
    """Run the gate's accuracy on real photographs, under their labels or changed ones."""
    zoo = mobilenet_zoo.build(folder)
    options = [*zoo.options(), f"--images={PHOTOGRAPHS}", f"--results={folder / 'results'}"]
    if labels:
        lines = (mobilenet_zoo.VALIDATION / "val_label.txt").read_text("utf-8").splitlines()
        files, ids = zip(*(line.rsplit(" ", 1) for line in lines), strict=True)
        made = changed(labels, [int(one) for one in ids])
        text = "".join(f"{file} {one}\n" for file, one in zip(files, made, strict=True))
        (folder / "labels.txt").write_text(text, encoding="utf-8")
        options.append(f"--labels={folder / 'labels.txt'}")
    return _gate(store, (), marks="accuracy", options=options)


def run_clean(store: Path, row: str, rebuilt: Iterable[str], under: Circumstances) -> Finding:
    """Run the gate on a row without a fault, on steps that are built anew."""
    marks, environment = "page or complexity or export or int8", {**os.environ, **under.environment}
    spin = [sys.executable, "-c", "while True: pass"]
    with tempfile.TemporaryDirectory(prefix="faults-") as name, ExitStack() as busy:
        for _ in range(under.busy):
            process = busy.enter_context(subprocess.Popen(spin))
            busy.callback(process.kill)
        copy = _without(rebuilt, store, Path(name) / "store")
        return _gate(copy, [row], marks=marks, environment=environment)


def _with_page(fault: Fault, folder: Path) -> Path:
    """Expectations with the fault on the page, as ``extract`` would write them."""
    shutil.copytree(ROOT / "expected", folder)
    page = folder / "pages" / "resnext.toml"
    text = page.read_text(encoding="utf-8")
    begin = text.index(f'id = "{fault.row}"')
    following = re.compile(r"^\[\[\w+\]\]", re.M).search(text, begin)
    end = following.start() if following else len(text)
    row, (old, new) = text[begin:end], fault.page
    if old not in row:
        raise HarnessError(f"fault {fault.name!r}: {old} is not among the claims of {fault.row}")
    page.write_text(text[:begin] + row.replace(old, new, 1) + text[end:], encoding="utf-8")
    return folder


def _without(steps: Iterable[str], store: Path, copy: Path) -> Path:
    """A copy of a store that lacks what some steps made; its files are the same ones."""
    left_out = set(steps)

    def ignored(folder: str, names: list[str]) -> set[str]:
        return left_out & set(names) if Path(folder) == store else set()

    shutil.copytree(store, copy, ignore=ignored, copy_function=_linked)
    return copy


def _linked(source: str, target: str) -> None:
    if os.access(source, os.W_OK) and os.stat(source).st_mode & 0o222:
        shutil.copy2(source, target)  # what is written to, as locks
    else:
        os.link(source, target)


def _gate(
    store: Path,
    rows: Iterable[str],
    *,
    marks: str,
    select: str = "",
    expected: Path | None = None,
    environment: Mapping[str, str] | None = None,
    place: str = "",
    options: Iterable[str] = (),
) -> Finding:
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        log = Path(folder) / "run.jsonl"
        command: list[Any] = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        command += ["-m", marks, f"--store={store}", f"--run-log={log}"]
        command += ["-k", select] if select else [f"--row={row}" for row in rows]
        command += [f"--expected={expected}"] if expected else []
        command += options
        begun = time.monotonic()
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # of the stand-in
        done = subprocess.run(
            command,
            cwd=ROOT,
            env={**(environment or os.environ), "PATH": path},
            capture_output=True,
            text=True,
            check=False,
            timeout=LIMIT_S,
        )
        seconds = time.monotonic() - begun
        if done.returncode not in JUDGED:
            lines = (done.stdout + done.stderr).strip().splitlines() or [""]
            return Finding(done.returncode, (), 0, 0, lines[-1][:TELLS], None, seconds)
        results = read(log).results if log.exists() else _listed(done.stdout)
    red = [one for one in results if one.outcome in RED]
    blocked = sum(one.outcome is CaseOutcome.BLOCKED for one in results)
    names = tuple(dict.fromkeys(_check(one) for one in red if _is_judged(one)))
    placed = any(place in _words(one) for one in red) if place and red else None
    told = " ".join(_words(red[0]).split())[:TELLS] if red else ""
    return Finding(done.returncode, names, len(red), blocked, told, placed, seconds)


def _listed(output: str) -> tuple[CaseResult, ...]:
    """The failures of cases that are about no row, of which there is no log."""
    sections = re.findall(r"^_+ (test_\S+) _+\n(.*?)(?=^[_=]{3,} )", output, re.M | re.S)
    return tuple(
        CaseResult(f"::{name}", CaseOutcome.FAILED, reason=text) for name, text in sections
    )


def _is_judged(result: CaseResult) -> bool:
    """Whether a case failed by what it saw, and not because the change itself broke."""
    return OURS not in result.reason


def _check(result: CaseResult) -> str:
    """The test of a case."""
    return result.case.partition("::")[2].partition("[")[0]


def _words(result: CaseResult) -> str:
    return f"{result.verdict or ''} {result.reason}".strip()
