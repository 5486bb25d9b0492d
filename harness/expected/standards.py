"""What a run is held against, beside its rows: read whole before anything is measured."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from harness.errors import ExpectationError
from harness.expected.baselines import Baseline, parity_file, read_baseline
from harness.expected.buildconfig import read_build_config
from harness.expected.float_operators import FloatOperators, read_float_operators
from harness.expected.known_issues import read_known_issues
from harness.expected.published import ExpectedPublished, read_expected
from harness.expected.repairing import naming_the_repair
from harness.expected.tolerances import Tolerances, read_tolerances
from harness.records import KnownIssue, Page
from harness.runtime.document import Gathered


@dataclass(frozen=True, slots=True)
class Standards:
    """All that ``expected/`` holds beside the rows of its pages.

    Attributes:
        published: what is known of upstream's figures, by the page's name.
        baselines: accepted measurements, by file below ``baselines/``.
    """

    tolerances: Tolerances
    float_operators: FloatOperators
    known_issues: tuple[KnownIssue, ...]
    published: Mapping[str, ExpectedPublished]
    baselines: Mapping[str, Baseline]

    def published_of(self, page: Page) -> ExpectedPublished:
        """What is known of upstream's figures for a page.

        Raises:
            ExpectationError: its file is missing.
        """
        if page.name not in self.published:
            raise ExpectationError(f"published/{page.name}.toml is missing below expected/")
        return self.published[page.name]

    def accepted(self, name: str) -> Baseline:
        """The accepted measurements of a file below ``baselines/``.

        Raises:
            ExpectationError: there is none.
        """
        if name not in self.baselines:
            raise ExpectationError(f"baselines/{name} is missing below expected/")
        return self.baselines[name]

    def parity(self, backend: str) -> Baseline:
        """The last accepted parity on seeded weights of a backend; empty where there is none."""
        return self.baselines.get(parity_file(Path(), backend=backend).name, Baseline())


def read_standards(
    expected: Path,
    *,
    pages: Iterable[Page],
    models: Collection[str],
    backends: Collection[str],
    today: date,
) -> Standards:
    """Read every file, whether this run needs it or not.

    Args:
        pages: those of ``expected/pages``.
        models: the ids of all rows and documented failures.
        backends: the names of all there are.

    Raises:
        ExpectationError: a file is wrong, or names a row or backend that there is not; says which
            file and key. That a page has no published figures is an error of the cases that need
            them.
    """
    pages, faults = tuple(pages), Gathered()
    with faults.one():
        tolerances = read_tolerances(expected / "tolerances.toml")
        tolerances.require_used(row for page in pages for row in page.rows)
    with faults.one():
        declared = read_float_operators(expected / "float_operators.toml", backends=backends)
        declared.require_used(models)
    for path in sorted((expected / "build").glob("*.yaml")):
        with faults.one():
            read_build_config(path)
    with faults.one():
        issues = read_known_issues(expected / "known_issues.toml", today=today)
    with faults.one():
        published = _published(pages, expected)
    baselines = {}
    for path in sorted((expected / "baselines").glob("*.toml")):
        with faults.one():
            baselines[path.name] = read_baseline(path)
    faults.require_none()
    return Standards(tolerances, declared, issues, published, baselines)


def _published(pages: Iterable[Page], expected: Path) -> dict[str, ExpectedPublished]:
    """What is known of upstream's figures, for the pages that have a file of them."""
    found = {}
    for page in pages:
        path = expected / "published" / f"{page.name}.toml"
        if path.exists():
            with naming_the_repair(page.path, expected):
                found[page.name] = read_expected(path, [row.id for row in page.rows])
    return found
