"""One TOML file, read key by key with errors that name the file, the key and what was expected."""

from __future__ import annotations

import difflib
import math
import re
import tomllib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Concatenate, Final, ParamSpec, TypeVar

from harness.errors import ExpectationError, UnknownKey, quoted
from harness.records import Figure
from harness.runtime.foreign import read_text

LARGEST_FILE: Final = 2**26
"""Bytes; a calibration manifest of the 50,000 images has about 8 MiB, anything else far less."""

_Context = ParamSpec("_Context")
_Read = TypeVar("_Read")

_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_PLAIN_KEY: Final = re.compile(r"[\w.+\[\]/ -]{1,200}")
_LARGEST_COUNT: Final = 10**18  # a million times the operations of the largest networks
_LARGEST_EXPONENT: Final = 400  # of ten; float64 ends at 308, and a fraction has all the digits
MOST_FAULTS: Final = 20
"""Faults of expectations that are told one by one."""
_MOST_CHOICES: Final = 30  # that an error lists
_LONGEST_WORD: Final = 200  # characters; matching takes the square of them


def suggestion(word: str, known: Collection[str]) -> str:
    """`` (did you mean 'x'?)``, or nothing where no known word is near."""
    if len(word) > _LONGEST_WORD:
        return ""
    near = difflib.get_close_matches(word, sorted(known), n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""


class Gathered:
    """Faults of expectations, told together: whoever mends a file sees all of them at once."""

    def __init__(self) -> None:
        self._faults: list[ExpectationError] = []

    @contextmanager
    def one(self) -> Iterator[None]:
        """Keep the fault of what is read here, if it has one, and go on."""
        try:
            yield
        except ExpectationError as error:
            self._faults.append(error)

    def of(
        self,
        read: Callable[Concatenate[ExpectedTable, _Context], _Read],
        tables: Iterable[ExpectedTable],
        *context: _Context.args,
        **more: _Context.kwargs,
    ) -> tuple[_Read, ...]:
        """What is read of each of these tables, of those without a fault."""
        found = []
        for table in tables:
            with self.one():
                found.append(read(table, *context, **more))
        return tuple(found)

    def require_none(self) -> None:
        """Raise the first of the faults, which tells of the others too, if there are any.

        Raises:
            ExpectationError: of the first one's kind.
        """
        if self._faults:
            told = [line for error in self._faults for line in str(error).splitlines()]
            more = [f"and {len(told) - MOST_FAULTS} more"] * (len(told) > MOST_FAULTS)
            raise type(self._faults[0])("\n".join([*told[:MOST_FAULTS], *more]))


@dataclass(frozen=True, slots=True)
class ExpectedTable:
    """A TOML table, the file it stands in and the keys that lead to it."""

    path: Path
    keys: tuple[str, ...]
    values: Mapping[str, object]

    @classmethod
    def load(cls, path: Path) -> ExpectedTable:
        """Read a file; floats become decimals, so that they keep their printed digits.

        Raises:
            ExpectationError: the file is missing, unreadable, not UTF-8 or not TOML.
        """
        try:
            values = tomllib.loads(read_text(path, most=LARGEST_FILE), parse_float=Decimal)
        except OSError as error:
            raise ExpectationError(f"cannot read {path}: {error.strerror or error}") from error
        except UnicodeDecodeError as error:
            raise ExpectationError(f"{path}: not UTF-8 at byte {error.start}") from error
        except tomllib.TOMLDecodeError as error:
            raise ExpectationError(f"{path}: not TOML: {error}") from error
        except RecursionError as error:
            raise ExpectationError(f"{path}: nested too deeply") from error
        except (ValueError, ArithmeticError) as error:  # numbers of thousands of digits
            raise ExpectationError(f"{path}: not TOML as expected: {error}") from error
        return cls(path, (), values)

    def where(self, key: str = "") -> str:
        """``file: table.key``, as errors begin."""
        keys = (*self.keys, key) if key else self.keys
        dotted = ".".join(one if _PLAIN_KEY.fullmatch(one) else quoted(one) for one in keys)
        return f"{self.path}: {dotted}" if dotted else str(self.path)

    def wrong(self, key: str, expected: str) -> ExpectationError:
        """The error for a key that is missing or whose value is not what is expected."""
        if key not in self.values:
            return ExpectationError(f"{self.where(key)} is missing, expected {expected}")
        value = self.values[key]
        shown = str(value) if isinstance(value, Decimal) else quoted(value)  # as it is printed
        return ExpectationError(f"{self.where(key)} is {shown}, expected {expected}")

    def only(self, known: Collection[str], what: str = "key") -> None:
        """Refuse keys that nobody would read.

        Raises:
            UnknownKey: names the first such key and the nearest known one.
        """
        for key in self.values:
            if key not in known:
                raise UnknownKey(f"{self.where(key)}: unknown {what}{suggestion(key, known)}")

    def written(self, key: str) -> str:
        """A text as it stands there, which may be blank.

        Raises:
            ExpectationError: it is missing or no text.
        """
        value = self.values.get(key)
        if not isinstance(value, str):
            raise self.wrong(key, "a text")
        return value

    def text(self, key: str) -> str:
        """A text that says something.

        Raises:
            ExpectationError: it is missing, blank or no text.
        """
        value = self.values.get(key)
        if not isinstance(value, str) or not value.strip():
            raise self.wrong(key, "a text that is not blank")
        return value.strip()

    def sha256(self, key: str) -> str:
        """A SHA-256.

        Raises:
            ExpectationError: it is missing or something else.
        """
        if not _SHA256.fullmatch(self.written(key)):
            raise self.wrong(key, "64 hexadecimal digits")
        return self.written(key)

    def optional_text(self, key: str) -> str | None:
        """As :meth:`text`, or None where the key is absent."""
        return self.text(key) if key in self.values else None

    def one_of(self, key: str, choices: Collection[str], *, what: str = "") -> str:
        """A text that is one of these; ``what`` they are, if not what the key says.

        Raises:
            ExpectationError: it is missing or no text.
            UnknownKey: it is another one; names the nearest, or all.
        """
        value = self.text(key)
        if value not in choices:
            near = suggestion(value, choices)
            if not near and len(choices) <= _MOST_CHOICES:
                near = f", expected one of {', '.join(choices)}"
            raise UnknownKey(f"{self.where(key)}: unknown {what or key} {quoted(value)}{near}")
        return value

    def figure(self, key: str) -> Figure:
        """A number as a page prints it.

        Raises:
            ExpectationError: it is missing, or no number.
        """
        try:
            return Figure(self.text(key))
        except ValueError as error:
            raise ExpectationError(f"{self.where(key)}: {error}") from error

    def count(self, key: str) -> int:
        """A positive whole number, below 10^18.

        Raises:
            ExpectationError: it is missing or something else.
        """
        value = self.values.get(key)
        if type(value) is not int or not 0 < value < _LARGEST_COUNT:  # not a boolean either
            raise self.wrong(key, "a positive whole number below 10^18")
        return value

    def whole(self, key: str, *, least: int, most: int) -> int:
        """A whole number from one to another.

        Raises:
            ExpectationError: it is missing or something else.
        """
        value = self.values.get(key)
        if type(value) is not int or not least <= value <= most:
            wanted = f"a whole number from {least} to {most}" if least < most else str(least)
            raise self.wrong(key, wanted)
        return value

    def texts(self) -> dict[str, str]:
        """The table as one of texts, which may be blank.

        Raises:
            ExpectationError: a value is something else.
        """
        return {key: self.written(key) for key in self.values}

    def truth(self, key: str) -> bool:
        """True or false.

        Raises:
            ExpectationError: it is missing or something else.
        """
        value = self.values.get(key)
        if not isinstance(value, bool):
            raise self.wrong(key, "true or false")
        return value

    def wholes(
        self, key: str, *, least: int, most: int, lengths: Collection[int], what: str
    ) -> tuple[int, ...]:
        """An array of so many whole numbers, ``what`` they are; one may stand without brackets.

        Raises:
            ExpectationError: it is missing or something else.
        """
        value = self.values.get(key)
        values = [value] if type(value) is int and 1 in lengths else value
        if (
            not isinstance(values, list)
            or len(values) not in lengths
            or not all(type(each) is int and least <= each <= most for each in values)
        ):
            raise self.wrong(key, f"{what}; each a whole number from {least} to {most}")
        return tuple(values)

    def channels(self, key: str, *, least: Decimal, most: Decimal) -> tuple[float, float, float]:
        """Three numbers from one to another, for R, G and B.

        Raises:
            ExpectationError: it is missing or something else.
        """
        value = self.values.get(key)
        if (
            not isinstance(value, list)
            or len(value) != 3
            or not all(type(each) in (int, float, Decimal) for each in value)
            or not all(_is_finite(each) and least <= each <= most for each in value)
        ):
            raise self.wrong(key, f"three numbers from {least} to {most}, for R, G and B")
        red, green, blue = map(float, value)
        return red, green, blue

    def optional_count(self, key: str) -> int | None:
        """As :meth:`count`, or None where the key is absent."""
        return self.count(key) if key in self.values else None

    def day(self, key: str) -> date:
        """A date without a time of day.

        Raises:
            ExpectationError: it is missing or something else.
        """
        value = self.values.get(key)
        if type(value) is not date:  # a datetime is a date too
            raise self.wrong(key, "a date such as 2030-01-31, without quotes")
        return value

    def number(self, key: str, *, least: Decimal | None = None) -> Decimal:
        """A finite number with its printed digits.

        Raises:
            ExpectationError: it is missing, no finite number, or below ``least``.
        """
        value = self.values.get(key)
        bound = "" if least is None else f" of at least {least}"
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            raise self.wrong(key, f"a finite number{bound}")
        number = Decimal(value)
        if number.is_finite() and abs(number.adjusted()) > _LARGEST_EXPONENT:
            raise self.wrong(key, f"a number within 1e±{_LARGEST_EXPONENT}")
        if not number.is_finite() or (least is not None and number < least):
            raise self.wrong(key, f"a finite number{bound}")
        return number

    def table(self, key: str) -> ExpectedTable:
        """The table under a key.

        Raises:
            ExpectationError: it is missing or no table.
        """
        value = self.values.get(key)
        if not isinstance(value, dict):
            raise self.wrong(key, "a table")
        return ExpectedTable(self.path, (*self.keys, key), value)

    def optional_table(self, key: str) -> ExpectedTable:
        """As :meth:`table`; an empty one where the key is absent."""
        return (
            self.table(key)
            if key in self.values
            else ExpectedTable(self.path, (*self.keys, key), {})
        )

    def tables(self, key: str) -> tuple[ExpectedTable, ...]:
        """The array of tables under a key, numbered from 1; empty where the key is absent.

        Raises:
            ExpectationError: it is no array of tables.
        """
        value = self.values.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise self.wrong(key, f"an array of tables, [[{key}]]")
        return tuple(
            ExpectedTable(self.path, (*self.keys, f"{key}[{number}]"), item)
            for number, item in enumerate(value, start=1)
        )


def _is_finite(number: float | Decimal) -> bool:
    """Whether it can be compared; whole numbers may be too large for a float."""
    return isinstance(number, int) or math.isfinite(number)
