"""Softmax and ranking once more: plain Python, one number at a time, and no array anywhere."""

from __future__ import annotations

import math
from collections.abc import Sequence


def reference_softmax(logits: Sequence[float]) -> list[float]:
    """``1 / sum(exp(y - x))``: the same figure by another formula, which never divides two sums."""
    return [1.0 / math.fsum(_exp(other - one) for other in logits) for one in logits]


def reference_top_k(logits: Sequence[float], k: int) -> list[int]:
    """Again and again the largest of those that are left; of equal ones the first."""
    left = list(range(len(logits)))
    named: list[int] = []
    for _ in range(k):
        best = left[0]
        for one in left:
            if logits[one] > logits[best]:
                best = one
        left.remove(best)
        named.append(best)
    return named


def _exp(power: float) -> float:
    try:
        return math.exp(power)
    except OverflowError:
        return math.inf  # and one over it is 0
