"""The nouns of the suite: frozen values that every room may hold.

Nothing here imports a framework, so that a thousand rows are collected in a second.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from fractions import Fraction

_PLAIN = re.compile(r"[0-9]+(\.[0-9]+)?")

_POWERS_OF_TEN = {"K": 3, "M": 6, "G": 9, "B": 9, "T": 12}


class Metric(StrEnum):
    """What a documented figure is about."""

    TOP1 = "top1"
    TOP5 = "top5"
    MACS = "macs"
    FLOPS = "flops"
    PARAMS = "params"
    INPUT_SIZE = "input_size"
    INT8_TOP1 = "int8_top1"
    INT8_TOP5 = "int8_top5"

    @property
    def in_float(self) -> Metric:
        """The metric itself; of an accuracy in int8, that of the same network in float.

        >>> Metric.INT8_TOP1.in_float, Metric.TOP1.in_float
        (<Metric.TOP1: 'top1'>, <Metric.TOP1: 'top1'>)
        """
        return _IN_FLOAT.get(self, self)


_IN_FLOAT = {Metric.INT8_TOP1: Metric.TOP1, Metric.INT8_TOP5: Metric.TOP5}


class Outcome(StrEnum):
    """What came of one judgement. ``NOT_MEASURED`` and ``INCONCLUSIVE`` are never a pass."""

    CONFORMS = "conforms"
    DOES_NOT_CONFORM = "does not conform"
    INCONCLUSIVE = "inconclusive"
    NOT_MEASURED = "not measured"


@dataclass(frozen=True, slots=True)
class Figure:
    """A number in its printed form, which carries its own precision: ``4.288`` means ±0.0005.

    Raises:
        ValueError: the text is not a plain, finite, non-negative decimal number.

    >>> Figure("4.288").half_unit, Figure("16.5").prints(Fraction(164_96, 1000))
    (Decimal('0.0005'), True)
    """

    text: str

    def __post_init__(self) -> None:
        if not _PLAIN.fullmatch(self.text):
            raise ValueError(f"{self.text!r} is not a plain, non-negative decimal number")

    @property
    def value(self) -> Decimal:
        """The number itself."""
        return Decimal(self.text)

    @property
    def places(self) -> int:
        """Digits printed after the decimal point."""
        exponent = self.value.as_tuple().exponent
        assert isinstance(exponent, int)  # finite, see __post_init__
        return max(0, -exponent)

    @property
    def half_unit(self) -> Decimal:
        """Half a unit of the last printed digit: what rounding for print can hide."""
        return Decimal(5).scaleb(-self.places - 1)

    def round(self, exact: Fraction | int) -> Decimal:
        """Round an exact value half up to as many places as are printed."""
        exact = Fraction(exact)
        scaled = exact * 10**self.places
        whole = (Decimal(scaled.numerator) / Decimal(scaled.denominator)).quantize(
            Decimal(1), rounding=ROUND_HALF_UP
        )
        return whole.scaleb(-self.places)

    def prints(self, exact: Fraction | int) -> bool:
        """Whether the exact value, rounded as printed, is this number."""
        return self.round(exact) == self.value


@dataclass(frozen=True, slots=True)
class Claim:
    """One documented figure and where it stands (line and column are 1-based)."""

    metric: Metric
    figure: Figure
    unit: str
    header: str
    line: int
    column: int

    @property
    def value(self) -> Decimal:
        """The claimed number itself, exactly: a count, percent, or pixels.

        >>> claim = Claim(Metric.FLOPS, Figure("300"), "M", "flops(M)", 1, 1)
        >>> claim.value == Decimal("0.3").scaleb(9)
        True
        """
        return self.figure.value.scaleb(_POWERS_OF_TEN.get(self.unit, 0))


@dataclass(frozen=True, slots=True)
class Row:
    """One documented model: a line of a table, or a part of one that names several sources.

    ``source`` is the library as documented, whether or not there is an adapter for it, and "" where
    the table has no column for it.
    """

    id: str
    source: str
    name: str
    link: str
    line: int
    table: int
    claims: tuple[Claim, ...]

    def claim(self, metric: Metric) -> Claim | None:
        """The row's claim about ``metric``, or None where the page makes none."""
        return next((claim for claim in self.claims if claim.metric is metric), None)

    @property
    def operations(self) -> Claim | None:
        """The claim about operations, whichever word the page uses for it."""
        return self.claim(Metric.MACS) or self.claim(Metric.FLOPS)

    @property
    def slug(self) -> str:
        """The id in the form that stands in test ids."""
        return self.id.replace("/", "-")


