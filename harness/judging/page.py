"""What a page says, against itself."""

from __future__ import annotations

from collections.abc import Mapping

from harness.records import Claim, Outcome, Row, Verdict


def read_verdict(rows: int, problem: str) -> Verdict:
    """Whether there is anything of a page that can be judged. ``problem``: why not, or ""."""
    if not problem:
        return Verdict(Outcome.CONFORMS, f"{rows} rows read")
    first, *others = problem.splitlines()
    return Verdict(Outcome.DOES_NOT_CONFORM, first, tuple(others))


def top_order_verdict(top1: Claim, top5: Claim) -> Verdict:
    """Whether documented top-1 is at most top-5: whoever is right at once is right within five."""
    headline = f"top1 = {top1.figure.text}, at most top5 = {top5.figure.text}"
    if top1.figure.value <= top5.figure.value:
        return Verdict(Outcome.CONFORMS, headline)
    return Verdict(Outcome.DOES_NOT_CONFORM, headline, ("likely cause: the two cells are swapped",))


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
