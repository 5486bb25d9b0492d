"""What a TorchScript file is, against what it is promised to be. Imports no framework."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def torchscript_faults(facts: Mapping[str, Any]) -> list[str]:
    """Everything about a TorchScript file that is not as promised, a sentence each.

    Promised is a complete model for inference that takes one tensor and gives one, in float32.
    ``facts`` are those of :func:`harness.exporting.torchscript_inspection.inspect_torchscript`.
    """
    if not facts["complete"]:
        return [f"no complete model: {facts['reason']}"]
    found = [f"computes as in training: {name}" for name in facts["training"]]
    if facts["dtypes"] != ["float32"]:
        found.append(f"parameters are {facts['dtypes']}, expected float32")
    for side in ("inputs", "outputs"):
        if facts[side] != 1:
            found.append(f"{facts[side]} {side}, expected one")
    if not facts["parameters"]:
        found.append("it has no parameters")
    return found
