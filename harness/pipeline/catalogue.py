"""What is expected of whom: pages, pinned variants and complexity, joined by row id.

Reads data files only; no framework is imported.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path

from harness.errors import ExpectationError, HarnessError, MissingSource, NonConformance
from harness.expected.complexity import ExpectedComplexity, PageComplexity
from harness.expected.complexity import read_expected as read_complexity
from harness.expected.pages import read_expected as read_page
from harness.expected.pipelines import RowPipelines
from harness.expected.repairing import DEFAULT, naming_the_repair
from harness.expected.variants import Variant, read_variants
from harness.images.ablation.routes import pipelines_of
from harness.records import Claim, DocumentedFailure, Metric, Page, Row, UnreadPage
from harness.runtime.document import ExpectedTable, Gathered

EXPECTED = DEFAULT
"""Where the expectations lie in a checkout."""

UNREAD = "unread.toml"
"""Of a whole zoo, which pages could not be read: written by :mod:`harness.resolving.generated`."""


@dataclass(frozen=True, slots=True)
class DocumentedModel:
    """A documented model: a row, or a model of which the page says that a conversion fails.

    Attributes:
        size: height and width of its input, in pixels.
        complexity: what its counts come to; None for a documented failure, and for a row without
            an upstream network or whose network cannot be counted.
        pipelines: how images are prepared for its documented accuracy, as the page states, and as
            it ships; None for a documented failure.
        uncountable: why a row has no ``complexity``, or "".
    """

    page: Page
    documented: Row | DocumentedFailure
    variant: Variant
    size: int
    complexity: ExpectedComplexity | None
    pipelines: RowPipelines | None = None
    uncountable: str = ""

    @property
    def id(self) -> str:
        """The row id, as ``resnext/timm/resnext50_32x4d``."""
        return self.documented.id

    @property
    def slug(self) -> str:
        """The id as it stands in test ids."""
        return self.documented.slug

    @property
    def row(self) -> Row:
        """The documented row.

        Raises:
            TypeError: it is a documented failure, of which no figures are claimed.
        """
        if not isinstance(self.documented, Row):
            raise TypeError(f"{self.id} has no row of its own")
        return self.documented

    @property
    def expected_complexity(self) -> ExpectedComplexity:
        """What the row's counts come to.

        Raises:
            TypeError: as for :attr:`row`.
            MissingSource: the row cannot be counted, and why.
        """
        if self.complexity is None and isinstance(self.documented, Row):
            reason = self.variant.unresolved or f"its network cannot be counted: {self.uncountable}"
            raise MissingSource(f"{self.id}: {reason}")
        if self.complexity is None:
            raise TypeError(f"{self.id} has no counts of its own")
        return self.complexity

    def claim(self, metric: Metric) -> Claim:
        """The row's claim about a metric.

        Raises:
            NonConformance: the page makes none any more.
        """
        claim = self.row.claim(metric)
        if claim is None:
            raise NonConformance(f"the page documents no {metric}")
        return claim

    @property
    def place(self) -> str:
        """``row id, file:line``."""
        return f"{self.id}, {self.page.at(self.documented.line)}"

    @property
    def where(self) -> str:
        """``[row id] file:line``, which ends a headline."""
        return f"[{self.id}] {self.page.at(self.documented.line)}"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Everything documented, in the order of the pages.

    Attributes:
        unread: pages of a zoo of which nothing can be judged.
        modelless: how many other files of the zoo could be pages, and are about no models that
            classify.
    """

    pages: tuple[Page, ...]
    rows: tuple[DocumentedModel, ...]
    failures: tuple[DocumentedModel, ...]
    unread: tuple[UnreadPage, ...] = ()
    modelless: int = 0

    def first_like(self, model: DocumentedModel) -> DocumentedModel:
        """The first row of a model's network at its size, which the others are held against."""
        network, size = model.variant.network, model.size
        return next(one for one in self.rows if (one.variant.network, one.size) == (network, size))

    def others(self, model: DocumentedModel) -> dict[str, Row]:
        """The rows of a model's page that have another network, by their places."""
        return {
            one.place: one.row
            for one in self.rows
            if one.page is model.page and one.variant.network != model.variant.network
        }

    @property
    def models(self) -> tuple[DocumentedModel, ...]:
        """Rows first, then documented failures."""
        return self.rows + self.failures

    def select(self, patterns: Iterable[str]) -> tuple[DocumentedModel, ...]:
        """The models that any of the patterns names: an id, a slug, a name, or with wildcards.

        Raises:
            HarnessError: a pattern names none; the nearest ids are in the message.
        """
        chosen: dict[str, DocumentedModel] = {}
        for pattern in patterns:
            found = [model for model in self.models if _named(model, pattern)]
            if not found:
                names = {name for one in self.models for name in (one.id, one.documented.name)}
                near = get_close_matches(pattern, sorted(names), n=3)
                hint = f"; nearest: {', '.join(near)}" if near else ""
                raise HarnessError(f"no row is named {pattern!r}{hint}")
            chosen |= {model.id: model for model in found}
        return tuple(model for model in self.models if model.id in chosen)

    def one(self, pattern: str) -> DocumentedModel:
        """The one model that a pattern names.

        Raises:
            HarnessError: it names none, or several.
        """
        found = self.select([pattern])
        if len(found) > 1:
            ids = ", ".join(model.id for model in found[:4])
            raise HarnessError(f"{pattern!r} names {len(found)} rows ({ids}, …); give the whole id")
        return found[0]


