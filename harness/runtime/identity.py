"""What stands in the keys of stored things: versions of tools, and of the harness's own code."""

from __future__ import annotations

import hashlib
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
