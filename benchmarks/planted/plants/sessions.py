"""Sessions, as a runtime answers them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

CLASSES = 1000
"""Of the models whose answers are changed: not of those by which a runtime itself is tested."""
WAITED_S = 0.1
"""For each image, by a runtime that is slow."""


def session(module: Any, edit: str, precision: str) -> None:
    """A session of ONNX Runtime answers otherwise, on models of one precision."""

    class Wrong(module.InferenceSession):  # type: ignore[misc]
        def __init__(self, model: Any, *arguments: Any, **options: Any) -> None:
            super().__init__(model, *arguments, **options)
            content = model if isinstance(model, bytes) else Path(str(model)).read_bytes()
            found = "int8" if b"DequantizeLinear" in content else "fp32"
            self._wrong = found == precision and b"zoo_range" not in content
            self._last: Any = None

        def run(self, names: Any, given: Any, *arguments: Any) -> Any:
            made = super().run(names, given, *arguments)
            if self._wrong and len(made) == 1 and made[0].shape[1:] == (CLASSES,):
                before, self._last = self._last, made[0]
                made = [_answered(edit, made[0], before)]
            return made

    module.InferenceSession = Wrong


def _answered(edit: str, made: Any, before: Any) -> Any:
    import numpy as np

    changed = made.copy()
    if edit == "batch_reversed":
        return np.ascontiguousarray(changed[::-1])
    if edit == "batch_mixed":
        return changed + np.float32(1e-2) * (changed - changed.mean(axis=0, keepdims=True))
    if edit == "waiting":
        until = time.perf_counter() + WAITED_S * len(made)
        while time.perf_counter() < until:
            pass
        return changed
    if edit == "stale":
        return changed if before is None else np.resize(before, made.shape)
    if edit == "last_lost":
        changed[-1] = changed[0]
    elif edit == "softmax":
        powers = np.exp(changed - changed.max(axis=1, keepdims=True))
        changed = powers / powers.sum(axis=1, keepdims=True)
    elif edit == "one_not_a_number":
        changed[-1, 7] = np.nan
    elif edit == "classes_shifted":
        changed = np.roll(changed, 1, axis=1)
    elif edit == "rounded":
        changed = np.round(changed, 1).astype(np.float32)
    return changed
