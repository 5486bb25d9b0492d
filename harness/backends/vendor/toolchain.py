"""The vendor's two tools on this machine: where they are, and of which versions."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from harness.backends.vendor.diagnosis import RUNNING, failure
from harness.backends.vendor.processes import Ended, run_tool
from harness.errors import MissingBackend

COMPILER, RUNNER = "vamc", "vamp"
VERSION_SECONDS = 60.0  # for a tool to say its version; they import a framework first
STAND_IN = "stand-in"  # what the stand-in's versions say of themselves


@dataclass(frozen=True, slots=True)
class Toolchain:
    """The executables and how they are called.

    Attributes:
        environment: set for both tools, in addition to what this process has.
        verb: what the compiler's command is called: "build" on the zoo's pages, "compile" today.
    """

    vamc: Path
    vamp: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    verb: Literal["build", "compile"] = "compile"


@dataclass(frozen=True, slots=True)
class Versions:
    """What the tools say of themselves, a line each; part of the key of all they make."""

    compiler: str
    runner: str

    @property
    def stand_in(self) -> bool:
        """Whether either tool only stands in for the vendor's; reports have to say so."""
        return any(STAND_IN in text.lower() for text in (self.compiler, self.runner))


def find_toolchain(
    folder: Path | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    verb: Literal["build", "compile"] = "compile",
) -> Toolchain:
    """The tools in a folder, or on the path.

    Raises:
        MissingBackend: a tool is not there or may not be executed; names where it was looked for.
    """
    where = None if folder is None else str(folder)
    found = {}
    for name in (COMPILER, RUNNER):
        path = shutil.which(name, path=where)
        if path is None:
            place = "on the path" if folder is None else f"in {folder}"
            raise MissingBackend(f"the vendor's toolchain: no executable {name} {place}")
        found[name] = Path(path).absolute()
    return Toolchain(found[COMPILER], found[RUNNER], dict(environment or {}), verb)


def versions(toolchain: Toolchain) -> Versions:
    """Ask both tools for ``--version``; one that knows no such option is of an unknown version.

    Raises:
        MissingBackend: a tool cannot be started.
        Unavailable: a tool says why it may not or cannot run here.
        RunError: a tool hangs or crashes.
    """
    return Versions(_version(toolchain, toolchain.vamc), _version(toolchain, toolchain.vamp))


def _version(toolchain: Toolchain, tool: Path) -> str:
    ended = run_tool(
        [tool, "--version"],
        folder=tool.parent,
        environment=toolchain.environment,
        timeout_s=VERSION_SECONDS,
    )
    error = failure(ended, RUNNING)
    if error is not None and type(error) is not RUNNING.failure:
        raise error
    return f"{tool.name}, unknown version" if error is not None else _first_line(ended)


def _first_line(ended: Ended) -> str:
    lines = [line.strip() for line in ended.log.splitlines() if line.strip()]
    return lines[0] if lines else f"{ended.tool}, unknown version"
