"""The options that a zoo's own file has: taken where the command line does not have them."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Final

import pytest

from harness.errors import ExpectationError, HarnessError, UnknownKey
from harness.plugin.options import GROUP
from harness.resolving.zoofile import read_zoo
from harness.runtime.document import ExpectedTable, suggestion

_NEVER: Final = frozenset({"zoo"})  # it is how the file is found
_PATHS: Final = frozenset({"DIR", "FILE", "YAML", "MANIFEST"})
_NAME: Final = "ID"  # what is no path may be a name
_HUB: Final = "hub"


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Settle the options of the zoos' files before anybody reads one."""
    known = _options(config)
    taken: dict[str, tuple[str, object]] = {}
    try:
        for folder in config.getoption("--zoo"):
            _, options = read_zoo(Path(folder))
            for key in options.values:
                if key not in known:
                    raise UnknownKey(
                        f"{options.where(key)}: unknown option{suggestion(key, known)}"
                    )
                value = _parsed(config, options, key, known[key])
                dest, default = known[key].dest, known[key].default
                where, other = taken.setdefault(dest, (options.where(key), value))
                if other != value:
                    raise ExpectationError(f"{options.where(key)} is another than {where} has")
                if config.getoption(dest) == default:
                    setattr(config.option, dest, value)
    except HarnessError as error:
        raise pytest.UsageError(str(error)) from error


def _options(config: pytest.Config) -> Mapping[str, argparse.Action]:
    """The suite's own options, by their names without dashes."""
    groups = (group for group in config._parser._groups if group.name.startswith(GROUP))
    actions = [option._action for group in groups for option in group.options]
    named = {name.removeprefix("--"): one for one in actions for name in one.option_strings}
    return {name: one for name, one in named.items() if name not in _NEVER}


def _parsed(
    config: pytest.Config, table: ExpectedTable, key: str, option: argparse.Action
) -> object:
    """What the option comes to, read as if it stood on the command line.

    Raises:
        ExpectationError: it is not what the option takes.
    """
    words = [*_words(table, key, option)]
    try:
        return getattr(config._parser.parse_known_args(words), option.dest)
    except pytest.UsageError as error:
        told = str(error).rpartition("error: ")[2]
        raise ExpectationError(f"{table.where(key)}: {told}") from None


def _words(table: ExpectedTable, key: str, option: argparse.Action) -> list[str]:
    value = table.values[key]
    if option.nargs == 0:
        if not isinstance(value, bool):
            raise table.wrong(key, "true or false")
        return [f"--{key}"] * value
    many = isinstance(option.default, list)
    values = value if many and isinstance(value, list) else [value]
    expected = "a text or a number, or an array of these" if many else "a text or a number"
    if any(isinstance(one, bool) or not isinstance(one, str | int | Decimal) for one in values):
        raise table.wrong(key, expected)
    return [f"--{key}={_placed(str(one), option, table.path.parent)}" for one in values]


def _placed(value: str, option: argparse.Action, folder: Path) -> str:
    """A path as it is from the folder of the file; anything else as it stands."""
    names = str(option.metavar or "").split("|")
    if not _PATHS.intersection(names) or value == _HUB:
        return value
    path = folder / Path(value).expanduser()
    return str(path) if path.exists() or _NAME not in names else value
