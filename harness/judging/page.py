"""What a page says, against itself."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from harness.records import Claim, Outcome, Row, Verdict

LARGEST_GAIN: Final = Decimal("0.5")
"""Points. Where int8 changes one answer in twenty, as many to the good as to the bad, chance moves
the accuracy of 50,000 images by 0.1 (one standard deviation)."""
LARGEST_LOSS: Final = Decimal(10)
"""Points; a decision. The most that a vendor documents of 52 networks is 3.4, what it gains 0.1;
MLPerf allows one in a hundred."""


def read_verdict(rows: int, problem: str) -> Verdict:
    """Whether there is anything of a page that can be judged. ``problem``: why not, or ""."""
    if not problem:
        return Verdict(Outcome.CONFORMS, f"{rows} rows read")
    first, *others = problem.splitlines()
    return Verdict(Outcome.DOES_NOT_CONFORM, first, tuple(others))


def top_order_verdict(top1: Claim, top5: Claim) -> Verdict:
    """Whether documented top-1 is at most top-5: whoever is right at once is right within five."""
    headline = f"{top1.metric} = {top1.figure.text}, at most {top5.metric} = {top5.figure.text}"
    if top1.figure.value <= top5.figure.value:
        return Verdict(Outcome.CONFORMS, headline)
    return Verdict(Outcome.DOES_NOT_CONFORM, headline, ("likely cause: the two cells are swapped",))


def int8_verdict(in_int8: Claim, in_float: Claim) -> Verdict:
    """Whether a documented accuracy in int8 can be that of the network that is documented in float.

    Nothing is measured: int8 can neither be right more often than the network that it rounds, by
    more than chance, nor lose so much that nobody would ship it.
    """
    change = in_int8.figure.value - in_float.figure.value
    headline = (
        f"{in_int8.metric} = {in_int8.figure.text}, {change:+} points from "
        f"{in_float.metric} = {in_float.figure.text}; expected -{LARGEST_LOSS} to +{LARGEST_GAIN}"
    )
    if -LARGEST_LOSS <= change <= LARGEST_GAIN:
        return Verdict(Outcome.CONFORMS, headline)
    cause = (
        "the two cells are swapped, or one is of another model"
        if change > 0
        else ("one of the cells is of another model, or of another metric")
    )
    return Verdict(Outcome.DOES_NOT_CONFORM, headline, (f"likely cause: {cause}",))


def printed_elsewhere(claim: Claim, row: Row, others: Mapping[str, Row], found: str) -> str:
    """Where on its page a figure that does not hold stands too, and what was found: a cell copied
    from another column or row, or two rows swapped. "" where neither does.

    Args:
        others: the rows of other networks, by how they are told.
        found: what the figure should have been, as the page would print it.
    """
    own = [one.metric for one in row.claims if one.figure == claim.figure and one != claim]
    told = [f"the row has the same figure as its {own[0]}"] if own else []
    for text, words in ((claim.figure.text, "the figure is"), (found, f"{found} is")):
        has = [
            place
            for place, one in others.items()
            if (its := one.claim(claim.metric)) is not None and its.figure.text == text
        ]
        if has:
            more = f", and of {len(has) - 1} more" if len(has) > 1 else ""
            told.append(f"{words} that of {has[0]}{more}")
    return "; ".join(told)
