"""Where things lie in a store."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.errors import HarnessError
from harness.runtime.store.keys import Key

MANIFEST = "entry.json"
USED = "used"
LET_GO = "let-go"
_DIGEST = re.compile("[0-9a-f]{64}", re.ASCII)
_OWN_FOLDERS = frozenset({"blobs", "locks", "tmp"})


@dataclass(frozen=True, slots=True)
class Layout:
    """The folders of the store under ``root``. Nothing is touched before :meth:`create`."""

    root: Path

    @property
    def blobs(self) -> Path:
        """Large files by their SHA-256."""
        return self.root / "blobs"

    @property
    def locks(self) -> Path:
        """One lock file for each key that was ever built here."""
        return self.root / "locks"

    @property
    def tmp(self) -> Path:
        """Entries that are being written or removed."""
        return self.root / "tmp"

    def entry(self, key: Key) -> Path:
        """Where the key's entry lies, if there is one.

        Raises:
            HarnessError: the step is named like a folder of the store itself.
        """
        if key.step in _OWN_FOLDERS:
            raise HarnessError(f"{key.step!r} cannot name a step: the store uses it itself")
        return self.root / key.step / key.digest

    def lock(self, entry: Path) -> Path:
        """The lock that whoever builds this entry holds."""
        return self.locks / f"{label(entry)}.lock"

    def entries(self) -> Iterator[Path]:
        """Every entry folder, sound or not, in order of step and digest.

        Only what is named like one: a root that holds other things loses none of them.
        """
        for step in _folders(self.root):
            if step.name not in _OWN_FOLDERS:
                yield from (path for path in _folders(step) if _DIGEST.fullmatch(path.name))

    def labelled(self, label: str) -> Path:
        """The entry of that :func:`label`."""
        step, _, digest = label.rpartition("-")
        return self.root / step / digest

    def create(self) -> None:
        """Make the folders.

        Raises:
            HarnessError: the root cannot be used.
        """
        for folder in (self.blobs, self.locks, self.tmp):
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise HarnessError(
                    f"{self.root} cannot be the artifact store: {error.strerror} ({folder}); "
                    "another can be chosen with ZOO_STORE"
                ) from error


def label(entry: Path) -> str:
    """An entry's name in the flat folders, ``<step>-<digest>``."""
    return f"{entry.parent.name}-{entry.name}"


def _folders(path: Path) -> list[Path]:
    try:
        return sorted(child for child in path.iterdir() if child.is_dir())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise HarnessError(f"{path} cannot be an artifact store: {error.strerror}") from error
