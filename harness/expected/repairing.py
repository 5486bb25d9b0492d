"""The way out of expectations of a page that cannot be read: an error says by which command."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.errors import ExpectationError

DEFAULT = Path(__file__).parents[2] / "expected"
"""Where the expectations lie in a checkout, which commands need not be told."""


@contextmanager
def naming_the_repair(page: str, expected: Path) -> Iterator[None]:
    """Add to an error about the files of a page how they are made again.

    Args:
        page: the page's file.
        expected: the folder that has the files.

    Raises:
        ExpectationError: of the kind that was raised.
    """
    try:
        yield
    except ExpectationError as error:
        options = [] if expected == DEFAULT else ["--expected", str(expected)]
        command = shlex.join(["python", "-m", "harness", "update", page, *options])
        raise type(error)(
            f"{error}; mend that by hand, or take the file away and have it drafted anew: {command}"
        ) from error
