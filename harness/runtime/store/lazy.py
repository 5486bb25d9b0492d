"""A file that a step needs, asked for at the moment it is needed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness.errors import DamagedArtifact
from harness.runtime.store.entries import Entry


@dataclass(frozen=True, slots=True)
class LazyArtifact:
    """A file of what ``build`` gives: built anew where it was evicted or is not what was written.

    Attributes:
        build: gives the entry; asked again, it builds what was found unusable.
        file: the file's name in the entry.
    """

    build: Callable[[], Entry]
    file: str

    def opened(self) -> tuple[Entry, Path]:
        """The entry, every file of it looked at, and the path of the one that is needed.

        Hold the entry for as long as the path is used.

        Raises:
            DamagedArtifact: what was just built is damaged already.
        """
        try:
            return self._opened()
        except DamagedArtifact:
            return self._opened()

    def _opened(self) -> tuple[Entry, Path]:
        entry = self.build()
        for name in entry.files:
            entry.file(name)
        return entry, entry.file(self.file)
