"""Counts against the page and against what is pinned: verdicts."""

from __future__ import annotations

from fractions import Fraction

from harness.counting.counts import Printing, printed, reproduces
from harness.expected.complexity import NOT_REPRODUCED, Defect, Pinned
from harness.records import Claim, Outcome, Verdict


def judge_claim(
    claim: Claim,
    raw: int,
    pinned: Pinned,
    defect: Defect | None,
    *,
    where: str,
    command: str,
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
        f"± {claim.figure.half_unit} (print) under {rule} (raw count {raw}) {where}"
    )
    repeat = f"repeat: {command}"
    if defect is not None and defect.printed != claim.figure:
        return Verdict(
            Outcome.DOES_NOT_CONFORM,
            headline,
            (
                f"the documentation defect listed for this figure says {defect.printed.text}, "
                f"the page now says {claim.figure.text}",
                "likely cause: the page was corrected; then update expected/complexity",
                repeat,
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
        return Verdict(Outcome.DOES_NOT_CONFORM, headline, (*told, repeat))
    return Verdict(
        Outcome.DOES_NOT_CONFORM, headline, (f"likely cause: {_cause(claim, measured)}", repeat)
    )


def judge_true(what: str, counted: int, expected: int, *, where: str, command: str) -> Verdict:
    """Whether the network has exactly what is pinned for it."""
    headline = f"{what} = {counted}, pinned {expected} ± 0 (exact) {where}"
    if counted == expected:
        return Verdict(Outcome.CONFORMS, headline)
    cause = (
        "likely cause: the source library built another network than the pinned one "
        f"({counted - expected:+d}); look at its version and at expected/variants"
    )
    return Verdict(Outcome.DOES_NOT_CONFORM, headline, (cause, f"repeat: {command}"))


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
