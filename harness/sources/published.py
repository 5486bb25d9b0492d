"""What upstream publishes for each variant: read from installed packages, or kept as facts.

torchvision and mmpretrain carry their figures in the package, so those are read live. timm and
PaddleClas publish tables, whose figures stand in ``expected/published``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol, cast

from harness.errors import ExpectationError, MissingSource, Unavailable
from harness.expected.published import ExpectedPublished, TableRole, read_expected
from harness.expected.variants import Variant
from harness.judging.published import METRICS, Published
from harness.records import Row, Tolerance
from harness.runtime import entry_points
from harness.sources import source as declared

__all__ = [
    "ExpectedPublished",
    "PublishedReader",
    "ResultsModule",
    "Upstream",
    "installed",
    "read_expected",
    "upstream_of",
]

ReadInstalled = Callable[[Variant], tuple[Published, ...]]

NEVER_REMEASURED = Tolerance((), "the package publishes one figure, which the page has copied")


class PublishedReader(Protocol):
    """A module that knows what an installed package publishes."""

    def results(self, model: str, *, weights: str) -> tuple[Published, ...]:
        """The results of a pinned model, and of those published beside it.

        Args:
            model: as it is pinned.
            weights: the name of the pinned weights file, which has to be the published one.

        Raises:
            MissingSource: the package does not know the model, or publishes no figures for it.
            ExpectationError: the package publishes figures of another weights file.
            MeasureError: what it publishes is no percentage. NaN is kept.
        """
        ...


class ResultsModule(Protocol):
    """A module with a table of results that the installed package does not carry.

    Attributes:
        WHERE: which table, with its edition.
        REMEASURED: points by which its figures move from one edition to the next.
        REASON: where that is known from.
    """

    WHERE: str
    REMEASURED: Decimal
    REASON: str

    def published_results(self) -> Mapping[str, tuple[Published, ...]]:
        """Each model's accuracies, the smallest input first."""
        ...


@dataclass(frozen=True, slots=True)
class Upstream:
    """What is published for one row.

    Attributes:
        model: the pinned variant.
        current: what its source publishes now, of all variants.
        copied: the variant's results in the table that the page was copied from, or none.
        noise: how far figures of the current table move when they are measured again.
    """

    model: str
    current: tuple[Published, ...]
    copied: tuple[Published, ...]
    noise: Tolerance

    def at(self, size: int) -> Published:
        """What is published for the variant at an input size in pixels.

        Raises:
            ExpectationError: nothing is.
        """
        own = [one for one in self.current if one.model == self.model]
        for result in own:
            if result.preprocessing.size == size:
                return result
        sizes = ", ".join(str(one.preprocessing.size) for one in own)
        raise ExpectationError(
            f"no figure of {self.model} is published at {size} px"
            + (f", only at {sizes}" if sizes else "")
            + "; list one in expected/published, or say under [missing] why there is none"
        )

    def measured(self, row: Row, *, size: int) -> Published:
        """The result that the row's documented figures come from.

        That is the one in the table the page was copied from which gives all of them to the digit;
        else what is published at the documented size.

        Raises:
            ExpectationError: nothing is published at that size.
        """
        claims = [claim for claim in row.claims if claim.metric in METRICS]
        for result in self.copied:
            if all(result.prints(claim.metric, claim.figure) for claim in claims):
                return result
        return self.at(size)


def installed(source: str, model: str, *, weights: str) -> tuple[Published, ...]:
    """What the installed package of a source publishes; imports it.

    Raises:
        MissingSource: it is not installed, or does not know the model.
        ExpectationError, MeasureError: see :class:`PublishedReader`.
    """
    try:
        reader = cast(PublishedReader, entry_points.load(declared(source).published))
    except (ImportError, Unavailable) as error:
        raise MissingSource(f"figures of {source!r} cannot be read here: {error}") from error
    return reader.results(model, weights=weights)


def upstream_of(
    facts: ExpectedPublished, *, row: str, variant: Variant, read: ReadInstalled | None = None
) -> Upstream:
    """What is published for a row: by the installed package where it says, else in the facts.

    Args:
        read: what the package of a variant's source publishes, in place of :func:`installed`.

    Raises:
        MissingSource: nothing is published, for the reason that the facts give; or the package is
            not installed or does not know the model.
        ExpectationError: the facts know nothing of the source, or say of a row that nothing is
            published which is; or the package's figures are of another weights file.
        MeasureError: see :class:`PublishedReader`.
    """
    source, model = variant.source, variant.model
    published = source in entry_points.sources() and declared(source).published
    if published and row not in facts.missing:
        found = read(variant) if read else installed(source, model, weights=variant.weights)
        return Upstream(model, found, (), NEVER_REMEASURED)
    table = facts.table(source, TableRole.CURRENT)
    copied = facts.table(source, TableRole.COPIED)
    listed = table is not None and any(one.model == model for one in table.results)
    if row in facts.missing:
        if listed:
            raise ExpectationError(
                f"{facts.path}: missing: a figure of {model} is listed, so {row} is not without one"
            )
        raise MissingSource(f"nothing is published for {model or row}: {facts.missing[row]}")
    if table is None:
        raise ExpectationError(f"{facts.path}: no table of what {source!r} publishes")
    own = tuple(one for one in copied.results if one.model == model) if copied else ()
    return Upstream(model, table.results, own, table.noise)
