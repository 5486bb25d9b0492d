"""Counting a network's operations and parameters."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.expected.variants import Variant
from harness.sources import adapter


def count(
    folder: Path,  # noqa: ARG001 - every step has one
    variant: Variant,
    size: int,
    rules: tuple[str, ...],
) -> Mapping[str, Any]:
    """Count the network under each rule, without giving it weights."""
    from harness.counting import rules as counting

    network = adapter(variant.source).build(variant.model, input_size=size, weightless=True)
    counted = counting.count_all(
        network.countable, network.framework, input_shape=network.input_shape, rules=rules
    )
    return {
        "counts": {
            rule: {"operations": counts.operations, "params": counts.params}
            for rule, counts in counted.items()
        }
    }
