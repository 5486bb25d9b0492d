"""Networks of a page under every counting rule: each built once, each rule applied when asked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from harness.counting import rules
from harness.counting.counts import Counts
from harness.errors import HarnessError
from harness.expected.variants import Variant
from harness.sources import Network, adapter, source

TRUE: Final = "true"
TRACED: Final = ("mmengine", "fvcore")
"""Rules that need a run on numbers, and so a second or more for each network."""

LONGEST_REASON: Final = 300
"""Characters of a reason; libraries quote whole graphs."""

Build = tuple[str, str, int]


@dataclass
class Countable:
    """Networks by source, model and input size, and what rules gave for them.

    ``failures``: why a rule could not count a network, or a network not be built.
    """

    built: dict[Build, Network] = field(default_factory=dict)
    counts: dict[tuple[Build, str], Counts | None] = field(default_factory=dict)
    failures: dict[tuple[Build, str], str] = field(default_factory=dict)

    def count(self, variant: Variant, size: int, rule: str) -> Counts | None:
        """Raw totals, or None where the rule cannot count it."""
        build = (variant.source, variant.model, size)
        if (build, rule) not in self.counts:
            together = _together(rule)
            try:
                network = self.network(variant, size)
                together = [one for one in together if one in rules.applicable(network.framework)]
                counted = rules.count_all(
                    network.countable,
                    network.framework,
                    input_shape=network.input_shape,
                    rules=together,
                )
                self.counts |= {(build, one): counts for one, counts in counted.items()}
            except Exception as error:  # whatever a library raises is the reason of this row
                self.counts |= {(build, one): None for one in together}
                self.failures |= {(build, one): _reason(error) for one in together}
                if len(together) > 1:  # of which one may have failed alone
                    self._each_alone(variant, size, together)
        return self.counts[build, rule]

    def _each_alone(self, variant: Variant, size: int, names: Sequence[str]) -> None:
        """What each of some rules gives by itself."""
        build = (variant.source, variant.model, size)
        for name in names:
            try:
                network = self.network(variant, size)
                found = rules.count_all(
                    network.countable,
                    network.framework,
                    input_shape=network.input_shape,
                    rules=[name],
                )
                self.counts[build, name] = found[name]
            except Exception as error:
                self.failures[build, name] = _reason(error)

    def network(self, variant: Variant, size: int) -> Network:
        """The network, without weights.

        Raises:
            MissingSource, StageError: it cannot be built.
        """
        build = (variant.source, variant.model, size)
        if build not in self.built:
            self.built[build] = adapter(variant.source).build(
                variant.model, input_size=size, weightless=True
            )
        return self.built[build]

    def params(self, variant: Variant, size: int) -> int:
        """Learned parameters, without looking at a layer."""
        network = self.network(variant, size)
        if network.framework == "paddle":
            trainable = [one for one in network.module.parameters() if one.trainable]
            return sum(math.prod(one.shape) for one in trainable)
        return sum(one.numel() for one in network.module.parameters())


def _reason(error: Exception) -> str:
    """An error in a line: what kind it is, unless it is one of the suite's, and what it says."""
    said = str(error).strip().splitlines() or ["no reason"]
    text = said[0] if isinstance(error, HarnessError) else f"{type(error).__name__}: {said[0]}"
    return text if len(text) <= LONGEST_REASON else f"{text[:LONGEST_REASON]}…"


def rules_of(name: str, framework: rules.Framework) -> tuple[str, ...]:
    """The rules that apply, those that tables of the source are known to use first."""
    known = rules.applicable(framework)
    first = [rule for rule in source(name).rules if rule in known]
    last = ("paddle-model-stat",) if framework == "torch" else ()  # of Paddle's networks only
    rest = [rule for rule in known if rule not in first and rule not in last]
    return (*first, *rest)


def _together(rule: str) -> list[str]:
    """The rules that are applied at once: those over layers, which are read once for all."""
    if rules.rule_named(rule).over == "module":
        return [rule]
    return [name for name in rules.rule_names() if rules.rule_named(name).over == "layers"]
