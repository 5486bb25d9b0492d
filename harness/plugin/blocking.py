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

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import pytest

from harness.errors import StageError, Unavailable
from harness.plugin.collection import CASE, ISSUE, Case
from harness.plugin.options import GATE
from harness.records import Outcome, Verdict

__all__ = ["FAULTS", "Blocked", "Faults", "Rest", "require_unblocked"]


class Blocked(Exception):
    """What a case rests on does not hold, which is the failure of another case."""

    def __init__(self, origin: str, headline: str) -> None:
        super().__init__(headline)
        self.origin = origin


@dataclass(frozen=True, slots=True)
class Rest:
    """What has to hold before a case can be judged.

    Attributes:
        test: the name of the test that judges it.
        verdict: what it comes to, or what finds that, asked only where that test is run.
        case: that case's id in brackets, by default the same as that of the case that rests on it.
    """

    test: str
    verdict: Verdict | Callable[[], Verdict]
    case: str = ""


def require_unblocked(item: pytest.Item, foundations: Iterable[Rest]) -> None:
    """Require that all that a case rests on holds, where other cases of this run judge that.

    Raises:
        Blocked: something does not, and its case is among those of this run. Not where its failure
            is a known issue: what is known hides nothing else.
        StageError: it cannot be found out.
    """
    for one in foundations:
        bracket = f"[{one.case or item.nodeid.partition('[')[2].removesuffix(']')}]"
        name = f"::{one.test}{bracket}"
        chosen = (other for other in item.session.items if other.nodeid.endswith(name))
        origin = next(chosen, item)
        if origin is item or ISSUE in origin.stash:
            continue
        with suppress(Unavailable):  # what is not known blocks nothing
            found = one.verdict if isinstance(one.verdict, Verdict) else one.verdict()
            if found.outcome is Outcome.DOES_NOT_CONFORM:
                raise Blocked(origin.nodeid, found.headline)


@dataclass
class Faults:
    """What failed in this process so far: row and message of a step, and the case it belongs to."""

    _origins: dict[tuple[str, str], str] = field(default_factory=dict)

    def origin(self, item: pytest.Item, error: StageError) -> str:
        """The case, or the row, whose failure this is; "" where it is this case's own."""
        case = item.stash.get(CASE, None)
        if case is None:
            return ""
        rows = {model.id for model in item.config.stash[GATE].catalogue.models}
        if error.case != case.model.id and error.case in rows:  # else it is a tool's own word
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
