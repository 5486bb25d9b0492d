"""What this machine is, as the run log records it."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import psutil

from harness.reporting.results import Machine

CPUINFO = Path("/proc/cpuinfo")


def describe(cpuinfo: Path = CPUINFO) -> Machine:
    """Processor, cores that this process may run on, memory, and platform."""
    return Machine(
        cpu=_processor(cpuinfo),
        cores=_usable_cores(),
        memory_bytes=psutil.virtual_memory().total,
        platform=f"{platform.platform()}, Python {platform.python_version()}",
    )


def _processor(cpuinfo: Path) -> str:
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "") or platform.processor() or platform.machine() or "unknown"


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
