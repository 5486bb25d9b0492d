"""The order in which workers get rows: heavy ones first, never two of them at once, all once.

Here with simulated workers; ``test_scheduling_xdist`` has real ones.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated_workers import BUDGET, SimulatedWorker, Simulation, config_of, simulate

from harness.plugin.costs import choose, total
from harness.plugin.scheduling import RowScheduling, Weight, make_scheduler

HEAVY, MIDDLE, LIGHT = Weight("heavy", bytes=8), Weight("middle", bytes=5), Weight("light", bytes=1)


def chosen(*waiting: Weight, beside: tuple[Weight, ...] = (), network: str = "") -> str | None:
    """The name of the group chosen, each of ``beside`` being at another worker."""
    group = choose(waiting, beside=[(one,) for one in beside], network=network, budget_bytes=BUDGET)
    return group and group.group


def weighed(*groups: tuple[int, int]) -> dict[str, Weight]:
    """Items of groups, each given by (items, bytes)."""
    return {
        f"test_row.py::test_{item}[g{number}]": Weight(f"g{number}", 1, size)
        for number, (items, size) in enumerate(groups)
        for item in range(items)
    }


def heavy_together(simulation: Simulation) -> int:
    """The most heavy items that ran at one time."""
    return max(sum(one.bytes > BUDGET / 2 for one in moment) for moment in simulation.together)


# ── the choice ────────────────────────────────────────────────────────────────────────────────


def test_the_group_with_the_most_bytes_is_first() -> None:
    assert chosen(LIGHT, HEAVY, MIDDLE) == "heavy"


def test_of_equal_bytes_the_longest_is_first() -> None:
    assert chosen(Weight("short", 1, 5), Weight("long", 9, 5)) == "long"


def test_what_does_not_fit_beside_the_others_waits() -> None:
    assert chosen(HEAVY, MIDDLE, LIGHT, beside=(Weight("a", bytes=2), MIDDLE)) == "light"


def test_a_worker_counts_with_the_largest_of_what_it_has_pending() -> None:
    one_worker = [Weight("a", bytes=4), Weight("b", bytes=5)]
    assert choose([MIDDLE], beside=[one_worker], network="", budget_bytes=BUDGET) is MIDDLE


def test_a_network_that_another_worker_is_at_is_avoided() -> None:
    same, other = Weight("same", bytes=4, network="x"), Weight("other", bytes=1, network="y")
    assert chosen(same, other, beside=(Weight("a", network="x"),)) == "other"


def test_a_network_that_another_worker_is_at_is_better_than_nothing() -> None:
    assert chosen(Weight("same", network="x"), beside=(Weight("a", network="x"),)) == "same"


def test_a_worker_stays_with_its_network() -> None:
    assert chosen(HEAVY, Weight("again", bytes=1, network="x"), network="x") == "again"


def test_rows_without_a_network_have_none_in_common() -> None:
    assert chosen(LIGHT, Weight("heavy", bytes=8, network="x"), network="") == "heavy"
    assert chosen(LIGHT, HEAVY, beside=(Weight("a"),)) == "heavy"


def test_where_nothing_fits_the_lightest_is_handed_out() -> None:
    assert chosen(MIDDLE, Weight("less", bytes=3), beside=(HEAVY,)) == "less"


def test_a_heavy_group_is_not_handed_out_beside_a_heavy_one() -> None:
    assert chosen(Weight("a", bytes=6), Weight("b", bytes=7), beside=(HEAVY,)) is None


def test_a_group_larger_than_the_budget_gets_it_all() -> None:
    assert chosen(Weight("huge", bytes=10 * BUDGET), LIGHT) == "huge"
    assert chosen(Weight("huge", bytes=10 * BUDGET), LIGHT, beside=(LIGHT,)) == "light"


def test_a_group_costs_the_time_of_all_and_the_memory_of_the_largest() -> None:
    items = [Weight("row", 1, 5), Weight("row", 2, 3, "x")]
    assert total(items) == Weight("row", 3, 5, "x")


@pytest.mark.parametrize("cost", [{"seconds": -1}, {"seconds": math.nan}, {"bytes": -1}])
def test_a_weight_that_is_none_is_refused(cost: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"weight of 'row'.* must be 0 or more"):
        Weight("row", **cost)


def test_a_budget_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="more than 0 bytes, not 0"):
        RowScheduling(config_of(1), weigh=lambda _: None, budget_bytes=0)


# ── whole runs ────────────────────────────────────────────────────────────────────────────────

runs = st.lists(st.tuples(st.integers(1, 4), st.integers(0, 12)), min_size=1, max_size=8)
quick = settings(max_examples=150, deadline=None, derandomize=True)


@quick
@given(groups=runs, workers=st.integers(1, 4), seed=st.integers(0, 99), data=st.data())
def test_every_item_runs_once_whoever_dies(
    groups: list[tuple[int, int]], workers: int, seed: int, data: st.DataObject
) -> None:
    weights = weighed(*groups)
    crashing = data.draw(st.sets(st.sampled_from(list(weights)), max_size=3))
    simulation = simulate(weights, workers=workers, crashing=crashing, seed=seed)
    assert Counter(item for *_, item in simulation.runs) == Counter(list(weights))
    assert heavy_together(simulation) <= 1


@quick
@given(groups=runs, workers=st.integers(1, 4), seed=st.integers(0, 99))
def test_a_group_stays_on_one_worker(
    groups: list[tuple[int, int]], workers: int, seed: int
) -> None:
    simulation = simulate(weighed(*groups), workers=workers, seed=seed)
    assert len({(worker, group) for worker, group, _ in simulation.runs}) == len(groups)


def test_memory_is_never_promised_twice_while_anything_fits() -> None:
    simulation = simulate(weighed((3, 8), (3, 5), (3, 5), *[(2, 1)] * 20), workers=3)
    assert max(sum(one.bytes for one in moment) for moment in simulation.together) <= BUDGET


def test_every_worker_gets_a_row_before_one_gets_two() -> None:
    simulation = simulate(weighed((1, 1), (1, 1)), workers=2)
    assert {worker for worker, *_ in simulation.runs} == {"w0", "w1"}


def test_rows_of_one_network_follow_each_other() -> None:
    rows = [Weight("a", 1, 8, "x"), Weight("b", 1, 5, "y"), Weight("c", 1, 4, "x")]
    simulation = simulate({f"t.py::t[{row.group}]": row for row in rows}, workers=1)
    assert [group for _, group, _ in simulation.runs] == ["a", "c", "b"]


class OneItemAtATime(RowScheduling):
    """A scheduler that believes a worker with one item to be at work."""

    def _supply(self, node: SimulatedWorker) -> None:
        while not node.shutting_down and not self._pending[node]:
            if not self._hand_out(node):
                node.shutdown()


def test_a_worker_left_without_a_next_item_is_noticed() -> None:
    with pytest.raises(AssertionError, match=r"stand still: \[\[0\]\]"):
        simulate(weighed((1, 1), (1, 1)), workers=1, scheduling=OneItemAtATime)


class Heedless(RowScheduling):
    """A scheduler that takes the memory of other workers for its own."""

    def _hand_out(self, node: SimulatedWorker) -> bool:
        others = {other: self._pending.pop(other) for other in self.nodes if other is not node}
        try:
            return super()._hand_out(node)
        finally:
            self._pending.update(others)


def test_two_heavy_rows_at_once_are_noticed() -> None:
    weights = weighed((2, 8), (2, 8), (2, 1))
    assert heavy_together(simulate(weights, workers=2, scheduling=Heedless)) == 2
    assert heavy_together(simulate(weights, workers=2)) == 1


class Forgetful(RowScheduling):
    """A scheduler that has the item at which a worker died run again, as others do."""

    def remove_node(self, node: SimulatedWorker) -> str | None:
        again = self._pending[node][:1]
        crashed = super().remove_node(node)
        self._let_wait(again)
        return crashed


def test_an_item_that_kills_workers_again_and_again_is_noticed() -> None:
    weights = weighed((2, 1))
    with pytest.raises(AssertionError, match="does not come to an end"):
        simulate(weights, workers=1, crashing=list(weights)[:1], scheduling=Forgetful)


# ── what xdist may do besides ─────────────────────────────────────────────────────────────────


class Dying(SimulatedWorker):
    """A worker that dies before anything reaches it."""

    def send_runtest_some(self, indices: Sequence[int]) -> None:
        raise OSError(f"cannot send {indices}: the channel is closed")


@pytest.fixture
def reported() -> list[pytest.CollectReport]:
    """What the session is told about collection."""
    return []


@pytest.fixture
def scheduler(reported: list[pytest.CollectReport]) -> RowScheduling:
    """A scheduler of a row with two items and one with three, for one worker."""
    config = config_of(1)
    config.hook = SimpleNamespace(pytest_collectreport=lambda *, report: reported.append(report))
    return RowScheduling(config, weigh=weighed((2, 5), (3, 1)).get, budget_bytes=BUDGET)


ITEMS = list(weighed((2, 5), (3, 1)))


def arrive(scheduler: RowScheduling, worker: SimulatedWorker, items: list[str] = ITEMS) -> None:
    """A worker comes up and collects."""
    scheduler.add_node(worker)
    scheduler.add_node_collection(worker, items)
    scheduler.schedule()


def test_the_next_row_is_chosen_when_one_item_is_left(scheduler: RowScheduling) -> None:
    arrive(scheduler, worker := SimulatedWorker("w0"))
    assert worker.queue == [0, 1]
    scheduler.mark_test_complete(worker, 0)
    assert worker.queue == [0, 1, 2, 3, 4]


def test_a_worker_that_dies_as_it_gets_work_loses_none_of_it(scheduler: RowScheduling) -> None:
    arrive(scheduler, dying := Dying("w0"))
    assert scheduler.remove_node(dying) == ITEMS[0]
    arrive(scheduler, replacement := SimulatedWorker("w1"))
    assert replacement.queue == [1, 2, 3, 4]


def test_a_replacement_gets_no_work_before_it_has_collected(scheduler: RowScheduling) -> None:
    arrive(scheduler, SimulatedWorker("w0"))
    scheduler.add_node(early := SimulatedWorker("w1"))
    arrive(scheduler, SimulatedWorker("w2"))
    assert (early.queue, early.shutting_down) == ([], False)


def test_a_replacement_that_collects_other_tests_is_sent_away(
    scheduler: RowScheduling, reported: list[pytest.CollectReport]
) -> None:
    arrive(scheduler, SimulatedWorker("w0"))
    arrive(scheduler, other := SimulatedWorker("w1"), ITEMS[:-1])
    assert (other.queue, other.shutting_down) == ([], True)
    assert f"-{ITEMS[-1]}" in str(reported[0].longrepr)


def test_a_worker_that_dies_before_the_others_have_collected_is_waited_for() -> None:
    scheduler = RowScheduling(config_of(2), weigh=lambda _: None, budget_bytes=BUDGET)
    scheduler.add_node(worker := SimulatedWorker("w0"))
    scheduler.add_node_collection(worker, ITEMS)
    assert scheduler.remove_node(worker) is None
    scheduler.add_node(worker := SimulatedWorker("w1"))
    scheduler.add_node_collection(worker, ITEMS)
    assert not scheduler.collection_is_completed


def test_another_distribution_that_was_asked_for_stands() -> None:
    class Config:
        def getoption(self, name: str) -> str:
            return {"dist": "each"}[name]

    assert make_scheduler(Config(), None, weigh=lambda _: None, budget_bytes=1) is None  # type: ignore[arg-type]
