"""How much memory there is: the machine's, or less where a control group allows less.

Sources: Linux ``Documentation/admin-guide/cgroup-v2.rst`` and ``cgroup-v1/memory.rst``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

MEMBERSHIP = Path("/proc/self/cgroup")
MOUNT = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True)
class _Files:
    """What the files of one version of control groups are called."""

    limit: str
    usage: str
    reclaimable: str  # in memory.stat: page cache that is given back under pressure


_V1 = _Files("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
_V2 = _Files("memory.max", "memory.current", "inactive_file")


def total_bytes(*, membership: Path = MEMBERSHIP, mount: Path = MOUNT) -> int:
    """Memory this process could use if it were alone: the machine's or the smallest limit."""
    limits = [limit for limit, _ in _limits(membership, mount)]
    return min([psutil.virtual_memory().total, *limits])


def available_bytes(*, membership: Path = MEMBERSHIP, mount: Path = MOUNT) -> int:
    """Memory this process can use now without swapping or being killed; never negative."""
    rooms = [limit - used for limit, used in _limits(membership, mount)]
    return max(0, min([psutil.virtual_memory().available, *rooms]))


def _limits(membership: Path, mount: Path) -> Iterator[tuple[int, int]]:
    """Limit and use, in bytes, of every control group around this process that has a limit."""
    for group, files in _groups(membership, mount):
        with suppress(OSError, ValueError):  # no such file here, or "max": no limit
            limit = int((group / files.limit).read_text(encoding="ascii"))
            used = int((group / files.usage).read_text(encoding="ascii"))
            yield limit, used - _reclaimable(group, files)


def _groups(membership: Path, mount: Path) -> Iterator[tuple[Path, _Files]]:
    """The group of this process and all groups around it, innermost first.

    In a container the path may be the host's; then only the mounted root is found, which is the
    container's own group.
    """
    try:
        lines = membership.read_text(encoding="utf-8").splitlines()
    except OSError:  # no Linux
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        root, files = (mount / "memory", _V1) if controllers else (mount, _V2)
        group = root / path.lstrip("/")
        for around in (group, *group.parents):
            if around.is_relative_to(root):
                yield around, files


def _reclaimable(group: Path, files: _Files) -> int:
    with suppress(OSError):
        for line in (group / "memory.stat").read_text(encoding="ascii").splitlines():
            name, _, value = line.partition(" ")
            if name == files.reclaimable:
                return int(value)
    return 0
