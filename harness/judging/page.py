"""What a page says, against itself."""

from __future__ import annotations

from harness.records import Claim, Outcome, Verdict


def top_order_verdict(top1: Claim, top5: Claim) -> Verdict:
    """Whether documented top-1 is at most top-5: whoever is right at once is right within five."""
    headline = f"top1 = {top1.figure.text}, at most top5 = {top5.figure.text}"
    if top1.figure.value <= top5.figure.value:
        return Verdict(Outcome.CONFORMS, headline)
    return Verdict(Outcome.DOES_NOT_CONFORM, headline, ("likely cause: the two cells are swapped",))
