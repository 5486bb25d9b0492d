"""What the gate could lie about, as the self-tests that show it say: ``docs/trust.md``.

``@pytest.mark.shows(lie, by=prevention)`` stands on each test that shows, with a deliberately wrong
stand-in, that a lie is noticed; ``by`` on one of them. Written anew by
``python suites/selftest/trust.py``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SELFTEST = Path(__file__).resolve().parent
PAGE = SELFTEST.parents[1] / "docs" / "trust.md"
BEGIN, END = "<!-- begin: python suites/selftest/trust.py -->\n", "<!-- end -->\n"


@dataclass(frozen=True)
class Shown:
    """One marker: the lie, what prevents it or "", and the test or the file that shows it."""

    lie: str
    by: str
    place: str


def markers(path: Path) -> Iterator[Shown]:
    """The markers of a file, without importing it."""
    name = path.relative_to(SELFTEST).as_posix()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef):
            marks, place = node.decorator_list, f"{name}::{node.name}"
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark":
            marks = node.value.elts if isinstance(node.value, ast.List) else [node.value]
            place = name
        else:
            continue
        for mark in marks:
            if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.shows":
                by = [ast.literal_eval(one.value) for one in mark.keywords if one.arg == "by"]
                yield Shown(ast.literal_eval(mark.args[0]), *by or [""], place)


def table() -> str:
    """All lies, in the order of the rooms of the tests that show them.

    Raises:
        ValueError: what prevents a lie is said twice, or nowhere.
    """
    found: dict[str, list[Shown]] = {}
    for path in sorted(SELFTEST.rglob("test_*.py")):
        for one in markers(path):
            found.setdefault(one.lie, []).append(one)
    lines = ["| lie | what prevents it | shown by |", "| --- | --- | --- |"]
    for lie, shown in found.items():
        told = [one.by for one in shown if one.by]
        if len(told) != 1:
            raise ValueError(f"{lie!r}: what prevents it is said {len(told)} times, expected once")
        places = "<br>".join(f"`{one.place}`" for one in shown)
        lines.append(f"| {lie} | {told[0]} | {places} |")
    return "\n".join(lines) + "\n"


def page() -> str:
    """``docs/trust.md`` with today's table."""
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n{table()}\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
