"""Sizes and ages as people write them."""

from __future__ import annotations

import re

from harness.errors import HarnessError, quoted

KIB, MIB, GIB, TIB = (1024**power for power in (1, 2, 3, 4))  # bytes, IEC 80000-13

_SIZE_UNITS = {
    "": 1,
    "B": 1,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KIB": KIB,
    "MIB": MIB,
    "GIB": GIB,
    "TIB": TIB,
}
_AGE_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}  # seconds
_QUANTITY = re.compile(r"(\d{1,18}(?:\.\d{1,18})?)\s*([A-Za-z]*)", re.ASCII)


def parse_size(text: str) -> int:
    """Bytes from ``20GiB``, ``1.5 GB`` or ``4096``.

    Raises:
        HarnessError: not a size.

    >>> parse_size("20GiB"), parse_size("1.5 kB")
    (21474836480, 1500)
    """
    found = _QUANTITY.fullmatch(text.strip())
    if found is None or found[2].upper() not in _SIZE_UNITS:
        raise HarnessError(
            f"{quoted(text)} is not a size: expected a number and a unit, as in 20GiB"
        )
    return int(float(found[1]) * _SIZE_UNITS[found[2].upper()])


def parse_age(text: str) -> float:
    """Seconds from ``7d``, ``12h``, ``30m``, ``2w`` or ``90s``.

    Raises:
        HarnessError: not an age.

    >>> parse_age("7d")
    604800.0
    """
    found = _QUANTITY.fullmatch(text.strip())
    if found is None or found[2] not in _AGE_UNITS:
        raise HarnessError(f"{quoted(text)} is not an age: expected a number and s, m, h, d or w")
    return float(found[1]) * _AGE_UNITS[found[2]]


def size_text(size: int) -> str:
    """Bytes as people read them.

    >>> size_text(512), size_text(3 * GIB // 2)
    ('512 B', '1.5 GiB')
    """
    for unit, name in ((TIB, "TiB"), (GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")):
        if size >= unit:
            return f"{size / unit:.1f} {name}"
    return f"{size} B"


def age_text(seconds: float) -> str:
    """An age in its largest whole unit.

    >>> age_text(59.9), age_text(7300), age_text(-1)
    ('59s', '2h', '0s')
    """
    for unit in ("d", "h", "m"):
        if seconds >= _AGE_UNITS[unit]:
            return f"{int(seconds // _AGE_UNITS[unit])}{unit}"
    return f"{max(0, int(seconds))}s"
