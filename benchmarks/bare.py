"""The bare steps of documented rows: each row in a process of its own, one after the other."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from benchmarks.measuring import Usage, measure
from benchmarks.stopwatch import StepCost
from harness.errors import ExpectationError, HarnessError
from harness.expected.pages import read_expected
from harness.expected.variants import Variant, read_variants
from harness.records import Metric

ROOT = Path(__file__).resolve().parents[1]
LOG_TAIL_LINES = 8  # of a row that failed

ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
"""For every library that obeys it. Sessions are given one thread too; only ``quantize_static``
makes sessions of its own on which no number can be set."""


@dataclass(frozen=True, slots=True)
class BareJob:
    """One row's network and the height and width of its images in pixels."""

    variant: Variant
    size: int


@dataclass(frozen=True, slots=True)
class BareRow:
    """What the bare steps of a row took.

    Attributes:
        row: the row's id.
        usage: of the whole process, its start and imports included.
        steps: by step, in the order they ran; where the row failed, its last one failed.
        log: the last lines that were printed where the row failed, or "".
    """

    row: str
    usage: Usage
    steps: dict[str, StepCost]
    log: str = ""

    @property
    def failed(self) -> bool:
        """Whether the row did not come to its end."""
        return self.usage.exit_code != 0

    @property
    def other_cpu_s(self) -> float:
        """Processor time outside the steps, in seconds: the interpreter's start and end."""
        return self.usage.cpu_s - sum(cost.cpu_s for cost in self.steps.values())


def read_jobs(page: str, rows: Collection[str] = (), *, root: Path = ROOT) -> list[BareJob]:
    """The jobs of a page's rows, or of the named ones, in the page's order.

    ``root``: the folder that holds ``expected/``.

    Raises:
        ExpectationError: the page's files cannot be used, or a row has no input size.
        HarnessError: the page has no row of that name.
    """
    documented = read_expected(root / "expected" / "pages" / f"{page}.toml").rows
    ids = [row.id for row in documented]
    for asked in rows:
        if asked not in ids:
            near = get_close_matches(asked, ids, n=1)
            hint = f", meant {near[0]}?" if near else ""
            raise HarnessError(f"page {page!r} has no row {asked!r}{hint}")
    variants = read_variants(root / "expected" / "variants" / f"{page}.toml", rows=ids)
    jobs = []
    for row in documented:
        if rows and row.id not in rows:
            continue
        claim = row.claim(Metric.INPUT_SIZE)
        size = int(claim.figure.value) if claim else variants[row.id].input_size
        if size is None:
            raise ExpectationError(f"{row.id}: neither page nor variant says its input size")
        jobs.append(BareJob(variants[row.id], size))
    return jobs


def run_bare(jobs: Sequence[BareJob]) -> Iterator[BareRow]:
    """Run the bare steps of each job, giving each as it ends; nothing is left on disk."""
    for job in jobs:
        with tempfile.TemporaryDirectory(prefix="zoo-bare-") as folder:
            yield _run_row(job, Path(folder))


def _run_row(job: BareJob, folder: Path) -> BareRow:
    costs, log = folder / "costs.json", folder / "log"
    work = folder / "work"
    work.mkdir()
    variant = job.variant
    arguments = (variant.source, variant.model, str(job.size), str(costs))
    with log.open("wb") as output:
        usage = measure(
            # -P: no file of the folder shadows a module
            (sys.executable, "-P", "-m", "benchmarks.bare_row", *arguments),
            cwd=work,
            environment={**ONE_THREAD, "PYTHONPATH": str(ROOT)},
            output=output,
        )
    told = log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_TAIL_LINES:]
    return BareRow(
        variant.row,
        usage,
        _read_steps(costs),
        "\n".join(told) if usage.exit_code else "",
    )


def _read_steps(costs: Path) -> dict[str, StepCost]:
    """What the row wrote; nothing where it was killed."""
    if not costs.exists():
        return {}
    written = json.loads(costs.read_text(encoding="utf-8"))
    return {name: StepCost(**cost) for name, cost in written.items()}
