"""``diff`` tells what a page claims anew, no longer, or otherwise, and nothing else."""

from __future__ import annotations

import argparse

import pytest

from harness.cli import diff as diff_command
from harness.expected.pages import write_expected
from harness.pages.changes import changes
from harness.pages.reading import read_page


@pytest.fixture
def diff(capsys):
    """Run the command; its exit code and the lines it prints, last the counts."""

    def run(*arguments: object) -> tuple[int, list[str]]:
        parser = argparse.ArgumentParser()
        diff_command.add_parser(parser.add_subparsers(required=True))
        args = parser.parse_args(["diff", *map(str, arguments)])
        code = args.run(args)
        return code, capsys.readouterr().out.splitlines()

    return run


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("76.13", "74.31", "19: changed timm/wide_net top1: 76.13 % -> 74.31 %"),
        ("| 76.13 |", "| - |", "19: removed timm/wide_net top1: 76.13 %"),
        ("| 602.5 |", "| - |", "23: removed ppcls/small_net flops: 602.5 M"),
        ("timm/wide.py", "timm/wine.py", "19: changed timm/wide_net link: https://example.org/"),
        ("wide_net |", "new_net |", "19: added timm/new_net row: top1 76.13 %, top5 92.9 %, macs"),
        ("`huge_net`模型与", "", "25: removed ppcls/huge_net documented onnx failure: Note: "),
    ],
)
def test_a_change_is_told_with_both_values(diff, zoo, edited, old, new, said):
    code, lines = diff(zoo, edited(old, new))
    assert code == diff_command.DIFFERENT
    assert any(f"{line.split(':')[0]}:{said}" in line for line in lines), lines


def test_another_unit_for_the_same_value_is_said_to_be_one(zoo, edited):
    path = edited("FLOPs (M)", "FLOPs (G)")
    path.write_text(path.read_text(encoding="utf-8").replace("602.5", "0.6025"), encoding="utf-8")
    (change,) = changes(read_page(zoo), read_page(path))
    assert change.describe(old="a", new="b") == (
        "b:23: changed ppcls/small_net flops: 602.5 M -> 0.6025 G (the same value)"
    )


def test_what_moves_has_not_changed(diff, zoo, edited, tmp_path):
    path = edited("# Small zoo", "# Small zoo\n\nMore prose.")
    other = path.rename(tmp_path / "other_name.md")
    assert diff(zoo, other) == (diff_command.OK, ["0 added, 0 removed, 0 changed"])


def test_added_and_removed_are_the_same_seen_from_both_ends(zoo, edited):
    old, new = read_page(zoo), read_page(edited("| 76.13 |", "| - |"))
    (gone,), (come,) = changes(old, new), changes(new, old)
    assert (gone.change, come.change) == ("removed", "added")
    assert (gone.old, gone.old_line) == (come.new, come.new_line)


def test_a_page_is_compared_with_what_was_extracted_from_it(diff, zoo, edited, tmp_path):
    write_expected(read_page(zoo), tmp_path / "zoo.toml")
    assert diff(tmp_path / "zoo.toml", zoo)[0] == diff_command.OK
    assert diff(tmp_path / "zoo.toml", edited("76.13", "74.31"))[0] == diff_command.DIFFERENT


def test_a_page_that_cannot_be_read_is_bad_input(diff, zoo, edited):
    page = edited("76.13", "nan")
    assert diff(zoo, page)[0] == diff_command.BAD_INPUT
    code, lines = diff(zoo, page, "--lenient")
    assert (code, lines[-1]) == (diff_command.DIFFERENT, "0 added, 1 removed, 0 changed")
