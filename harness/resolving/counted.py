"""Networks of a page under every counting rule: each built once, each rule applied when asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from harness.counting import rules
from harness.counting.counts import Counts
from harness.counting.rules import TRUE
from harness.errors import CountError, one_line
from harness.expected.variants import Variant
from harness.pipeline.keys import count_key
from harness.pipeline.steps.counting import build, count
from harness.runtime.store import Store
from harness.sources import Network, source

DEPLOYED: Final = ("deployed", "mmcv-deployed")
"""Rules that count a network after re-parameterization."""
TRACED: Final = ("mmengine", "fvcore")
"""Rules that need a run on numbers, and so a second or more for each network."""

Build = tuple[str, str, int]

Watch = Callable[[str, str], None]
"""Told the id of a row, and what is about to be done with it."""


def unwatched(row: str, step: str) -> None:
    """Watches nothing."""


@dataclass
class Countable:
    """Networks by source, model and input size, and what rules gave for them.

    ``store``: where counts are kept, for the gate too; without one they are kept here alone.
    ``watch``: told before a network is built or counted, which libraries may not survive.
    ``failures``: why a rule could not count a network, or a network not be built.
    """

    store: Store | None = None
    watch: Watch = unwatched
    failures: dict[tuple[Build, str], str] = field(default_factory=dict)
    _built: dict[Build, Network] = field(default_factory=dict)
    _counted: dict[tuple[Build, tuple[str, ...]], Mapping[str, Any]] = field(default_factory=dict)

    def count(self, variant: Variant, size: int, rule: str) -> Counts | None:
        """Raw totals, or None where the rule cannot count it."""
        build = (variant.source, variant.model, size)
        if (build, rule) in self.failures:
            return None
        try:
            facts = self._facts(variant, size, rule)
        except (Exception, SystemExit) as error:  # whatever a library raises
            self.failures[build, rule] = one_line(error)
            return None
        if rule in facts["failures"]:
            self.failures[build, rule] = one_line(CountError(facts["failures"][rule]))
            return None
        return Counts(**facts["counts"][rule])

    def params(self, variant: Variant, size: int) -> int:
        """Learned parameters, without looking at a layer.

        Raises:
            MissingSource, StageError: the network cannot be built.
        """
        return int(self._facts(variant, size, TRUE)["params"])

    def layers(self, variant: Variant, size: int) -> Mapping[str, str]:
        """The settings of its operators in words, by their kinds; empty where it cannot be read.

        Raises:
            MissingSource, StageError: the network cannot be built.
        """
        return dict(self._facts(variant, size, TRUE)["layers"])

    def is_grouped(self, variant: Variant, size: int) -> bool:
        """Whether a convolution of the network has groups.

        Raises:
            MissingSource, StageError: the network cannot be built.
        """
        return bool(self._facts(variant, size, TRUE)["grouped"])

    def _facts(self, variant: Variant, size: int, rule: str) -> Mapping[str, Any]:
        """What the step ``count`` says of a network under a rule, and those that go with it."""
        together = rules.together(rule, source(variant.source).framework)
        asked = (variant.source, variant.model, size), together
        if asked not in self._counted:
            self.watch(variant.row, f"counting {variant.model} at {size} px by {rule!r}")

            def produce(folder: Path) -> Mapping[str, Any]:
                return count(folder, variant, size, together, self._network)

            if self.store is None:
                self._counted[asked] = produce(Path())
            else:
                entry = self.store.build(count_key(variant, size, together), produce)
                self._counted[asked] = entry.facts
        return self._counted[asked]

    def _network(self, variant: Variant, size: int) -> Network:
        """The network, without weights; built once."""
        asked = (variant.source, variant.model, size)
        if asked not in self._built:
            self._built[asked] = build(variant, size)
        return self._built[asked]


def usual_rules(name: str) -> tuple[str, ...]:
    """The rules that tables of a source are known to use, and the true count."""
    return (*source(name).rules, TRUE)


def rules_of(name: str) -> tuple[str, ...]:
    """The rules that apply, those that tables of the source are known to use first."""
    own = source(name)
    known = rules.applicable(own.framework)
    first = [rule for rule in own.rules if rule in known]
    last = ("paddle-model-stat",) if own.framework == "torch" else ()  # of Paddle's networks only
    rest = [rule for rule in known if rule not in first and rule not in last]
    return (*first, *rest)