@dataclass(frozen=True, slots=True)
class DocumentedFailure:
    """A model of which the page itself says that a conversion fails."""

    id: str
    source: str
    name: str
    format: str
    line: int
    text: str

    @property
    def slug(self) -> str:
        """The id in the form that stands in test ids."""
        return self.id.replace("/", "-")


@dataclass(frozen=True, slots=True)
class Omission:
    """Something on a page that is not among its claims, and why.

    Left out on request, as it cannot be understood: a ``row``, ``column``, ``figure``, ``table`` or
    ``note``. Always listed, as it is understood and claims nothing: an ``other table``, an
    ``extra column``, a ``missing figure``, an ``empty row``, a ``footnote mark``.

    ``rows`` is how many rows of the page went with it: every row is either read or counted here.
    """

    what: str
    line: int
    reason: str
    rows: int = 0

    @property
    def on_request(self) -> bool:
        """Whether it could not be understood, and the page is only read because that was asked."""
        return self.what in ("row", "column", "figure", "table", "note")

    @property
    def title(self) -> str:
        """What became of what: ``row left out``, ``extra column``."""
        return f"{self.what} left out" if self.on_request else self.what


@dataclass(frozen=True, slots=True)
class Page:
    """A documented page: its rows, what it says fails, and what was left out of it."""

    name: str
    path: str
    sha256: str
    rows: tuple[Row, ...]
    failures: tuple[DocumentedFailure, ...] = ()
    omissions: tuple[Omission, ...] = ()

    def at(self, line: int) -> str:
        """``file:line``, as editors and terminals link it."""
        return f"{self.path}:{line}"


@dataclass(frozen=True, slots=True)
class UnreadPage:
    """A page of which no row can be judged: its name and path, and why."""

    name: str
    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Measurement:
    """One measured figure, with what it was measured on.

    ``value`` may be NaN, which never conforms to anything.
    """

    name: str
    value: float
    unit: str = ""
    conditions: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_number(self) -> bool:
        """Whether the value is finite."""
        return math.isfinite(self.value)


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far a measurement may lie from its claim, as a sum of named parts, with the reason."""

    parts: tuple[tuple[str, Decimal], ...]
    reason: str = ""

    @property
    def total(self) -> Decimal:
        """The sum of the parts."""
        return sum((amount for _, amount in self.parts), Decimal(0))


@dataclass(frozen=True, slots=True)
class KnownIssue:
    """A debt: what is known not to hold, where exactly, why, and until when.

    ``message`` is a part of what the error says, so that another failure of the same step is not
    taken for this one; "" takes any.
    """

    case: str
    stage: str
    error: str
    reason: str
    since: date
    expires: date
    message: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of one judgement and the sentences that explain it.

    ``headline`` is one line; ``details`` are further lines: parts of the tolerance, likely
    cause. Judging knows neither row nor command: :meth:`recorded` adds them, once.
    """

    outcome: Outcome
    headline: str
    details: tuple[str, ...] = ()

    def recorded(self, where: str, command: str) -> Verdict:
        """With what every result says beside: where it belongs, and what repeats just this.

        A verdict that conforms is not repeated, and one without a measurement has no place.
        """
        if self.outcome is Outcome.NOT_MEASURED:
            return self  # the same reason for many rows is told once
        headline = f"{self.headline} {where}".rstrip()
        repeats = command and self.outcome is not Outcome.CONFORMS
        repeat = (f"repeat: {command}",) if repeats else ()
        return replace(self, headline=headline, details=(*self.details, *repeat))

    def __str__(self) -> str:
        return "\n  ".join((self.headline, *self.details))
