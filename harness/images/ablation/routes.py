"""From the pipeline that a claim belongs to, to the one that ships: each such way once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.expected.pipelines import RowPipelines, RunTime, read_pipelines
from harness.images.pipelines import pipelines
from harness.records import Page


@dataclass(frozen=True, slots=True)
class Route:
    """A way from one pipeline to the one that ships.

    Attributes:
        claim: where it begins: the pipeline of a documented accuracy, or the one a page states.
        base: the same library's pipeline at the input size that ships; mostly ``claim``.
        ships: where it ends.
    """

    claim: str
    base: str
    ships: RunTime

    @property
    def id(self) -> str:
        """Stable, for tests and baselines."""
        return f"{self.claim}-to-{self.ships.pipeline}"


def pipelines_of(pages: Iterable[Page], expected: Path) -> dict[str, RowPipelines]:
    """Which pipelines belong to each row of all pages, by row id.

    Raises:
        ExpectationError: a page's file below ``expected/pipelines`` is missing or wrong.
    """
    found: dict[str, RowPipelines] = {}
    known = {id: pipeline.recipe.crop for id, pipeline in pipelines().items()}
    for page in pages:
        path = expected / "pipelines" / f"{page.name}.toml"
        found |= read_pipelines(path, rows=[row.id for row in page.rows], known=known)
    return found


def claim_route(row: RowPipelines) -> Route:
    """From what the row's accuracy was measured with."""
    return Route(row.claim, row.claim_at_input_size, row.ships)


def stated_route(row: RowPipelines) -> Route:
    """From what the page states."""
    return Route(row.stated, row.stated, row.ships)


def routes(rows: Iterable[RowPipelines]) -> Mapping[Route, tuple[str, ...]]:
    """The distinct routes of rows, with the rows of each: from claims first, then from the page."""
    rows = tuple(rows)
    found: dict[Route, list[str]] = {}
    for of in (claim_route, stated_route):
        for row in rows:
            found.setdefault(of(row), []).append(row.row)
    return {route: tuple(ids) for route, ids in found.items()}
