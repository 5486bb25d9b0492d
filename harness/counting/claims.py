"""How documented counts come about, and whether real ones still give them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from harness.counting.counts import Printing, printed, reproduces
from harness.counting.operators import differences
from harness.records import Claim, Figure, Metric, Outcome, Verdict

COLUMNS = (Metric.MACS, Metric.FLOPS, Metric.PARAMS)
"""The columns of a page that are counts."""

UNITS: Mapping[str, int] = {"K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
"""One printed unit of a column, in counts."""

NOT_REPRODUCED = "not-reproduced"
"""The kind of a figure that no rule gives; what is pinned is the rule that comes nearest."""

COUNTED_AT = "counted-at-"
"""How the kind of a figure begins that the pinned rule gives at another input size: its pixels."""

COPIED_FROM = "copied-from-"
"""How the kind of a figure begins that is another row's: its id without the page."""

OTHER_NETWORK = "counted-on-"
"""How the kind of a figure begins that is another network's: its name in the library."""

ZEROS_ADDED = "zeros-added"
"""How the kind of a figure with more places than were known ends: 34.180 for what prints 34.179."""


@dataclass(frozen=True, slots=True)
class Pinned:
    """How a documented figure comes about: what the counter gives, divided by the divisor.

    ``unit`` is one printed unit, in counts; another divisor needs a reason. A count of FLOPs may
    be halved where multiply-accumulates are printed, and the other way round. Other digits than
    rounding gives need a reason too.
    """

    counter: str
    divisor: int
    raw: int
    unit: int
    printing: Printing = Printing.ROUNDED

    @property
    def is_plain(self) -> bool:
        """Whether it is rounded to the unit, or half or double that, as FLOPs and MACs differ."""
        if self.printing is not Printing.ROUNDED:
            return False
        return self.divisor in (self.unit, 2 * self.unit) or 2 * self.divisor == self.unit


@dataclass(frozen=True, slots=True)
class Defect:
    """A documented figure that is not the true one, with what is and why it is not.

    ``kind`` is a short name that many rows may share, ``cause`` its explanation in a sentence,
    ``true`` the count that belongs in the column, undivided.
    """

    column: Metric
    printed: Figure
    kind: str
    true: int
    cause: str

    @property
    def is_reproduced(self) -> bool:
        """Whether the pinned count prints the figure, wrong as it is."""
        return not self.kind.startswith((NOT_REPRODUCED, COUNTED_AT, COPIED_FROM, OTHER_NETWORK))

    @property
    def figure(self) -> Figure:
        """The figure that the pinned count has to print: without zeros that were added."""
        if not self.kind.endswith(ZEROS_ADDED) or not self.printed.places:
            return self.printed
        return Figure(self.printed.text.rstrip("0").rstrip("."))


def judge_claim(
    claim: Claim,
    raw: int,
    pinned: Pinned,
    defect: Defect | None,
) -> Verdict:
    """Whether a count, divided and rounded as printed, is the documented figure.

    A documented figure that is known to be wrong must still be the wrong one that is known: one
    that was corrected or changed does not conform until the expectation follows.
    """
    measured = Fraction(raw, pinned.divisor)
    shown = printed(claim.figure, raw, pinned.divisor, pinned.printing)
    rule = f"{pinned.counter}/{_short(pinned.divisor)}"
    if pinned.printing is not Printing.ROUNDED:
        rule += f", {pinned.printing}"
    headline = (
        f"{claim.metric} = {shown} {claim.unit}, documented {claim.figure.text} "
        f"± {claim.figure.half_unit} (print) under {rule} (raw count {raw})"
    )
    if defect is not None and defect.printed != claim.figure:
        return Verdict(
            Outcome.DOES_NOT_CONFORM,
            headline,
            (
                f"the documentation defect listed for this figure says {defect.printed.text}, "
                f"the page now says {claim.figure.text}",
                "likely cause: the page was corrected; then update expected/complexity",
            ),
        )
    figure = claim.figure if defect is None else defect.figure
    if reproduces(figure, raw, pinned.divisor, pinned.printing):
        return Verdict(Outcome.CONFORMS, headline)
    if defect is not None and not defect.is_reproduced:
        told = [f"likely cause: {defect.cause}"]
        if defect.kind == NOT_REPRODUCED:
            nearest = f"no counting rule gives this figure, {pinned.counter} comes nearest"
            told = [nearest, defect.cause]
        return Verdict(Outcome.DOES_NOT_CONFORM, headline, tuple(told))
    return Verdict(
        Outcome.DOES_NOT_CONFORM, headline, (f"likely cause: {_cause(claim, measured)}",)
    )


def judge_true(what: str, counted: int, expected: int) -> Verdict:
    """Whether the network has exactly what is pinned for it."""
    headline = f"{what} = {counted}, pinned {expected} ± 0 (exact)"
    if counted == expected:
        return Verdict(Outcome.CONFORMS, headline)
    cause = (
        "likely cause: the source library built another network than the pinned one "
        f"({counted - expected:+d}); look at its version and at expected/variants"
    )
    return Verdict(Outcome.DOES_NOT_CONFORM, headline, (cause,))


def judge_layers(found: Mapping[str, str], pinned: Mapping[str, str]) -> Verdict:
    """Whether every operator is set as is pinned for the network, and runs in the same order."""
    told = differences(found, pinned)
    if not told:
        return Verdict(Outcome.CONFORMS, "settings of all operators = as pinned")
    headline, *others = told
    cause = (
        "likely cause: the source library builds another network than the pinned one, which no "
        "count of it shows; look at its version"
    )
    return Verdict(Outcome.DOES_NOT_CONFORM, headline, (*others, cause))


def _short(divisor: int) -> str:
    """A divisor as people write it.

    >>> _short(900_000_000), _short(450_000), _short(2**20)
    ('9e8', '4.5e5', '1048576')
    """
    digits = str(divisor).rstrip("0")
    if len(digits) > 2:
        return str(divisor)
    return f"{'.'.join(digits)}e{len(str(divisor)) - 1}"


_RATIOS = (
    (Fraction(2), "FLOPs where MACs are meant, or the reverse"),
    (Fraction(10, 9), "a count divided by 9e8 instead of 1e9"),
    (Fraction(4), "bytes of float32 where a count is meant, or the reverse"),
    (Fraction(2**20, 10**6), "a unit of 2**20 where 1e6 is meant, or the reverse"),
    (Fraction(2**30, 10**9), "a unit of 2**30 where 1e9 is meant, or the reverse"),
    (Fraction(1000), "a unit off by a thousand"),
)


def _cause(claim: Claim, measured: Fraction) -> str:
    """What the ratio of the two figures suggests."""
    documented = Fraction(claim.figure.value)
    if not documented or not measured:
        return "one of the two is zero"
    for ratio, cause in _RATIOS:
        for factor in (ratio, 1 / ratio):
            if abs(documented / measured / factor - 1) < Fraction(1, 200):
                return cause
    if abs(documented / measured - 1) < Fraction(1, 20):
        return "a digit of the page was changed, another counting rule, or a layer more or less"
    return "another network, or another counting rule, than the one pinned for this row"
