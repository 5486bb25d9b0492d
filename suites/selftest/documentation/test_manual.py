"""The manual's links lead somewhere, its commands can be given, and its examples are true."""

from __future__ import annotations

import argparse
import doctest
import importlib
import re
import shlex
from pathlib import Path

import pytest
import trust

from harness.__main__ import COMMANDS

ROOT = Path(__file__).resolve().parents[3]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
COMMAND = re.compile(r"^\$ (?:\w+=\S+ )*(.*?)(?:\s{2,}#.*)?$", re.MULTILINE)
WITH_EXAMPLES = sorted(
    path for path in (ROOT / "harness").rglob("*.py") if ">>> " in path.read_text(encoding="utf-8")
)


def headings(page: Path) -> set[str]:
    """The anchors of a page's headings, as mkdocs and GitHub make them of plain words."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def broken(page: Path) -> list[str]:
    """Links of a page that lead nowhere."""
    found = []
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        path, _, anchor = target.partition("#")
        if "://" in target:
            continue
        file = page.parent / path if path else page
        if not file.exists() or (anchor and anchor not in headings(file)):
            found.append(target)
    return found


@pytest.fixture(scope="module")
def options(pytestconfig: pytest.Config) -> frozenset[str]:
    """All options of pytest with the suite's plugin."""
    parser = pytestconfig._parser
    groups = (*parser._groups, parser._anonymous)
    return frozenset(name for group in groups for one in group.options for name in one.names())


def commands(page: Path) -> list[str]:
    """The commands of a page, lines that go on put together."""
    return COMMAND.findall(page.read_text(encoding="utf-8").replace("\\\n", " "))


def refused(command: str, options: frozenset[str]) -> str:
    """Why a command of the suite cannot be given as it stands, or ""."""
    words = shlex.split(command.split(" && ")[0])
    if words[:3] == ["python", "-m", "harness"]:
        return _refused_by_parser(words[3:])
    if words[0] == "pytest":
        named = [word.partition("=")[0] for word in words[1:] if word.startswith("--")]
        return ", ".join(name for name in named if name not in options)
    return ""


def _refused_by_parser(words: list[str]) -> str:
    parser = argparse.ArgumentParser(exit_on_error=False)
    subparsers = parser.add_subparsers(required=True)
    for module in COMMANDS:
        importlib.import_module(module).add_parser(subparsers)
    try:
        parser.parse_args([word for word in words if word != "…"])
    except (argparse.ArgumentError, SystemExit) as error:
        return f"{shlex.join(words)}: {error}"
    return ""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    assert broken(page) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_can_be_given(page: Path, options: frozenset[str]) -> None:
    assert [told for one in commands(page) if (told := refused(one, options))] == []


def test_what_is_wrong_is_noticed(tmp_path: Path, options: frozenset[str]) -> None:
    page = tmp_path / "page.md"
    page.write_text("# One\n[a](nowhere.md) [b](#two) [c](#one)\n")
    assert broken(page) == ["nowhere.md", "#two"]
    assert refused("pytest --rwo x", options) == "--rwo"
    assert "accuracy" in refused("python -m harness accuracy --imagnet=x row", options)


def test_the_readme_fits_on_three_screens() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150
    assert len((ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8").splitlines()) <= 120


def test_what_the_gate_could_lie_about_is_what_the_tests_say() -> None:
    assert trust.PAGE.read_text(encoding="utf-8") == trust.page()


@pytest.mark.parametrize(
    "path", WITH_EXAMPLES, ids=lambda path: path.relative_to(ROOT / "harness").as_posix()
)
def test_examples_in_docstrings_are_true(path: Path) -> None:
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    result = doctest.testmod(importlib.import_module(name))
    assert result.failed == 0
    assert result.attempted > 0
