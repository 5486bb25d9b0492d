"""What makes two builds the same: everything that goes in, and nothing about where."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self, TypeAlias

from harness.errors import HarnessError

JSON: TypeAlias = bool | int | float | str | Sequence["JSON"] | Mapping[str, "JSON"] | None

_STEP = re.compile(r"[a-z][a-z0-9_-]*", re.ASCII)
_SHORT_DIGITS = 12  # of 64, for people


@dataclass(frozen=True, slots=True)
class Key:
    """Identifies what a step makes; :meth:`of` makes one.

    Attributes:
        step: the step's name, as in ``export-onnx``.
        text: all that the result depends on, as canonical JSON.
    """

    step: str
    text: str

    @classmethod
    def of(
        cls,
        step: str,
        *,
        inputs: Mapping[str, JSON],
        options: Mapping[str, JSON] | None = None,
        tools: Mapping[str, str] | None = None,
    ) -> Self:
        """A key from named inputs (values, or digests of files), options, and tool versions.

        Order of names does not matter; ``1``, ``1.0``, ``True`` and ``"1"`` differ. Paths do not
        belong here: the digest of what lies there does.

        Raises:
            HarnessError: the step is no plain name, or a value is not finite, plain JSON.

        >>> one = Key.of("export", inputs={"net": "ab12", "size": 224}, tools={"torch": "2.15"})
        >>> one == Key.of("export", inputs={"size": 224, "net": "ab12"}, tools={"torch": "2.15"})
        True
        """
        if not _STEP.fullmatch(step):
            raise HarnessError(f"{step!r} cannot name a step: expected a-z, 0-9, - and _")
        parts: dict[str, JSON] = {
            "step": step,
            "inputs": inputs,
            "options": options or {},
            "tools": tools or {},
        }
        return cls(step, canonical(parts, f"key of {step}"))

    @property
    def digest(self) -> str:
        """SHA-256 of the text, in 64 hexadecimal digits."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def short(self) -> str:
        """The first digits of the digest, for people."""
        return self.digest[:_SHORT_DIGITS]

    def __str__(self) -> str:
        return f"{self.step} {self.short}"


def canonical(value: JSON, where: str) -> str:
    """The one way to write a value as JSON: sorted names, no spaces, ASCII.

    Raises:
        HarnessError: a part is not JSON, or is NaN or infinite; ``where`` and the path to it are
            named.
    """
    plain = _plain(value, where)
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _plain(value: object, where: str) -> object:
    """The value in dicts and lists alone."""
    match value:
        case float() if not math.isfinite(value):
            raise HarnessError(f"{where}: {value} is not a finite number")
        case None | bool() | int() | float() | str():
            return value
        case Mapping():
            for name in value:
                if not isinstance(name, str):
                    raise HarnessError(f"{where}: name {name!r} is not a string")
            return {name: _plain(item, f"{where}.{name}") for name, item in value.items()}
        case list() | tuple():
            return [_plain(item, f"{where}[{index}]") for index, item in enumerate(value)]
        case _:
            kind = type(value).__name__
            raise HarnessError(f"{where}: expected plain JSON, got {kind} {value!r}")
