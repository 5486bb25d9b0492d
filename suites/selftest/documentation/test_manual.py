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
from _pytest.config.exceptions import PrintHelp

from benchmarks import command as benchmarks
from harness.__main__ import COMMANDS
from harness.plugin.options import STAGES

ROOT = Path(__file__).resolve().parents[3]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
TODAY = [page for page in PAGES if page.name != "CHANGELOG.md"]  # which has commands of the past
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
BLOCK = re.compile(r"^\$ (.*?)(?:\s{2,}#.*)?$", re.MULTILINE)
OURS = ("python -m harness ", "python -m benchmarks ", "pytest ", "make ")
OF_ANOTHER_PACKAGE = re.compile(r" --(source example|backend example-eager)\b")  # not installed
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


def commands(page: Path) -> list[str]:
    """What a page says that one can run, in its blocks and within its sentences."""
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    sentences = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    spans = [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", sentences)]
    said = [part for one in [*BLOCK.findall(text), *spans] for part in parts(one)]
    return [OF_ANOTHER_PACKAGE.sub("", one) for one in said if one.startswith(OURS)]


def parts(line: str) -> list[str]:
    """The commands of a line, without variables before them and the folder of the environment."""
    return [re.sub(r"^(?:\w+=\S+ )*(?:\.venv/bin/)?", "", one) for one in line.split(" && ")]


def refused(command: str, config: pytest.Config) -> str:
    """Why a command of the suite cannot be given as it stands, or ""."""
    words = shlex.split(command)
    if words[0] == "make":
        targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
        return "" if words[1] in targets else command
    try:
        if words[:3] == ["python", "-m", "harness"]:
            _harness().parse_args(words[3:])
        elif words[:3] == ["python", "-m", "benchmarks"]:
            benchmarks.parser().parse_args(words[3:])
        elif words[0] == "pytest":
            return _selects_nothing(config._parser.parse(words[1:]), command)
    except PrintHelp:
        return ""
    except SystemExit as stopped:
        return f"{command}: exit status {stopped.code}" if stopped.code else ""
    except (argparse.ArgumentError, pytest.UsageError) as error:
        return f"{command}: {error}"
    return ""


def _harness() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser()
    subparsers = parser.add_subparsers(required=True)
    for module in COMMANDS:
        importlib.import_module(module).add_parser(subparsers)
    return parser


def _selects_nothing(options: argparse.Namespace, command: str) -> str:
    unknown = set(re.findall(r"\w+", options.markexpr)) - {*STAGES, "and", "or", "not"}
    missing = [path for path in options.file_or_dir if not (ROOT / path.split("::")[0]).exists()]
    return f"{command}: {[*unknown, *missing]}" if unknown or missing else ""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    assert broken(page) == []


OF_A_ZOO = frozenset({"zoo.toml", "info.yaml"})
"""Files that lie in the folders of others."""


def absent(page: Path) -> list[str]:
    """Files that a page names, by a path with its ending, and that no folder of the tree has."""
    named = re.findall(r"`((?:[\w.-]+/)*[\w-]+\.(?:py|csv|yaml|toml))`", page.read_text("utf-8"))
    ours = (one for one in named if Path(one).name not in OF_A_ZOO)
    return [one for one in ours if not any(ROOT.glob(one)) and not _below(one)]


def _below(name: str) -> bool:
    folders = ("harness", "suites", "benchmarks", "expected", "fixtures")
    return any(any((ROOT / folder).rglob(name)) for folder in folders)


@pytest.mark.parametrize("page", TODAY, ids=lambda page: page.name)
def test_every_file_named_is_there(page: Path) -> None:
    assert absent(page) == []


@pytest.mark.parametrize("page", TODAY, ids=lambda page: page.name)
def test_every_command_can_be_given(page: Path, pytestconfig: pytest.Config) -> None:
    assert [told for one in commands(page) if (told := refused(one, pytestconfig))] == []


def test_a_link_that_leads_nowhere_is_noticed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# One\n[a](nowhere.md) [b](#two) [c](#one)\n")
    assert broken(page) == ["nowhere.md", "#two"]


def test_a_file_that_is_no_longer_there_is_noticed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("`harness/errors.py` `judging/int8.py` `harness/pipeline/gone.py`\n")
    assert absent(page) == ["harness/pipeline/gone.py"]


@pytest.mark.parametrize(
    "command",
    [
        "pytest --rwo x",
        "pytest --require int9",
        "pytest -m complexitty",
        "pytest suites/selftest/judgng",
        "python -m harness lnit PAGE",
        "python -m harness accuracy --imagnet=x row",
        "python -m benchmarks raets",
        "make gaet",
    ],
)
def test_a_command_that_cannot_be_given_is_noticed(
    command: str, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    page = tmp_path / "page.md"
    for text in (f"```console\n$ {command}   # why\n```\n", f"| `{command}` | what it does |\n"):
        page.write_text(text)
        assert [bool(refused(one, pytestconfig)) for one in commands(page)] == [True]


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
