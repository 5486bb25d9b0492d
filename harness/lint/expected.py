"""What ``expected/`` knows of rows: pinned networks, true counts, defects, published accuracies."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

from harness.expected.complexity import ExpectedComplexity
from harness.expected.complexity import read_expected as read_complexity
from harness.expected.pages import read_expected as read_page
from harness.expected.published import TableRole
from harness.expected.published import read_expected as read_published
from harness.expected.variants import Variant, read_variants
from harness.lint.known import Amount, Knowledge, Known
from harness.pages.reading import recorded_path
from harness.records import Metric, Row
from harness.sources.published import ExpectedPublished


def expected_knowledge(folder: Path, page: str) -> Knowledge:
    """What the files of one page say; nothing where there are none.

    Raises:
        ExpectationError: a file cannot be used as it is.
    """
    paths = {
        what: folder / what / f"{page}.toml"
        for what in ("pages", "variants", "complexity", "published")
    }
    if not paths["pages"].is_file():
        return Knowledge()
    rows = {row.id: row for row in read_page(paths["pages"]).rows}
    variants: dict[str, Variant] = {}
    complexity: Mapping[str, ExpectedComplexity] = {}
    published: ExpectedPublished | None = None
    if paths["variants"].is_file():
        variants = read_variants(paths["variants"])
    if paths["complexity"].is_file():
        complexity = read_complexity(paths["complexity"], list(rows)).rows
    if paths["published"].is_file():
        published = read_published(paths["published"], list(rows))
    told = f"counted, {recorded_path(paths['complexity'])}"
    return Knowledge(
        {
            id_: _counted(row, complexity.get(id_), told).filled(
                _published(variants.get(id_), published)
            )
            for id_, row in rows.items()
        }
    )


def _counted(row: Row, counts: ExpectedComplexity | None, told: str) -> Known:
    if counts is None:
        return Known()
    size = row.claim(Metric.INPUT_SIZE)
    return Known(
        params=Amount.exactly(counts.true_params, told),
        macs=Amount.exactly(counts.true_macs, told),
        size=int(size.value) if size else None,
        defects=counts.defects,
    )


def _published(variant: Variant | None, published: ExpectedPublished | None) -> Known:
    if variant is None:
        return Known()
    if published is None:
        return Known(network=variant.network)
    tables = [
        table
        for role in (TableRole.COPIED, TableRole.CURRENT)
        if (table := published.table(variant.source, role))
    ]
    return Known(
        network=variant.network,
        results=tuple(
            one for table in tables for one in table.results if one.model == variant.model
        ),
        noise=max((Fraction(table.noise.total) for table in tables), default=Fraction(0)),
    )
