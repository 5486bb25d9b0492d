"""``extract`` writes whole files or none, checks without writing, and says so in its exit code."""

from __future__ import annotations

import argparse
import os

import pytest

from harness.cli import extract as command


@pytest.fixture
def extract(tmp_path, monkeypatch):
    """Run the command with ``tmp_path/out`` for its files; its exit code."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> int:
        parser = argparse.ArgumentParser()
        command.add_parser(parser.add_subparsers(required=True))
        args = parser.parse_args(["extract", *map(str, arguments), "--out", "out"])
        return args.run(args)

    return run


def files(folder):
    """Content and time of every file below a folder."""
    return {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in folder.rglob("*") if p.is_file()}


def test_a_page_is_extracted_and_then_agrees(extract, zoo, tmp_path, capsys):
    assert extract(zoo) == command.OK
    assert (
        "4 rows, 19 claims, 2 failures, 3 listed; out/zoo.toml written" in capsys.readouterr().out
    )
    before = files(tmp_path)
    assert extract(zoo, "--check") == command.OK
    assert extract(zoo) == command.OK
    assert files(tmp_path) == before


def test_a_check_prints_the_difference_and_writes_nothing(extract, edited, tmp_path, capsys):
    assert extract(edited("76.13", "76.13")) == command.OK
    page = edited("76.13", "74.31")
    before = files(tmp_path)
    capsys.readouterr()
    assert extract(page, "--check") == command.DIFFERENT
    *_, line, accept = capsys.readouterr().out.splitlines()
    assert line == f"{page}:19: zoo/timm/wide_net top1 = 74.31, out/zoo.toml says 76.13"
    assert accept == f"accept: python -m harness extract {page} --out out"
    assert files(tmp_path) == before


def test_a_page_never_extracted_is_a_difference(extract, zoo, tmp_path, capsys):
    assert extract(zoo, "--check") == command.DIFFERENT
    assert "out/zoo.toml does not exist" in capsys.readouterr().out
    assert files(tmp_path) == {}


def test_an_edit_that_changes_no_value_is_a_difference(extract, zoo, tmp_path, capsys):
    extract(zoo)
    expected = tmp_path / "out/zoo.toml"
    expected.write_text(expected.read_text(encoding="utf-8") + "# mine\n", encoding="utf-8")
    assert extract(zoo, "--check") == command.DIFFERENT
    assert "was it edited by hand?" in capsys.readouterr().out


def test_a_page_that_cannot_be_read_leaves_every_file_untouched(
    extract, zoo, edited, tmp_path, capsys
):
    extract(zoo)
    before = files(tmp_path / "out")
    bad = edited("76.13", "nan")
    assert extract(zoo, bad, tmp_path / "missing.md") == command.BAD_INPUT
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith(f"{bad}:19: top1: 'nan' is not a plain decimal number; --lenient ")
    assert second.endswith("missing.md: cannot be read: No such file or directory")
    assert files(tmp_path / "out") == before


def test_a_write_that_fails_leaves_the_old_file_untouched(
    extract, edited, tmp_path, monkeypatch, capsys
):
    extract(edited("76.13", "76.13"))
    before = files(tmp_path / "out")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert extract(edited("76.13", "74.31")) == command.BAD_INPUT
    assert "No space left on device" in capsys.readouterr().err
    assert files(tmp_path / "out") == before


def test_an_expected_file_that_cannot_be_read_is_bad_input(extract, zoo, tmp_path, capsys):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/zoo.toml").write_text("page = 1\n")
    assert extract(zoo, "--check") == command.BAD_INPUT
    assert "out/zoo.toml: page is 1, expected a text" in capsys.readouterr().err


def test_two_pages_of_one_name_are_refused(extract, zoo, edited, capsys):
    assert extract(zoo, edited("76.13", "76.13")) == command.BAD_INPUT
    assert "2 pages are named zoo" in capsys.readouterr().err


def test_lenient_extraction_prints_what_it_leaves_out(extract, edited, capsys):
    page = edited("76.13", "nan")
    assert extract(page, "--lenient") == command.OK
    *listed, summary = capsys.readouterr().out.splitlines()
    assert f"{page}:19: figure left out: top1: 'nan' is not a plain decimal number" in listed
    assert "4 rows, 18 claims, 2 failures, 1 left out, 3 listed;" in summary


def test_what_is_understood_and_claims_nothing_is_printed(extract, zoo, capsys):
    assert extract(zoo) == command.OK
    *listed, _ = capsys.readouterr().out.splitlines()
    assert listed == [
        f"{zoo.as_posix()}:5: other table: not a model table: no column names models",
        f"{zoo.as_posix()}:21: extra column: 'dataset': what it was trained or tested on",
        f"{zoo.as_posix()}:27: other table: not a model table: "
        "no column of accuracy, counts or input size",
    ]


def test_the_way_to_accept_is_as_lenient_as_the_check(extract, edited, capsys):
    page = edited("76.13", "nan")
    assert extract(page, "--check", "--lenient") == command.DIFFERENT
    assert capsys.readouterr().out.splitlines()[-1].endswith("--out out --lenient")
