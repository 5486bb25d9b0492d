"""Where things lie in a store."""

from __future__ import annotations

import re
import shutil
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from harness.errors import HarnessError
from harness.runtime.private import make_private
from harness.runtime.store.keys import Key

MANIFEST = "entry.json"
USED = "used"
LET_GO = "let-go"
_DIGEST = re.compile("[0-9a-f]{64}", re.ASCII)
_OWN_FOLDERS = frozenset({"blobs", "locks", "tmp"})


@dataclass(frozen=True, slots=True)
class StoreFolders:
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
        """Every entry, valid or not, a folder or not, in order of step and digest.

        Only what is named like one: a root that holds other things loses none of them.
        """
        for step in _folders(self.root):
            if step.name not in _OWN_FOLDERS:
                yield from (path for path in _content(step) if _DIGEST.fullmatch(path.name))

    def oddities(self) -> Iterator[str]:
        """What lies where the store keeps locks and large files, and is no file."""
        for path in (
            *_content(self.locks),
            *(one for at in _content(self.blobs) for one in _content(at)),
        ):
            if not stat.S_ISREG(path.lstat().st_mode):
                yield f"{path} is no file; the next use of it removes it"

    def mend_lock(self, entry: Path) -> None:
        """Remove what lies where a lock of this entry has to, and can be none.

        Raises:
            OSError: it cannot be removed.
        """
        path = self.lock(entry)
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)

    def labelled(self, label: str) -> Path:
        """The entry of that :func:`label`."""
        step, _, digest = label.rpartition("-")
        return self.root / step / digest

    def create(self) -> None:
        """Make the folders.

        Raises:
            HarnessError: the root cannot be used.
        """
        for folder in (self.root, self.blobs, self.locks, self.tmp):
            try:
                make_private(folder)
            except OSError as error:
                raise HarnessError(
                    f"{self.root} cannot be the artifact store: {error.strerror} ({folder}); "
                    "another can be chosen with ZOO_STORE"
                ) from error


def label(entry: Path) -> str:
    """An entry's name in the flat folders, ``<step>-<digest>``."""
    return f"{entry.parent.name}-{entry.name}"


def discard(path: Path) -> None:
    """Remove whatever is there, as far as that is possible; links are not followed."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def _folders(path: Path) -> list[Path]:
    return [child for child in _content(path) if child.is_dir()]


def _content(path: Path) -> list[Path]:
    try:
        return sorted(path.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise HarnessError(f"{path} cannot be an artifact store: {error.strerror}") from error
