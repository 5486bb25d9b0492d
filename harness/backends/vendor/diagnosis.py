"""Why a tool failed: from how it ended, and from what it printed, to a named error.

The vendor's exit codes are not documented, so causes are told by what is printed; that is looked at
only where something is known to have failed. A hang comes first, then a cause that is printed, then
a signal: a tool that reports out of memory and aborts is out of memory.
"""

from __future__ import annotations

import re
import signal
from dataclasses import dataclass

from harness.backends.vendor.processes import Ended
from harness.errors import (
    CompileCrash,
    CompileError,
    CompileHang,
    DeadCard,
    HarnessError,
    MissingLicence,
    NotEnoughDisk,
    OutOfDeviceMemory,
    RunCrash,
    RunError,
    RunHang,
    StageError,
    UnfitVersion,
)

SHOWN_LINES = 20  # of a log, as in a StageError


@dataclass(frozen=True, slots=True)
class Stage:
    """The errors of one step, where no cause is printed."""

    failure: type[StageError]
    hang: type[StageError]
    crash: type[StageError]


COMPILING = Stage(CompileError, CompileHang, CompileCrash)
RUNNING = Stage(RunError, RunHang, RunCrash)


@dataclass(frozen=True, slots=True)
class _Sign:
    """A cause, and what a line looks like that tells of it; case does not matter."""

    what: str
    error: type[HarnessError]
    pattern: str


_SIGNS = (
    _Sign("disk full", NotEnoughDisk, r"no space left on device|disk (is )?full|disk quota exc"),
    _Sign(
        "no licence",
        MissingLicence,
        r"(licen[cs]e\b|dongle).{0,60}\b(expired|invalid|denied|missing|fail\w*|not (found|valid))"
        r"|\b(no|invalid|missing|expired) (valid )?(licen[cs]e|dongle)\b|unlicensed",
    ),
    _Sign(
        "versions do not go together",
        UnfitVersion,
        r"versions? (mismatch|conflict)|\b(incompatible|unsupported|mismatched) .{0,40}\bversion"
        r"|version .{0,40}\b(is not supported|not supported|does not match|incompatible|too old)",
    ),
    _Sign(
        "out of device memory",
        OutOfDeviceMemory,
        r"out of (device|card|ddr|vacc|on-chip) memory"
        r"|(device|card|ddr|vacc)\b.{0,40}\b(out of memory|memory exhausted|alloc\w* fail\w*)",
    ),
    _Sign(
        "card lost",
        DeadCard,
        r"(device|card|die)\b.{0,40}\b(lost|fell off|offline|not respond\w*|heartbeat|dead|reset)"
        r"|pcie .{0,40}(error|link down)",
    ),
)


def failure(ended: Ended, stage: Stage, *, case: str = "") -> HarnessError | None:
    """The error that a tool's end is; None where it ended as it should."""
    if ended.code == 0:
        return None
    if ended.code is None:
        message = f"{ended.tool} did not finish within {ended.seconds:.1f} s and was killed"
        return stage.hang(message, case=case, log=ended.log)
    if told := cause(ended, stage, case=case):
        return told
    if ended.code < 0:
        return stage.crash(
            f"{ended.tool} was killed by {_name(-ended.code)}", case=case, log=ended.log
        )
    message = f"{ended.tool} ended with exit code {ended.code}"
    return stage.failure(message, case=case, log=ended.log)


def cause(ended: Ended, stage: Stage, *, case: str = "") -> HarnessError | None:
    """The error whose sign is in the log, for a tool that is known to have failed."""
    for sign in _SIGNS:
        for line in reversed(ended.log.splitlines()):
            if re.search(sign.pattern, line, re.IGNORECASE):
                message = f"{ended.tool}: {sign.what}: {line.strip()}"
                return _error(sign.error, stage, message, case=case, log=ended.log)
    return None


def _error(
    kind: type[HarnessError], stage: Stage, message: str, *, case: str, log: str
) -> HarnessError:
    if issubclass(kind, stage.failure):
        return kind(message, case=case, log=log)
    if issubclass(kind, StageError):  # a card's error, told by the compiler
        return stage.failure(message, case=case, log=log)
    return kind("\n".join([message, *_quoted(log)]))


def _quoted(log: str) -> list[str]:
    return ["log:", *(f"  | {line}" for line in log.strip().splitlines()[-SHOWN_LINES:])]


def _name(number: int) -> str:
    try:
        name = signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
    return f"{name} (often the kernel's out-of-memory killer)" if name == "SIGKILL" else name
