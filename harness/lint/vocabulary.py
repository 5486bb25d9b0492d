"""Words of the vendor that are right and not modelled here: what a file says besides is checked.

Source: build configs and run-time files of the vendor's public zoo.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Any, Final

COLOUR_CONVERSIONS: Final = ("RGB2BGR", "BGR2RGB")
RESIZERS: Final = ("BILINEAR_PILLOW",)
RUN_TIME: Final[Mapping[str, tuple[Sequence[str], str]]] = {
    "ColorCvtCode": (COLOUR_CONVERSIONS, "NO_CHANGE"),
    "ResizeType": (RESIZERS, "BILINEAR_CV"),
    "NormaType": (("EQUAL",), "MINUSMEAN_DIVSTD"),
}
"""Values of a run-time file, and what is read in their place."""

KEYS: Final = (
    ("backend", "compile", "data_transport_mode"),
    ("backend", "compile", "dense_special_config"),
    ("backend", "quantize", "calibrate_chunk_by"),
    ("backend", "quantize", "dense_special_config"),
    ("backend", "quantize", "skip_matmul_layers"),
)
"""Keys of a build config."""

OPERATORS: Final = ("CvtColor",)
"""Operators of a build config's data set."""

Values = Mapping[str, Any]


def modelled_config(values: Values) -> tuple[Values, tuple[str, ...]]:
    """A build config without what is not modelled, and what that is."""
    kept, beyond = deepcopy(dict(values)), list[str]()
    for *path, key in KEYS:
        table = _table(kept, path)
        if key in table:
            beyond.append(".".join((*path, key)))
            del table[key]
    dataset = _table(kept, ["dataset"])
    operators = dataset.get("process_ops")
    if isinstance(operators, list):
        beyond += [f"dataset.process_ops: {name}" for name in _unknown(operators)]
        dataset["process_ops"] = [one for one in operators if not _is_unknown(one)]
    return kept, tuple(beyond)


def modelled_run_time(values: Values) -> tuple[Values, tuple[str, ...]]:
    """A run-time file with what is modelled in the place of what is not, and what that is."""
    kept, beyond = deepcopy(dict(values)), list[str]()
    table = _table(kept, ["OpConfig"])
    for key, (known, instead) in RUN_TIME.items():
        if table.get(key) in known:
            beyond.append(f"OpConfig.{key}: {table[key]}")
            table[key] = instead
    return kept, tuple(beyond)


def _table(values: dict[str, Any], path: Sequence[str]) -> dict[str, Any]:
    """The table at a path; an empty one of its own where there is none."""
    found: Any = values
    for key in path:
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def _is_unknown(operator: object) -> bool:
    return isinstance(operator, dict) and operator.get("type") in OPERATORS


def _unknown(operators: Sequence[Any]) -> Iterator[str]:
    yield from (str(one["type"]) for one in operators if _is_unknown(one))
