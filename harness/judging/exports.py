"""What was seen of an exported file, against the page and against a second export."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.records import Claim, Outcome, Verdict


def input_size_verdict(facts: Mapping[str, Any], claim: Claim) -> Verdict:
    """Whether an exported model's input is as high and wide as documented.

    Args:
        facts: of the exported file: the shape of its first input is (batch, 3, height, width).
    """
    inputs = facts.get("inputs") or [{}]
    sides = (inputs[0].get("shape") or [None, None, None, None])[2:]
    headline = (
        f"input_size = {'x'.join(map(str, sides))} px, documented {claim.figure.text} ± 0 (exact)"
    )
    if set(sides) == {int(claim.figure.value)}:
        return Verdict(Outcome.CONFORMS, headline)
    cause = "likely cause: exported for another size than documented, or with free height and width"
    return Verdict(Outcome.DOES_NOT_CONFORM, headline, (cause,))


def repeatable_verdict(facts: Mapping[str, Any]) -> Verdict:
    """Whether a second export was made, and was the same computation as the first."""
    if facts.get("repeats") is True:
        return Verdict(Outcome.CONFORMS, "exported twice, the two models are the same")
    cause = (
        "likely cause: random initialisation or training mode at export, or state that the first "
        "export left behind"
    )
    return Verdict(Outcome.DOES_NOT_CONFORM, "exported twice, the two models differ", (cause,))
