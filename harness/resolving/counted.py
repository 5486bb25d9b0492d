"""Networks of a page under every counting rule: each built once, each rule applied when asked."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from harness.counting import rules
from harness.counting.counts import Counts
from harness.counting.layers import reading_once
from harness.errors import one_line
from harness.expected.variants import Variant
from harness.sources import Network, adapter, source

TRUE: Final = "true"
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

    ``watch``: told before a network is built or counted, which libraries may not survive.
    ``failures``: why a rule could not count a network, or a network not be built.
    """

    built: dict[Build, Network] = field(default_factory=dict)
    counts: dict[tuple[Build, str], Counts | None] = field(default_factory=dict)
    failures: dict[tuple[Build, str], str] = field(default_factory=dict)
    watch: Watch = unwatched

    def count(self, variant: Variant, size: int, rule: str) -> Counts | None:
        """Raw totals, or None where the rule cannot count it."""
        build = (variant.source, variant.model, size)
        if (build, rule) not in self.counts:
            self.watch(variant.row, f"counting {variant.model} at {size} px by {rule!r}")
            try:
                network = self.network(variant, size)
            except (Exception, SystemExit) as error:  # whatever a library raises
                self.counts[build, rule] = None
                self.failures[build, rule] = one_line(error)
                return None
            with reading_once():
                for one in _together(rule, network.framework):
                    self._count(build, network, one)
        return self.counts[build, rule]

    def _count(self, build: Build, network: Network, rule: str) -> None:
        try:
            self.counts[build, rule] = rules.count(
                network.countable, network.framework, input_shape=network.input_shape, rule=rule
            )
        except (Exception, SystemExit) as error:  # whatever a counter raises
            self.counts[build, rule] = None
            self.failures[build, rule] = one_line(error)

    def network(self, variant: Variant, size: int) -> Network:
        """The network, without weights.

        Raises:
            MissingSource, StageError: it cannot be built.
        """
        build = (variant.source, variant.model, size)
        if build not in self.built:
            self.watch(variant.row, f"building {variant.model} at {size} px")
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

    def is_grouped(self, variant: Variant, size: int) -> bool:
        """Whether a convolution of the network has groups."""
        module = self.network(variant, size).module
        parts = module.sublayers if hasattr(module, "sublayers") else module.modules
        return any(_groups(part) > 1 for part in parts())


def _groups(part: object) -> int:
    """Groups of a convolution of torch or Paddle; 1 of any other layer."""
    for channels, groups in (("in_channels", "groups"), ("_in_channels", "_groups")):
        found = getattr(part, groups, 1)
        if hasattr(part, channels) and isinstance(found, int):
            return found
    return 1


def usual_rules(name: str) -> tuple[str, ...]:
    """The rules that tables of a source are known to use, and the true count."""
    return (*source(name).rules, TRUE)


def rules_of(name: str, framework: rules.Framework) -> tuple[str, ...]:
    """The rules that apply, those that tables of the source are known to use first."""
    known = rules.applicable(framework)
    first = [rule for rule in source(name).rules if rule in known]
    last = ("paddle-model-stat",) if framework == "torch" else ()  # of Paddle's networks only
    rest = [rule for rule in known if rule not in first and rule not in last]
    return (*first, *rest)


def _together(rule: str, framework: rules.Framework) -> list[str]:
    """The rules that are applied at once, a rule first: those that one reading of it serves."""
    if framework == "torch" and rules.rule_named(rule).over == "module":
        return [rule]
    others = [
        name
        for name in rules.applicable(framework)
        if name != rule and (framework == "paddle" or rules.rule_named(name).over == "layers")
    ]
    return [rule, *others]
