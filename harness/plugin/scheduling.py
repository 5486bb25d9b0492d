"""Which worker of pytest-xdist runs which row when, by what the rows cost.

All tests of a row form a group, which one worker runs in order. A worker that needs work gets the
heaviest group which fits beside what the other workers run (``costs.choose``). A wrong guess costs
waiting, never a crash: what a step may really use is kept by the memory ledger.

**Why nothing waits for ever.** A worker (``xdist/remote.py``, ``run_one_test``) takes its *next*
item from its queue before it runs the one it holds, because pytest's teardown depends on it: with
one item pending it stands still until it gets another or is told to shut down. So after every
event each worker which has collected has two items pending or has been told to shut down
(``RowScheduling._supply``), and nothing is ever held back until another worker is done. The next
group is chosen when one item is left, as late as that allows.

A worker gets no further group in two cases: none is left, or all that are left are heavy and a
heavy one is in progress on another worker. The second worker is shut down then: what is left
runs one after the other anyway. The first is live to take it: it was not shut down before, since
the groups now left were there, and it could not have been refused for a heavy one elsewhere,
two never being in progress on two workers. If it dies, xdist starts another in its place.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn, Protocol

import pytest
from xdist.report import report_collection_diff  # type: ignore[import-untyped]
from xdist.workermanage import parse_tx_spec_config  # type: ignore[import-untyped]

from harness.plugin.costs import Weigh, Weight, choose, total

__all__ = ["RowScheduling", "Weigh", "Weight", "make_scheduler"]

LOOKAHEAD = 2  # items a worker must have pending to be at work: one it runs, one it knows


class Gateway(Protocol):
    """The connection to a worker."""

    id: str


class Worker(Protocol):
    """What is used of ``xdist.workermanage.WorkerController``."""

    gateway: Gateway

    @property
    def shutting_down(self) -> bool:
        """Whether it is gone or was told to go."""

    def shutdown(self) -> None:
        """Tell it to go after what it has."""

    def send_runtest_some(self, indices: Sequence[int]) -> None:
        """Add items to its queue."""


class RowScheduling:
    """Hands out groups of items, heaviest first (``xdist.scheduler.Scheduling``).

    Each item runs once. Of a worker that died, the item it was at is what xdist reports as failed,
    and is not run again; the rest of its groups goes to other workers.

    Items are known by their index, which is the same on all workers, since a run with workers that
    collected different items is aborted.
    """

    def __init__(
        self, config: pytest.Config, log: Any = None, *, weigh: Weigh, budget_bytes: int
    ) -> None:
        if budget_bytes <= 0:
            raise ValueError(f"the memory budget must be more than 0 bytes, not {budget_bytes}")
        self.config = config
        self.collection: list[str] | None = None
        self._log: Callable[..., object] = log or (lambda *_: None)
        self._weigh = weigh
        self._budget_bytes = budget_bytes
        self._expected_workers = len(parse_tx_spec_config(config))
        self._collected: dict[Worker, list[str]] = {}
        self._weights: list[Weight] = []
        self._waiting: dict[str, list[int]] = {}
        self._costs: dict[str, Weight] = {}  # of the groups that wait
        self._pending: dict[Worker, list[int]] = {}
        self._last_network: dict[Worker, str] = {}

    # ── what the session asks ─────────────────────────────────────────────────────────────────

    @property
    def nodes(self) -> list[Worker]:
        """The workers that are there."""
        return list(self._pending)

    @property
    def collection_is_completed(self) -> bool:
        """Whether as many workers as there should be have collected."""
        return self.collection is not None or len(self._collected) >= self._expected_workers

    @property
    def tests_finished(self) -> bool:
        """Whether all is handed out, and nobody has more than the item that waits for the end."""
        return (
            self.collection_is_completed
            and not self._waiting
            and all(len(pending) < LOOKAHEAD for pending in self._pending.values())
        )

    @property
    def has_pending(self) -> bool:
        """Whether any item is not done yet."""
        return bool(self._waiting) or any(self._pending.values())

    # ── what the session reports ──────────────────────────────────────────────────────────────

    def add_node(self, node: Worker) -> None:
        """A worker is up. It gets no work before it has collected."""
        self._pending[node] = []

    def add_node_collection(self, node: Worker, collection: Sequence[str]) -> None:
        """A worker has collected. One that came later and collected other items is sent away."""
        if self.collection is not None and list(collection) != self.collection:
            self._report_difference("the first workers", self.collection, node, collection)
            node.shutdown()
            return
        self._collected[node] = list(collection)

    def schedule(self) -> None:
        """Give work to every worker that has none; first called when all have collected."""
        if self.collection is None and not self._take_collection():
            return
        ready = [node for node in self._pending if node in self._collected]
        for node in ready:  # one group each, before anybody gets a second
            if not self._pending[node] and not node.shutting_down:
                self._hand_out(node)
        for node in ready:
            self._supply(node)

    def mark_test_complete(self, node: Worker, item_index: int, duration: float = 0) -> None:  # noqa: ARG002
        """An item is done, torn down and reported."""
        self._pending[node].remove(item_index)
        self._supply(node)

    def remove_node(self, node: Worker) -> str | None:
        """A worker is gone. What it had not begun waits again, for one that is there or comes.

        Returns:
            The node id of the item it died at, or None if it was done with everything.

        Raises:
            KeyError: the worker never came up.
        """
        pending = self._pending.pop(node)
        if self.collection is None:  # another will collect in its place
            self._collected.pop(node, None)
        if self.collection is None or not pending:
            return None
        crashed, *rest = pending
        self._let_wait(rest)
        return self.collection[crashed]

    def mark_test_pending(self, item: str) -> NoReturn:
        """Not supported: an item never runs twice."""
        raise NotImplementedError(f"{item} is not run again")

    def remove_pending_tests_from_node(self, node: Worker, indices: Sequence[int]) -> NoReturn:
        """Not supported: nothing is taken away from a worker."""
        raise NotImplementedError(f"items {list(indices)} stay with {node.gateway.id}")

    # ── handing out ───────────────────────────────────────────────────────────────────────────

    def _split_scope(self, nodeid: str) -> str:
        """The name of the group of an item, as xdist's own schedulers call it."""
        return self._weight(nodeid).group

    def _weight(self, nodeid: str) -> Weight:
        return self._weigh(nodeid) or Weight(nodeid.partition("::")[0])

    def _supply(self, node: Worker) -> None:
        """See to it that the worker can go on: two items pending, or told to shut down."""
        while not node.shutting_down and len(self._pending[node]) < LOOKAHEAD:
            if not self._hand_out(node):
                node.shutdown()

    def _hand_out(self, node: Worker) -> bool:
        """Give the worker a group, if there is one for it."""
        chosen = choose(
            self._costs.values(),
            beside=[
                [self._weights[index] for index in pending]
                for other, pending in self._pending.items()
                if other is not node
            ],
            network=self._last_network.get(node, ""),
            budget_bytes=self._budget_bytes,
        )
        if chosen is None:
            return False
        self._log("handing out", chosen.group, "to", node.gateway.id)
        items = self._waiting.pop(chosen.group)
        del self._costs[chosen.group]
        self._pending[node].extend(items)
        self._last_network[node] = chosen.network
        with contextlib.suppress(OSError):  # it has just died: remove_node is about to be called
            node.send_runtest_some(items)
        return True

    def _take_collection(self) -> bool:
        """Take over what the workers collected, if they agree."""
        (first, collection), *others = self._collected.items()
        for node, other in others:
            if other != collection:
                self._report_difference(first.gateway.id, collection, node, other)
        if any(other != collection for _, other in others):
            return False
        self.collection = collection
        self._weights = [self._weight(nodeid) for nodeid in collection]
        self._let_wait(range(len(collection)))
        return True

    def _let_wait(self, items: Iterable[int]) -> None:
        """Put items, of groups of which none waits yet, where workers get theirs from."""
        for index in items:
            group = self._waiting.setdefault(self._weights[index].group, [])
            group.append(index)
        for name, group in self._waiting.items():
            self._costs[name] = total([self._weights[index] for index in group])

    def _report_difference(
        self, name: str, expected: Sequence[str], node: Worker, collection: Sequence[str]
    ) -> None:
        """Let the session fail, in xdist's own words."""
        difference = report_collection_diff(expected, list(collection), name, node.gateway.id)
        self.config.hook.pytest_collectreport(
            report=pytest.CollectReport(
                nodeid=node.gateway.id, outcome="failed", longrepr=difference, result=[]
            )
        )


def make_scheduler(
    config: pytest.Config, log: Any, *, weigh: Weigh, budget_bytes: int
) -> RowScheduling | None:
    """The scheduler of a run, for the hook ``pytest_xdist_make_scheduler``.

    Args:
        weigh: called once for each node id, on the controller, which has no items.
        budget_bytes: what all workers together may use.

    Returns:
        None where another ``--dist`` than that of ``-n`` alone was asked for, which stands.
    """
    if config.getoption("dist") != "load":
        return None
    return RowScheduling(config, log, weigh=weigh, budget_bytes=budget_bytes)
