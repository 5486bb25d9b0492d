"""Nobody but a source writes its name: what depends on a source is asked of it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import harness
from harness.runtime.entry_points import OWN_SOURCES

ROOT = Path(harness.__file__).parent
LISTED = "runtime/entry_points.py"  # where the suite's own are listed, as packages list theirs


def names_in(code: str) -> Iterator[tuple[int, str]]:
    """Strings that are the name of a source of the suite's own, with their lines."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Constant) and node.value in OWN_SOURCES:
            yield node.lineno, str(node.value)


def own_folder(file: Path) -> bool:
    parts = file.relative_to(ROOT).parts
    return parts[0] == "sources" and len(parts) > 2 and parts[1] in OWN_SOURCES


def test_no_module_outside_a_sources_folder_names_it() -> None:
    found = [
        f"{file.relative_to(ROOT)}:{line}: {name}"
        for file in sorted(ROOT.rglob("*.py"))
        if not own_folder(file) and file != ROOT / LISTED
        for line, name in names_in(file.read_text(encoding="utf-8"))
    ]
    assert found == []


@pytest.mark.parametrize("code", ['if source == "ppcls": x()', 'RULES = {"timm": ("thop",)}'])
def test_a_special_case_would_be_found(code: str) -> None:
    assert list(names_in(code))
