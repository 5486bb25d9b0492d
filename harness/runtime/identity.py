"""What stands in the keys of stored things: versions of tools, and of the harness's own code."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

HARNESS = Path(__file__).parents[1]


@cache
def code_digest(*parts: str) -> str:
    """Identity of the harness's own code in these packages or modules: it made what is stored."""
    whole = hashlib.sha256()
    for part in parts:
        path = HARNESS / part
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            whole.update(file.relative_to(HARNESS).as_posix().encode())
            whole.update(file.read_bytes())
    return whole.hexdigest()[:16]


def tools(*names: str) -> dict[str, str]:
    """Versions of these distributions; "not installed" where one is not."""
    return {name: _version(name) for name in names}


@cache
def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def installed(names: tuple[str, ...]) -> dict[str, str]:
    """Python, the harness's own code, and these distributions, as they are here."""
    own = {"python": platform.python_version(), "harness": code_digest(".")}
    return own | tools(*(name for name in names if name not in own))


def differing(here: Mapping[str, str], wanted: Mapping[str, str]) -> str:
    """What is otherwise here than it has to be, in words; "" where nothing is.

    >>> differing({"torch": "2.5", "numpy": "2"}, {"torch": "2.6", "numpy": "2"})
    'torch 2.5, where this run has 2.6'
    """
    return "; ".join(
        f"{name} {here.get(name)}, where this run has {version}"
        for name, version in wanted.items()
        if here.get(name) != version
    )
