"""Whether the tensors that a file says it holds are those of a network, before they are read."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from harness.errors import BuildError, quoted
from harness.sources.network import Network

SIZES: Final[Mapping[str, int]] = {
    "float16": 2,
    "bfloat16": 2,
    "float32": 4,
    "float64": 8,
    "bool": 1,
    "uint8": 1,
    "int8": 1,
    "uint16": 2,
    "int16": 2,
    "uint32": 4,
    "int32": 4,
    "uint64": 8,
    "int64": 8,
}
"""The types that weights may have, and the bytes of one value."""

_COUNTER: Final = "num_batches_tracked"  # BatchNorm's step counter: training state, of no result
_LISTED: Final = 6  # differences that an error names

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """A tensor as its file describes it: ``stored`` are the bytes that the file has for it."""

    shape: Shape
    dtype: str
    stored: int


@dataclass(frozen=True, slots=True)
class Requirement:
    """A tensor of a network, and whether its values are real numbers, not whole ones."""

    shape: Shape
    floating: bool


def needed_by(network: Network) -> dict[str, Requirement]:
    """The parameters and buffers of a network by name; a weightless one has them too."""
    state: Mapping[str, Any] = network.module.state_dict()
    return {
        name: Requirement(tuple(value.shape), "float" in str(value.dtype))
        for name, value in state.items()
    }


def require_fit(
    path: Path, told: Mapping[str, Told], needed: Mapping[str, Requirement] | None = None
) -> None:
    """Refuse a file whose tensors are no plain ones, or others than the network needs.

    Nothing is read for it: a few bytes that claim to be gigabytes cost nothing.

    Raises:
        BuildError: names the file, the tensor, its type or shape, and what was expected.
    """
    for name, one in told.items():
        if one.dtype not in SIZES:
            known = ", ".join(SIZES)
            raise BuildError(f"{path}: {quoted(name)} is of type {one.dtype}, expected {known}")
    if needed is not None:
        shapes = {name: one.shape for name, one in needed.items()}
        require_shapes(shapes, {name: one.shape for name, one in told.items()}, path=path)
        for name in needed.keys() & told.keys():
            floating = "float" in told[name].dtype
            if floating != needed[name].floating and not name.endswith(_COUNTER):
                kind = "a floating-point type" if needed[name].floating else "whole numbers"
                found = f"{quoted(name)} is of type {told[name].dtype}"
                raise BuildError(f"{path}: {found}, the network needs {kind}")
    for name, one in told.items():
        values = math.prod(one.shape)
        if values * SIZES[one.dtype] > one.stored:
            raise BuildError(
                f"{path}: {quoted(name)} claims {values:,} values of {one.dtype}, and the file "
                f"has {one.stored:,} bytes for them"
            )


def require_shapes(
    expected: Mapping[str, Shape], given: Mapping[str, Shape], *, path: Path | None = None
) -> None:
    """Names and shapes have to be the network's; step counters may be missing.

    Raises:
        BuildError: all differences are named at once, or the first of them.
    """
    faults = [f"{name} is missing" for name in expected.keys() - given.keys() - counters(expected)]
    faults += [f"{_named(name)} is not the network's" for name in given.keys() - expected.keys()]
    faults += [
        f"{name} has shape {_named(given[name])}, the network's has {expected[name]}"
        for name in given.keys() & expected.keys()
        if given[name] != expected[name]
    ]
    if faults:
        shown = "; ".join(sorted(faults)[:_LISTED])
        rest = f"; and {len(faults) - _LISTED} more" if len(faults) > _LISTED else ""
        where = f"{path}: " if path else ""
        raise BuildError(f"{where}weights do not fit the network: {shown}{rest}")


def counters(names: Collection[str]) -> set[str]:
    """The step counters among names."""
    return {name for name in names if name.endswith(_COUNTER)}


def _named(value: str | Shape) -> str:
    """A name or shape of the file: as it is where it is short, else by its beginning."""
    plain = isinstance(value, str) and value.isprintable() and len(value) <= 120
    return str(value) if plain else quoted(value)
