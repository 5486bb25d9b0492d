"""Which of several choices a row documents: its accuracies decide, where they fit exactly one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from harness.judging.published import METRICS, Published
from harness.records import Claim, Row
from harness.sources.choices import Choice, Preferred, figures

REMEASURED: Final = Decimal("0.05")
"""Points: the most that any of 98 figures moved between two editions of timm's results table."""

_SHOWN: Final = 6  # choices that an error lists


class Undecided(Exception):
    """Several choices are left, or none; the text says which and why."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The choice, and what speaks for it."""

    choice: Choice
    evidence: str


def decide(
    row: Row, choices: Sequence[Choice], preferred: Preferred | None, *, loose: bool = False
) -> Decision:
    """The one choice that a row documents.

    In this order: the one whose published accuracies are the documented ones to the printed digit;
    the one of the version that the row links; the one whose accuracies are within
    :data:`REMEASURED`; the only one there is; the one that the documented version of the library
    took.

    Args:
        choices: at least one.
        loose: the name alone says too little, so that only accuracies may decide.

    Raises:
        Undecided: none of these leaves exactly one.
    """
    claims = [claim for claim in row.claims if claim.metric in METRICS]
    if claims:
        for fits, how in (
            (_prints, "are the documented ones to the digit"),
            (_near, f"are within {REMEASURED} points of the documented ones"),
        ):
            if fits is _near and len(choices) > 1 and preferred and preferred.linked:
                break
            found = [(one, result) for one in choices if (result := _first(one, claims, fits))]
            if len(found) == 1:
                choice, result = found[0]
                published = f"its published accuracies, {figures(result)}, {how}"
                others = f"; of no other of {len(choices)}" if len(choices) > 1 else ""
                return Decision(choice, published + others)
            if found and not loose:
                names = ", ".join(choice.model for choice, _ in found)
                if preferred is not None and preferred.choice in [one for one, _ in found]:
                    return Decision(
                        preferred.choice, f"{preferred.evidence}; of {names}, which fit"
                    )
                raise Undecided(f"the accuracies of {len(found)} models {how}: {names}")
    if loose:
        raise Undecided(f"the documented accuracies fit none of {_listed(choices)}")
    if len(choices) == 1:
        return Decision(choices[0], _only(choices[0]))
    if preferred is not None:
        return Decision(preferred.choice, preferred.evidence)
    raise Undecided(f"the documented accuracies fit none of {_listed(choices)}")


def _first(choice: Choice, claims: Sequence[Claim], fits: object) -> Published | None:
    """The published result of a choice that fits all claims, or None."""
    assert callable(fits)
    return next(
        (one for one in choice.published if all(fits(one, claim) for claim in claims)), None
    )


def _prints(published: Published, claim: Claim) -> bool:
    return published.prints(claim.metric, claim.figure)


def _near(published: Published, claim: Claim) -> bool:
    value = published.value(claim.metric)
    # The print may round as well: 78.6 is within 0.05 of 78.65 and of everything near it.
    allowed = REMEASURED + claim.figure.half_unit
    return value.is_finite() and abs(value - claim.figure.value) <= allowed


def _only(choice: Choice) -> str:
    if not choice.published:
        return "the only weights of that name; their accuracy is not published in the library"
    shown = ", ".join(figures(one) for one in choice.published)
    return f"the only weights of that name, although their published accuracies are {shown}"


def _listed(choices: Sequence[Choice]) -> str:
    parts = []
    for choice in choices[:_SHOWN]:
        shown = f" ({figures(choice.published[0])})" if choice.published else ""
        parts.append(choice.model + shown)
    rest = f" and {len(choices) - _SHOWN} more" if len(choices) > _SHOWN else ""
    return ", ".join(parts) + rest
