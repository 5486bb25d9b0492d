"""The page's 58 accuracies, and what upstream publishes for them, read once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

import pytest

from harness.judging.published import FigureDefect, Published, judge_figure
from harness.pipeline.catalogue import EXPECTED, DocumentedModel, read_catalogue
from harness.records import Figure, Metric, Verdict
from harness.sources.published import ExpectedPublished, Upstream, read_expected, upstream_of


@dataclass(frozen=True)
class Entry:
    """One row with everything that is published for it."""

    model: DocumentedModel
    upstream: Upstream

    @property
    def published(self) -> Published:
        """The result of the pinned variant at the documented size."""
        return self.upstream.at(self.model.size)


Judge = Callable[..., Verdict]


@pytest.fixture(scope="session")
def facts() -> ExpectedPublished:
    """The facts as they are."""
    rows = [model.id for model in read_catalogue().rows]
    return read_expected(EXPECTED / "published" / "resnext.toml", rows)


@pytest.fixture(scope="session")
def entries(facts: ExpectedPublished) -> Mapping[str, Entry]:
    """All rows of the page by id; the installed packages are read."""
    return {model.id: entry(model, facts) for model in read_catalogue().rows}


def entry(model: DocumentedModel, facts: ExpectedPublished) -> Entry:
    return Entry(model, upstream_of(facts, row=model.id, variant=model.variant))


@pytest.fixture(scope="session")
def judge(facts: ExpectedPublished) -> Judge:
    """Judge a figure of a row; what is given by name stands in for the true one."""

    def judged(
        one: Entry,
        metric: Metric,
        *,
        figure: Figure | None = None,
        value: Decimal | None = None,
        defect: FigureDefect | str | None = "as listed",
    ) -> Verdict:
        claim = one.model.row.claim(metric)
        assert claim is not None
        published = one.published
        if value is not None:
            published = replace(published, **{str(metric): value})
        listed = facts.figures.get((one.model.id, metric))
        return judge_figure(
            claim if figure is None else replace(claim, figure=figure),
            published,
            noise=one.upstream.noise,
            copied=one.upstream.copied,
            others=one.upstream.current,
            defect=listed if isinstance(defect, str) else defect,
        )

    return judged
