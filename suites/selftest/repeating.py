"""Runs the command that a failure says repeats it, as its reader would: in a shell."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path


def command_of(printed: str) -> str:
    """The first command that stands behind ``repeat:``."""
    found = re.search(r"^\s*repeat: (.+)$", printed, re.MULTILINE)
    assert found, printed
    return found[1]


def failure_of(printed: str) -> tuple[str, str]:
    """The first failure that pytest printed: which test, and the first line about it."""
    found = re.search(r"^_+ (.+?) _+\n(?:\[gw\d+\] .+\n)?(.+)$", printed, re.MULTILINE)
    assert found, printed
    return found[1], found[2]


def repeat(printed: str, *, folder: Path) -> tuple[int, str]:
    """What comes of that command: exit status, and what it prints."""
    tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-c", command_of(printed)],
        cwd=folder,
        env={**os.environ, "PATH": tools},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def require_repeated(printed: str, *, folder: Path) -> None:
    """The command fails in the same case, and with the same first line."""
    status, again = repeat(printed, folder=folder)
    assert status == 1, again
    assert failure_of(again) == failure_of(printed)