def read_catalogue(expected: Path = EXPECTED) -> Catalogue:
    """Read and join all pages under ``expected/pages``.

    Raises:
        ExpectationError: a file is missing or wrong, or the files do not fit each other.
    """
    paths = sorted((expected / "pages").glob("*.toml"))
    unread, modelless = _unread(expected / UNREAD)
    if not paths and not unread:
        raise ExpectationError(
            f"{expected / 'pages'}: no page; make one with: python -m harness extract"
        )
    return replace(read_pages(paths, expected), unread=unread, modelless=modelless)


def _unread(path: Path) -> tuple[tuple[UnreadPage, ...], int]:
    if not path.is_file():
        return (), 0
    top = ExpectedTable.load(path)
    pages = [
        UnreadPage(one.text("name"), one.text("path"), one.text("reason"))
        for one in top.tables("page")
    ]
    return tuple(pages), int(top.number("modelless"))


def read_pages(paths: Iterable[Path], expected: Path, *, source: str = "") -> Catalogue:
    """As :func:`read_catalogue`, of these files below ``expected/pages`` alone.

    ``source``: the page's file, where it is known better than it was recorded.
    """
    pages, rows, failures = [], [], []
    faults = Gathered()
    for path in paths:
        with faults.one():
            with naming_the_repair(source or "PAGE.md", expected):
                page = read_page(path)
            with naming_the_repair(source or page.path, expected):
                of_page, of_failures = _subjects(page, expected)
            pages.append(page)
            rows += of_page
            failures += of_failures
    faults.require_none()
    return Catalogue(tuple(pages), tuple(rows), tuple(failures))


def _subjects(page: Page, expected: Path) -> tuple[list[DocumentedModel], list[DocumentedModel]]:
    """Rows, and documented failures, of one page."""
    file = f"{page.name}.toml"
    documented: list[Row | DocumentedFailure] = [*page.rows, *page.failures]
    faults = Gathered()
    with faults.one():
        variants = read_variants(expected / "variants" / file, rows=[one.id for one in documented])
    with faults.one():
        complexity = read_complexity(expected / "complexity" / file, [row.id for row in page.rows])
    with faults.one():
        pipelines = pipelines_of((page,), expected)
    faults.require_none()
    rows = [
        _row(page, row, variants[row.id], complexity, pipelines.get(row.id)) for row in page.rows
    ]
    failures = [
        _failure(page, failure, variants[failure.id])
        for failure in page.failures
        if not variants[failure.id].unresolved
    ]
    return rows, failures


def _row(
    page: Page,
    row: Row,
    variant: Variant,
    counts: PageComplexity,
    pipelines: RowPipelines | None,
) -> DocumentedModel:
    claim = row.claim(Metric.INPUT_SIZE)
    size = variant.input_size or (int(claim.figure.value) if claim else None)
    if size is None and not variant.unresolved:
        raise ExpectationError(f"{row.id}: neither the page nor its variant gives an input size")
    complexity = counts.rows.get(row.id)
    known = replace(variant, params=complexity.true_params) if complexity else variant
    uncountable = counts.unknown.get(row.id, "")
    return DocumentedModel(page, row, known, size or 0, complexity, pipelines, uncountable)


def _failure(page: Page, failure: DocumentedFailure, variant: Variant) -> DocumentedModel:
    if variant.input_size is None or variant.params is None:
        raise ExpectationError(f"{failure.id}: its variant needs input_size and params")
    return DocumentedModel(page, failure, variant, variant.input_size, None)


def _named(model: DocumentedModel, pattern: str) -> bool:
    names = (model.id, model.slug, model.documented.name)
    return any(fnmatchcase(name, pattern) for name in names)
