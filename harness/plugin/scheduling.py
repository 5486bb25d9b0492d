"""Which worker of pytest-xdist runs which row: xdist's own grouping, with a row as the group.

All cases of a row run on one worker, in order, so that what one of them built is at hand for the
next. Rows come in the order of collection, the heaviest first; a worker that needs work gets the
first that fits beside what the others run. A wrong guess costs waiting, never memory: what a step
really uses is reserved (``harness.runtime.memory``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

__all__ = ["GroupOf", "RowGroup", "RowScheduling", "make_scheduler"]


LEAST_PENDING = 2
"""Tests that a worker must know: the one it runs and the next one, on which teardown depends."""


@dataclass(frozen=True, slots=True)
class RowGroup:
    """Tests that one worker runs in order, and the most memory that one of them uses, in bytes."""

    name: str
    bytes: int = 0


GroupOf = Callable[[str], RowGroup]
"""Node id → the group that it is in."""


class RowScheduling(LoadScopeScheduling):  # type: ignore[misc]
    """``--dist loadscope`` by rows, with an eye on memory, and no test ever run twice."""

    def __init__(
        self, config: pytest.Config, log: Any = None, *, group_of: GroupOf, budget_bytes: int
    ) -> None:
        """``budget_bytes``: what all workers together may use."""
        if budget_bytes <= 0:
            raise ValueError(f"the memory budget must be more than 0 bytes, not {budget_bytes}")
        super().__init__(config, log)
        self._group_of, self._budget_bytes = group_of, budget_bytes
        self._bytes: dict[str, int] = {}
        self._gone: set[Any] = set()

    def _split_scope(self, nodeid: str) -> str:
        """The name of a test's group."""
        group = self._group_of(nodeid)
        self._bytes[group.name] = max(group.bytes, self._bytes.get(group.name, 0))
        return group.name

    def _assign_work_unit(self, node: Any) -> None:
        """Give a worker the first group that fits beside the others', or else the lightest."""
        left = self._budget_bytes - sum(
            self._peak(work) for other, work in self.assigned_work.items() if other is not node
        )
        fitting = (name for name in self.workqueue if self._capped(name) <= left)
        chosen = next(fitting, None) or min(self.workqueue, key=self._capped)
        self.workqueue.move_to_end(chosen, last=False)
        try:
            super()._assign_work_unit(node)
        except OSError:  # it has just died, and did not get the group
            self._gone.add(node)
            self.workqueue[chosen] = self.assigned_work[node].pop(chosen)
            self.workqueue.move_to_end(chosen, last=False)

    def _reschedule(self, node: Any) -> None:
        """See to it that a worker can go on: it stands still with a single test in its queue.

        A worker that takes a dead one's place gets nothing, and is not sent home, before it has
        collected: another that collected first has all of them looked at.
        """
        if node not in self.registered_collections or node in self._gone:
            return
        super()._reschedule(node)
        while (
            self.workqueue
            and not node.shutting_down
            and node not in self._gone
            and self._is_starved(node)
        ):
            self._assign_work_unit(node)
        if not self.workqueue and not node.shutting_down and self._is_starved(node):
            node.shutdown()

    def _is_starved(self, node: Any) -> bool:
        return bool(self._pending_of(self.assigned_work[node]) < LEAST_PENDING)

    def _peak(self, work: dict[str, dict[str, bool]]) -> int:
        """The most that a worker uses in what it has not done yet."""
        return max((self._capped(name) for name in work if not all(work[name].values())), default=0)

    def _capped(self, name: str) -> int:
        return min(self._bytes[name], self._budget_bytes)

    def remove_node(self, node: Any) -> str | None:
        """A worker is gone: what it had not begun goes to others; the test it died at does not."""
        work: dict[str, dict[str, bool]] = self.assigned_work[node]
        for group in work.values():
            for nodeid, done in group.items():
                if not done:
                    group[nodeid] = True
                    super().remove_node(node)
                    return nodeid
        super().remove_node(node)
        return None


def make_scheduler(
    config: pytest.Config, log: Any, *, group_of: GroupOf, budget_bytes: int
) -> RowScheduling | None:
    """The scheduler of a run, for the hook ``pytest_xdist_make_scheduler``.

    Returns:
        None where another ``--dist`` than that of ``-n`` alone was asked for, which stands.
    """
    if config.getoption("dist") != "load":
        return None
    config.option.loadscopereorder = False  # rows are in order already
    return RowScheduling(config, log, group_of=group_of, budget_bytes=budget_bytes)
