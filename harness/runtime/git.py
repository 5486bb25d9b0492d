"""What has changed in a checkout since a commit, asked of git itself."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.errors import HarnessError, quoted

_SECONDS: Final = 60.0
_ELSEWHERE: Final = frozenset({"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"})  # set in hooks
_LARGEST: Final = 2**26  # bytes of a file of the past


@dataclass(frozen=True, slots=True)
class Past:
    """A checkout as it was where it parted from a commit.

    Attributes:
        root: its topmost folder.
        commit: the commit's digest.
        changed: files that are other than they were, are new, or are gone; ignored ones are left
            out.
    """

    root: Path
    commit: str
    changed: frozenset[Path]

    @classmethod
    def of(cls, folder: Path, ref: str) -> Past:
        """What a folder's checkout was, where its history and that of a commit parted.

        Args:
            ref: as git names commits: a branch, a tag, a digest.

        Raises:
            HarnessError: git is not here, the folder is in no checkout, or there is no such commit.
        """
        try:
            root = Path(os.fsdecode(_git(folder, "rev-parse", "--show-toplevel")).rstrip("\n"))
        except subprocess.CalledProcessError as error:
            raise HarnessError(f"{folder} is in no checkout of git: {_said(error)}") from None
        try:
            named = _git(root, "rev-parse", "--verify", "--end-of-options", f"{ref}^{{commit}}")
        except subprocess.CalledProcessError:
            raise HarnessError(f"{root}: git knows no commit {quoted(ref)}") from None
        commit = named.decode().strip()
        try:
            parted = _git(root, "merge-base", commit, "HEAD").decode().strip()
        except subprocess.CalledProcessError:  # histories without a common commit, or a shallow one
            parted = commit
        return cls(root, parted, _changed(root, parted))

    def read(self, path: Path) -> bytes | None:
        """What a file below the root held, or None where it was not there.

        Raises:
            HarnessError: it was larger than any file that the suite reads.
        """
        name = f"{self.commit}:{path.relative_to(self.root).as_posix()}"
        try:
            size = int(_git(self.root, "cat-file", "-s", name))
        except subprocess.CalledProcessError:
            return None
        if size > _LARGEST:
            raise HarnessError(f"{path}: had {size} bytes, expected at most {_LARGEST}")
        return _git(self.root, "cat-file", "blob", name)


def _changed(root: Path, commit: str) -> frozenset[Path]:
    try:
        told = _git(root, "diff", "--no-ext-diff", "--name-only", "--no-renames", "-z", commit)
        told += _git(root, "ls-files", "--others", "--exclude-standard", "-z")
    except subprocess.CalledProcessError as error:
        raise HarnessError(f"{root}: git: {_said(error)}") from None
    return frozenset(root / os.fsdecode(name) for name in told.split(b"\0") if name)


def _git(folder: Path, *words: str) -> bytes:
    """What git prints, of the checkout that the folder is in, whatever called this process."""
    kept = {name: value for name, value in os.environ.items() if name not in _ELSEWHERE}
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), "-c", "core.fsmonitor=false", *words],
            check=True,
            capture_output=True,
            timeout=_SECONDS,
            env={**kept, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"},
        )
    except ValueError:  # a name with a zero byte
        raise subprocess.CalledProcessError(1, "git", b"", b"") from None
    except FileNotFoundError:
        raise HarnessError("git is not installed, which --changed-since asks") from None
    except subprocess.TimeoutExpired:
        raise HarnessError(f"git {words[0]} did not end within {_SECONDS:g} s") from None
    return done.stdout


def _said(error: subprocess.CalledProcessError) -> str:
    lines = error.stderr.decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else f"exit status {error.returncode}"
