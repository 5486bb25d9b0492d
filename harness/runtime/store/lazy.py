"""What was kept, looked at before it is used: built once more where it is not what was written."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import DamagedArtifact, EvictedArtifact
from harness.runtime.store.entries import Entry

LOG = logging.getLogger("harness.runtime.store")


def usable(build: Callable[[], Entry], *, files: Sequence[str] | None = None) -> Entry:
    """An entry whose files, all or these, are what was written; a damaged one is built anew.

    Args:
        build: gives the entry; asked again, it builds what was found unusable.

    Raises:
        DamagedArtifact: what was just built is damaged already.
        HarnessError: there is no such file.
    """
    try:
        return _verified(build(), files)
    except DamagedArtifact as damage:
        log_damage(damage)
    return _verified(build(), files)


def log_damage(damage: DamagedArtifact) -> None:
    """What was evicted is no trouble; anything else is."""
    level = logging.INFO if isinstance(damage, EvictedArtifact) else logging.WARNING
    LOG.log(level, "%s", damage)


@dataclass(frozen=True, slots=True)
class LazyArtifact:
    """A file that a step needs, asked for at the moment it is needed.

    Attributes:
        build: as in :func:`usable`.
        file: the file's name in the entry.
        given: what a step is given, from the file's path.
    """

    build: Callable[[], Entry]
    file: str
    given: Callable[[Path], Any] = lambda path: path

    def opened(self) -> tuple[Entry, Any]:
        """The entry, every file of it looked at, and what is given of the one that is needed.

        Hold the entry for as long as the file is used.

        Raises:
            DamagedArtifact: what was just built is damaged already.
        """
        entry = usable(self.build)
        return entry, self.given(entry.file(self.file))


def _verified(entry: Entry, files: Sequence[str] | None) -> Entry:
    for name in entry.files if files is None else files:
        entry.file(name)
    return entry
