"""What tests cost, and which group of them a worker does best to run next."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

HEAVY_SHARE = 0.5  # of the budget: of groups that need more, two cannot run side by side


@dataclass(frozen=True, slots=True)
class Weight:
    """What a test item, or a whole group of them, is expected to cost.

    Attributes:
        group: the name of its group, such as the row's slug.
        seconds: how long it takes alone. Of a group: the sum over its items.
        bytes: the most memory it uses at one time. Of a group: the largest of its items.
        network: what it builds first, or "". Two groups with the same one wait for each other.

    Raises:
        ValueError: seconds or bytes are negative or NaN.
    """

    group: str
    seconds: float = 0.0
    bytes: int = 0
    network: str = ""

    def __post_init__(self) -> None:
        if not (self.seconds >= 0 and self.bytes >= 0):
            raise ValueError(
                f"weight of {self.group!r}: seconds and bytes must be 0 or more, "
                f"not {self.seconds} s and {self.bytes} bytes"
            )


Weigh = Callable[[str], Weight | None]
"""Node id → what it costs; None for an item of no known row, which is grouped by its file."""


def total(weights: Sequence[Weight]) -> Weight:
    """The weight of a group, from those of its items (at least one)."""
    return Weight(
        weights[0].group,
        sum(weight.seconds for weight in weights),
        max(weight.bytes for weight in weights),
        next((weight.network for weight in weights if weight.network), ""),
    )


def choose(
    waiting: Iterable[Weight],
    *,
    beside: Sequence[Sequence[Weight]],
    network: str,
    budget_bytes: int,
) -> Weight | None:
    """The group that a worker does best to run next.

    Of those which fit into what the others leave of the budget: rather one whose network no other
    worker is at, then one of the same network as before, then the one with the most bytes, then
    seconds. If none fits, the lightest, but never a heavy one beside a heavy one.

    Args:
        waiting: the groups to choose from, in order of collection, which decides between equals.
        beside: for each other worker, what it has pending. It counts with the largest of them,
            since a worker runs one item at a time.
        network: of the group that this worker was given last, or "".
        budget_bytes: what all workers together may use. A group that needs more counts as
            needing all of it.

    Returns:
        One of ``waiting``; None where there is none, or only heavy ones beside a heavy one.
    """
    pending = [weight for weights in beside for weight in weights]
    busy = {weight.network for weight in pending if weight.network}
    peaks = [max((weight.bytes for weight in weights), default=0) for weights in beside]
    left = budget_bytes - sum(min(peak, budget_bytes) for peak in peaks)
    heavy = HEAVY_SHARE * budget_bytes
    groups = list(waiting)

    fitting = [group for group in groups if min(group.bytes, budget_bytes) <= left]
    if fitting:
        return max(
            fitting,
            key=lambda group: (
                group.network not in busy,
                bool(group.network) and group.network == network,
                group.bytes,
                group.seconds,
            ),
        )
    if any(peak > heavy for peak in peaks):
        groups = [group for group in groups if group.bytes <= heavy]
    return min(groups, key=lambda group: (group.bytes, group.seconds), default=None)
