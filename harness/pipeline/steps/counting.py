"""Counting a network's operations and parameters."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from harness.errors import CountError, one_line
from harness.expected.variants import Variant
from harness.sources import Network, adapter


def build(variant: Variant, size: int) -> Network:
    """The network of a row at an input size in pixels, without weights.

    Raises:
        MissingSource, StageError: it cannot be built.
    """
    return adapter(variant.source).build(variant.model, input_size=size, weightless=True)


def count(
    folder: Path,  # noqa: ARG001 - every step has one
    variant: Variant,
    size: int,
    rules: tuple[str, ...],
    built: Callable[[Variant, int], Network] = build,
) -> Mapping[str, Any]:
    """Count the network under each rule; of a rule that cannot, say why.

    With the true count come the settings of all operators, as ``layers``.

    ``built``: where the network comes from.

    Raises:
        MissingSource, StageError: it cannot be built.
    """
    from harness.counting import rules as counting
    from harness.counting.layers import reading_once
    from harness.counting.operators import in_words

    network = built(variant, size)
    counts: dict[str, dict[str, int]] = {}
    failures: dict[str, str] = {}
    layers: dict[str, str] = {}
    with reading_once():
        for rule in rules:
            try:
                found = counting.count(
                    network.countable,
                    network.framework,
                    input_shape=network.input_shape,
                    rule=rule,
                )
            except (CountError, SystemExit) as error:
                if isinstance(error.__cause__, MemoryError | OSError):
                    raise  # of this machine, now: nothing to be kept
                failures[rule] = error.message if isinstance(error, CountError) else one_line(error)
            else:
                counts[rule] = {"operations": found.operations, "params": found.params}
        if counting.TRUE in counts:
            read = counting.read_network(
                network.countable, network.framework, input_shape=network.input_shape
            )
            layers = in_words(read.operators)
    return {
        "counts": counts,
        "failures": failures,
        "layers": layers,
        "params": _params(network),
        "grouped": _is_grouped(network),
    }


def _params(network: Network) -> int:
    """Learned parameters, without looking at a layer."""
    parameters = network.module.parameters()
    if network.framework == "paddle":
        return sum(math.prod(one.shape) for one in parameters if one.trainable)
    return sum(one.numel() for one in parameters)


def _is_grouped(network: Network) -> bool:
    """Whether a convolution of the network has groups."""
    module = network.module
    parts = module.sublayers if hasattr(module, "sublayers") else module.modules
    return any(_groups(part) > 1 for part in parts())


def _groups(part: object) -> int:
    """Groups of a convolution of torch or Paddle; 1 of any other layer."""
    for channels, groups in (("in_channels", "groups"), ("_in_channels", "_groups")):
        found = getattr(part, groups, 1)
        if hasattr(part, channels) and isinstance(found, int):
            return found
    return 1
