"""Measurement against claim, limit or baseline: the sentence that says what holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Context, Decimal
from enum import StrEnum

from harness.errors import MeasureError, NonConformance, Regression, Unavailable
from harness.records import Claim, Measurement, Outcome, Tolerance, Verdict

EXACT = Tolerance(())
"""No deviation at all is allowed."""

MOST_PLACES = 12
"""Decimal places after which a shown number stops growing to look different from its bound."""

_WIDE = Context(prec=60)


class Side(StrEnum):
    """Which way a limit is open."""

    AT_LEAST = "at least"
    AT_MOST = "at most"


@dataclass(frozen=True, slots=True)
class Limit:
    """A bound on one side, decided by us and not documented by the page, with the reason."""

    side: Side
    value: Decimal
    reason: str = ""

    def holds(self, value: Decimal) -> bool:
        """Whether ``value`` lies on the right side; the limit itself does."""
        return value >= self.value if self.side is Side.AT_LEAST else value <= self.value


def conforms(
    measurement: Measurement,
    standard: Claim | Limit,
    tolerance: Tolerance = EXACT,
    *,
    cause: str = "",
) -> Verdict:
    """Hold one measurement against a documented claim or a limit.

    A claim holds where the measurement is at most ``tolerance.total`` away from it, either way.
    A limit is widened by the tolerance. The bound itself conforms. NaN and infinity never do.
    Numbers are compared as decimals: the measurement in its shortest exact form, the claim as
    printed.

    Args:
        measurement: what was found.
        standard: what it is held against.
        tolerance: its named parts stand in the headline.
        cause: the likely cause, told where the measurement does not conform.

    Raises:
        MeasureError: measurement and claim have different units.
    """
    if isinstance(standard, Claim):
        _require_same_unit(measurement, standard)
        documented = standard.figure
        bound = f"documented {documented.text}{_plus_minus(tolerance)}"
        places = documented.places

        def holds(value: Decimal) -> bool:
            return abs(value - documented.value) <= tolerance.total
    else:
        limit = standard
        sign = -1 if limit.side is Side.AT_LEAST else 1
        widened = Limit(limit.side, limit.value + sign * tolerance.total)
        bound = f"{limit.side} {_with_unit(_plain(limit.value), measurement.unit)}"
        bound += _plus_minus(tolerance) if tolerance.parts else ""
        places = max(1, -_exponent(limit.value))
        holds = widened.holds
    shown, good = _judged(measurement, holds, places=places)
    headline = f"{measurement.name} = {_with_unit(shown, measurement.unit)}, {bound}"
    if good:
        return Verdict(Outcome.CONFORMS, headline)
    reasons = (tolerance.reason, standard.reason if isinstance(standard, Limit) else "")
    return Verdict(
        Outcome.DOES_NOT_CONFORM,
        headline,
        (
            *(f"bound: {reason}" for reason in reasons if reason),
            *_told("likely cause", cause),
        ),
    )


def against_baseline(
    measurement: Measurement,
    accepted: Measurement | None,
    *,
    band: Decimal,
    cause: str = "",
    accept: str = "",
) -> Verdict:
    """Hold one measurement against the last accepted one; a change for the better fails too.

    Without an accepted one the outcome is inconclusive. NaN and infinity never conform.

    Args:
        measurement: what was found.
        accepted: what was accepted under the same name and unit, or None.
        band: how far the two may differ, in the measurement's unit.
        cause: the likely cause.
        accept: the command that makes the new measurement the accepted one.

    Raises:
        MeasureError: the two have different names or units.
        ValueError: ``band`` is not a finite number of at least 0.
    """
    if not (band.is_finite() and band >= 0):
        raise ValueError(f"band = {band}, expected a finite number of at least 0")
    if accepted is None:
        shown, good = _judged(measurement, Decimal.is_finite, places=2)
        return Verdict(
            Outcome.INCONCLUSIVE if good else Outcome.DOES_NOT_CONFORM,
            f"{measurement.name} = {_with_unit(shown, measurement.unit)}, nothing accepted yet",
            _told("accept", accept),
        )
    if (measurement.name, measurement.unit) != (accepted.name, accepted.unit):
        raise MeasureError(
            f"{measurement.name} in {measurement.unit or 'no unit'} cannot be held against "
            f"{accepted.name} in {accepted.unit or 'no unit'}"
        )
    before = Decimal(repr(accepted.value))

    def holds(value: Decimal) -> bool:
        return before.is_finite() and abs(value - before) <= band

    shown, good = _judged(measurement, holds, places=max(2, -_exponent(before)))
    headline = (
        f"{measurement.name} = {_with_unit(shown, measurement.unit)}, "
        f"accepted {_plain(before)} ± {_plain(band)}"
    )
    if good:
        return Verdict(Outcome.CONFORMS, headline)
    way = "higher" if measurement.value > accepted.value else "lower"
    moved = f"{way} than accepted; " if measurement.is_number else ""
    return Verdict(
        Outcome.DOES_NOT_CONFORM,
        headline,
        (
            f"{moved}a change for the better is accepted in the same way as one for the worse",
            *_told("likely cause", cause),
            *_told("accept", accept),
        ),
    )


def worst_of(verdicts: Sequence[Verdict]) -> Verdict:
    """The gravest of some verdicts, at least one, followed by the headlines of the others."""
    order = (Outcome.DOES_NOT_CONFORM, Outcome.INCONCLUSIVE, Outcome.NOT_MEASURED, Outcome.CONFORMS)
    gravest, *rest = sorted(verdicts, key=lambda one: order.index(one.outcome))
    return replace(gravest, details=(*gravest.details, *(one.headline for one in rest)))


def require(
    verdict: Verdict, *, failure: type[NonConformance] | type[Regression] = NonConformance
) -> None:
    """Return where the verdict conforms; raise its whole text in every other case.

    Raises:
        NonConformance, Regression: it does not conform (``failure`` says which).
        Unavailable: it is inconclusive or was not measured, neither of which is a pass.
    """
    if verdict.outcome is Outcome.DOES_NOT_CONFORM:
        raise failure(str(verdict))
    if verdict.outcome is not Outcome.CONFORMS:
        raise Unavailable(f"{verdict.outcome}: {verdict}")


def _judged(
    measurement: Measurement, holds: Callable[[Decimal], bool], *, places: int
) -> tuple[str, bool]:
    """The value as shown, and whether it holds.

    Shown with as many places as its bound, and more where rounding for print would tell the
    opposite of the verdict.
    """
    value = Decimal(repr(measurement.value))
    if not value.is_finite():
        return ("NaN" if value.is_nan() else str(value).lower()), False
    good = holds(value)
    if value.adjusted() >= 15:
        return str(value), good
    for digits in range(places, MOST_PLACES + 1):
        rounded = value.quantize(Decimal(1).scaleb(-digits), context=_WIDE)
        if holds(rounded) == good:
            return format(rounded, "f"), good
    return str(value), good


def _require_same_unit(measurement: Measurement, claim: Claim) -> None:
    if measurement.unit and claim.unit and measurement.unit != claim.unit:
        raise MeasureError(
            f"{measurement.name} is measured in {measurement.unit!r} and documented in "
            f"{claim.unit!r}"
        )


def _plus_minus(tolerance: Tolerance) -> str:
    parts = ", ".join(f"{name} {_plain(amount)}" for name, amount in tolerance.parts)
    return f" ± {_plain(tolerance.total)}" + (f" ({parts})" if parts else "")


def _plain(number: Decimal) -> str:
    """Without exponent or trailing zeros: 0.18, 100."""
    if not number.is_finite():
        return "NaN" if number.is_nan() else str(number).lower()
    return format(number.normalize(), "f")


def _exponent(number: Decimal) -> int:
    exponent = number.normalize().as_tuple().exponent
    return exponent if isinstance(exponent, int) else 0


def _with_unit(number: str, unit: str) -> str:
    return f"{number} {unit}" if unit else number


def _told(label: str, text: str) -> tuple[str, ...]:
    return (f"{label}: {text}",) if text else ()
