"""How an exported ONNX file falls short of what was asked for: from facts to sentences, no more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Facts = Mapping[str, Any]
"""What an inspection found: names to plain JSON values."""

_SHOWN = 3  # nodes, of what may be all in a network


def faults(
    facts: Facts,
    *,
    opset: int,
    input_name: str,
    output_name: str,
    input_shape: Sequence[int | None] = (None, 3, 224, 224),
    classes: int = 1000,
) -> list[str]:
    """Everything about an ONNX file that is not as promised, a sentence each; none is good.

    Promised are a complete, valid model for inference, at exactly this opset, with weights, one
    float32 input and one float32 output (batch, ``classes``) of these names. None in
    ``input_shape`` (batch, channels, height, width) promises a symbolic dimension. ``facts`` are
    from :func:`harness.exporting.inspection.inspect_onnx`.
    """
    if not facts["complete"]:
        return [f"the file is not a complete model: {facts['reason']}"]
    found = []
    if facts["opset"] != opset:
        found.append(f"opset {facts['opset']} was written, {opset} was asked for")
    found += _value_faults("input", facts["inputs"], input_name, input_shape)
    found += _value_faults("output", facts["outputs"], output_name, (input_shape[0], classes))
    found += _training_faults(facts["training"])
    if not facts["parameters"]:
        found.append("it has no weights")
    if facts["checker"]:
        found.append(f"the checker refuses it: {facts['checker']}")
    return found


def _training_faults(training: Sequence[str]) -> list[str]:
    if not training:
        return []
    rest = f"; and {len(training) - _SHOWN} more" if len(training) > _SHOWN else ""
    return [f"it computes as in training: {'; '.join(training[:_SHOWN])}{rest}"]


def _value_faults(
    kind: str, values: Sequence[Facts], name: str, shape: Sequence[int | None]
) -> list[str]:
    if len(values) != 1:
        names = [value["name"] for value in values]
        return [f"it has {len(values)} {kind}s {names}, expected one, {name!r}"]
    (value,) = values
    found = []
    if value["name"] != name:
        found.append(f"the {kind} is called {value['name']!r}, expected {name!r}")
    if value["dtype"] != "FLOAT":
        found.append(f"{kind} {name!r} is of type {value['dtype']}, expected FLOAT")
    if not _fits(value["shape"], shape):
        expected = ", ".join("symbolic" if size is None else str(size) for size in shape)
        found.append(f"{kind} {name!r} has shape {value['shape']}, expected [{expected}]")
    return found


def _fits(actual: Sequence[int | str | None] | None, expected: Sequence[int | None]) -> bool:
    if actual is None or len(actual) != len(expected):
        return False
    return all(
        isinstance(size, str) if wanted is None else size == wanted
        for size, wanted in zip(actual, expected, strict=True)
    )
