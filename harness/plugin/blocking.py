"""One fault, one failure: which case a failed step belongs to, and which cases it only blocks.

A step that fails is not run again in the same process (``Builder``); every case that needs it meets
the same error. It belongs to one of them, its origin:

* the first case of the step's own row that meets it. A row's cases run in one process, in the
  order of collection.
* where no case of that row was chosen, the first case of those that share the step, in the order
  of collection, such as those of rows that are held against it.

So it is the same case in one process and in many.

A verdict may rest on another one, too: what the gate holds against a wrong export is wrong as well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import pytest

from harness.errors import StageError, Unavailable
from harness.pipeline.catalogue import DocumentedModel
from harness.pipeline.pinned import pinned_macs, pinned_params
from harness.pipeline.pipeline import Pipeline
from harness.plugin.collection import CASE, ISSUE, Case
from harness.records import Outcome, Verdict

__all__ = [
    "FAULTS",
    "TRUE_MACS",
    "TRUE_PARAMS",
    "Blocked",
    "Faults",
    "require_pinned",
    "require_unblocked",
]

TRUE_PARAMS: Final = "test_true_params_are_those_of_the_pinned_network"
TRUE_MACS: Final = "test_true_macs_are_those_of_the_pinned_network"
"""The tests that judge which network a row has: all that is computed with it rests on them."""


class Blocked(Exception):
    """What a case rests on does not hold, which is the failure of another case."""

    def __init__(self, origin: str, headline: str) -> None:
        super().__init__(headline)
        self.origin = origin


def require_unblocked(
    item: pytest.Item, test: str, verdict: Verdict | Callable[[], Verdict], *, case: str = ""
) -> None:
    """Require that what a case rests on holds, where another case of this run judges that.

    Args:
        test: the name of the test that judges it.
        verdict: what it comes to, or what finds that, asked only where that case is run.
        case: that case's id in brackets, by default the same as this one's.

    Raises:
        Blocked: it does not hold, and that case is among those of this run. Not where its failure
            is a known issue: what is known hides nothing else.
    """
    if isinstance(verdict, Verdict) and verdict.outcome is not Outcome.DOES_NOT_CONFORM:
        return
    bracket = f"[{case or item.nodeid.partition('[')[2].removesuffix(']')}]"
    chosen = (one for one in item.session.items if one.nodeid.endswith(f"::{test}{bracket}"))
    origin = next(chosen, item)
    if origin is item or ISSUE in origin.stash:
        return
    with suppress(Unavailable):  # what is not known blocks nothing
        found = verdict if isinstance(verdict, Verdict) else verdict()
        if found.outcome is Outcome.DOES_NOT_CONFORM:
            raise Blocked(origin.nodeid, found.headline)


def require_pinned(item: pytest.Item, pipeline: Pipeline, model: DocumentedModel) -> None:
    """Require that a row's network is the one that is pinned for it, where that is judged.

    Raises:
        Blocked: it is another, and the test that judges that is among those of this run.
        StageError: it cannot be counted.
    """
    if model.complexity is None:
        return
    for test, judged in ((TRUE_PARAMS, pinned_params), (TRUE_MACS, pinned_macs)):
        require_unblocked(item, test, partial(judged, pipeline, model), case=model.slug)


@dataclass
class Faults:
    """What failed in this process so far: row and message of a step, and the case it belongs to."""

    _origins: dict[tuple[str, str], str] = field(default_factory=dict)

    def origin(self, item: pytest.Item, error: StageError) -> str:
        """The case, or the row, whose failure this is; "" where it is this case's own."""
        case = item.stash.get(CASE, None)
        if case is None:
            return ""
        if error.case and error.case != case.model.id:
            return self._elsewhere(item, case, error.case)
        return self._first(item.nodeid, case.model.id, error)

    def _first(self, nodeid: str, row: str, error: StageError) -> str:
        first = self._origins.setdefault((row, error.message), nodeid)
        return "" if first == nodeid else first

    def _elsewhere(self, item: pytest.Item, case: Case, row: str) -> str:
        items: Sequence[pytest.Item] = item.session.items
        function = item.nodeid.partition("[")[0]
        sharing: list[str] = []
        for one in items:
            other = one.stash.get(CASE, None)
            if other is None:
                continue
            same_test = one.nodeid.partition("[")[0] == function
            if other.model.id == row and not same_test:
                return row
            if same_test and other.model.variant.network == case.model.variant.network != "":
                sharing += [one.nodeid] * (other.model.id != row)
        return "" if not sharing or sharing[0] == item.nodeid else sharing[0]


FAULTS = pytest.StashKey[Faults]()
