"""Tables of facts that packages do not carry themselves, kept beside their source as CSV."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path


def read_table(path: Path) -> list[Mapping[str, str]]:
    """The lines of a table by its header; lines that begin with ``#`` say where it is from."""
    with path.open(encoding="utf-8", newline="") as file:
        return [*csv.DictReader(line for line in file if not line.startswith("#"))]
