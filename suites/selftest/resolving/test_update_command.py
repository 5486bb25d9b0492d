"""``update`` drafts what is missing, keeps what is there, and says what is not known."""

from __future__ import annotations

import argparse
import json
import tomllib
from pathlib import Path

import pytest
import tomli_w
from large_page import Files, large_expected

from harness.cli import update as update_command
from harness.errors import ExpectationError
from harness.pages.reading import read_page
from harness.pipeline.catalogue import read_catalogue
from harness.resolving.running import FINDINGS
from harness.resolving.verifying import read_back


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A page whose rows are resolved without a library."""
    large_expected(tmp_path, rows=8)
    monkeypatch.setattr(update_command, "resolved", lambda *_: Files(tmp_path / "drafts"))
    return tmp_path / "large.md"


def update(page: Path, expected: Path, *options: str) -> int:
    parser = argparse.ArgumentParser()
    update_command.add_parser(parser.add_subparsers())
    store = f"--store={page.parent / 'store'}"
    parsed = parser.parse_args(["update", str(page), f"--expected={expected}", store, *options])
    return int(parsed.run(parsed))


def test_missing_files_are_drafted_and_stay_as_they_are(
    page: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = tmp_path / "new"
    assert update(page, expected) == 0
    written = {path.relative_to(expected).as_posix() for path in expected.rglob("*.toml")}
    assert written == {
        f"{name}/large.toml"
        for name in ("pages", "variants", "complexity", "published", "pipelines")
    }
    before = {path: path.read_bytes() for path in expected.rglob("*.toml")}
    capsys.readouterr()
    assert update(page, expected) == 0
    assert {path: path.read_bytes() for path in before} == before
    assert ": drafted" not in capsys.readouterr().out


def test_check_writes_nothing_and_says_what_it_would(
    page: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = tmp_path / "new"
    assert update(page, expected, "--check") == 1
    assert not expected.exists()
    assert "variants/large.toml: would be drafted" in capsys.readouterr().out


def test_check_says_how_the_page_differs_from_what_was_extracted(
    page: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = tmp_path / "new"
    update(page, expected)
    assert update(page, expected, "--check") == 0
    extracted = expected / "pages" / "large.toml"
    before = extracted.read_bytes()
    page.write_text(page.read_text("utf-8").replace("76.130", "76.310", 1), encoding="utf-8")
    capsys.readouterr()
    assert update(page, expected, "--check") == 1
    printed = capsys.readouterr().out
    assert f"large/torchvision/net0 top1 = 76.310, {extracted} says 76.130" in printed
    assert f"accept: python -m harness update {page} --expected {expected}\n" in printed
    assert extracted.read_bytes() == before
    assert update(page, expected) == 0
    assert f"{extracted} written" in capsys.readouterr().out
    assert update(page, expected, "--check") == 0


def test_a_check_of_an_extracted_file_that_cannot_be_read_ends_with_2(
    page: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    update(page, tmp_path / "new")
    (tmp_path / "new" / "pages" / "large.toml").write_text("page = 1\n", encoding="utf-8")
    assert update(page, tmp_path / "new", "--check") == 2
    assert "pages/large.toml: page is 1, expected a text" in capsys.readouterr().err


@pytest.mark.shows("`update` undoes what people decided")
def test_what_was_decided_by_hand_is_told_apart_and_kept(
    page: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = tmp_path / "new"
    update(page, expected)
    path = expected / "variants" / "large.toml"
    path.write_text(path.read_text("utf-8").replace("net1.tag", "net1.own"), encoding="utf-8")
    assert update(page, expected) == 0
    assert "large/timm/net1.model: kept 'net1.own', found 'net1.tag'" in capsys.readouterr().out
    assert "net1.own" in path.read_text("utf-8")


def test_a_row_that_is_not_known_ends_with_1_unless_people_know_it(
    page: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    findings = tmp_path / "drafts" / FINDINGS
    found = json.loads(findings.read_text("utf-8"))
    found["rows"]["large/timm/net1"]["unresolved"] = "no model 'net1'; nearest: net2"
    findings.write_text(json.dumps(found), encoding="utf-8")
    assert update(page, tmp_path / "new") == 1
    printed = capsys.readouterr().out
    assert "large.md:6: large/timm/net1: no model 'net1'; nearest: net2" in printed
    assert "7 of 8 models are known" in printed
    assert update(page, tmp_path / "new") == 0  # an entry with a model is there by now


def test_a_page_that_cannot_be_read_ends_with_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert update(tmp_path / "absent.md", tmp_path / "new") == 2
    assert "absent.md: cannot be read" in capsys.readouterr().err


@pytest.mark.shows(
    "`update` writes what the gate refuses", by="read by the gate's own readers before it is kept"
)
def test_what_the_suite_would_not_take_is_not_written(
    page: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = tmp_path / "new"
    draft = tmp_path / "drafts" / "complexity.toml"
    right = draft.read_text("utf-8")
    draft.write_text(right.replace('counter = "', 'counter = "no-', 1), encoding="utf-8")
    assert update(page, expected) == 2
    said = capsys.readouterr().err
    assert f"{expected}/complexity/large.toml: rows.large/" in said.replace("\n", " ")
    assert "unknown counter 'no-" in said
    assert "nothing is written" in said
    assert not expected.exists()


def test_what_is_kept_and_wrong_stops_no_other_page(
    page: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = tmp_path / "new"
    update(page, expected)
    (expected / "complexity" / "other.toml").write_text("kinds = 3", encoding="utf-8")
    (expected / "pages" / "other.toml").write_text("page = 3", encoding="utf-8")
    assert update(page, expected) == 0
    capsys.readouterr()


# ── what is written is read ───────────────────────────────────────────────────────────────────


def contents(expected: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in expected.rglob("*") if path.is_file()}


def test_a_row_that_the_page_has_no_more_is_told_before_anything_is_replaced(
    page: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = tmp_path / "new"
    update(page, expected)
    before = contents(expected)
    lines = page.read_text("utf-8").splitlines(keepends=True)
    page.write_text("".join(lines[:-1]), "utf-8")
    assert update(page, expected) == 2
    told = capsys.readouterr()
    assert "large/ppcls/net7: no longer on the page; take the entry out" in told.out
    assert "complexity/large.toml: rows.large/ppcls/net7: unknown row" in told.err
    assert contents(expected) == before


def test_a_new_row_is_added_to_what_is_kept_of_its_pipelines(page: Path, tmp_path: Path) -> None:
    expected = tmp_path / "new"
    update(page, expected)
    path = expected / "pipelines" / "large.toml"
    rows = tomllib.loads(path.read_text("utf-8"))
    lost = {"large/timm/net1", "large/mmcls/net2", "large/mmcls/net6"}
    kept = {row: one for row, one in rows["rows"].items() if row not in lost}
    used = {one["ships"] for one in kept.values()}
    run_time = {name: one for name, one in rows["run_time"].items() if name in used}
    assert len(run_time) < len(rows["run_time"]), "the last row of a run-time file is lost, too"
    path.write_text(tomli_w.dumps(rows | {"rows": kept, "run_time": run_time}), "utf-8")
    assert update(page, expected) == 0
    read_catalogue(expected)
    assert tomllib.loads(path.read_text("utf-8")) == rows


@pytest.mark.parametrize("kind", ["pages", "variants", "complexity", "published", "pipelines"])
def test_an_error_about_a_bad_page_names_the_file_and_the_command(
    page: Path, tmp_path: Path, kind: str
) -> None:
    expected = tmp_path / "new"
    update(page, expected)
    path = expected / kind / "large.toml"
    path.write_text("page = \n", "utf-8")
    name = "PAGE.md" if kind == "pages" else "large.md"
    command = f"python -m harness update {name} --expected {expected}"
    with pytest.raises(ExpectationError, match=rf"{kind}/large\.toml: not TOML.*{command}$"):
        read_back(expected, read_page(page))
    path.unlink()
    assert update(page, expected) == 0
    read_back(expected, read_page(page))


@pytest.mark.parametrize("damage", ["page = \n", "rows = 3\n", f"a = {'[' * 20_000}", "\0"])
@pytest.mark.parametrize("kind", ["variants", "complexity", "published", "pipelines"])
def test_update_of_a_damaged_page_says_how_to_mend_it(
    page: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str, damage: str
) -> None:
    """The command can be given as it is printed, wherever the page lies."""
    expected = tmp_path / "new"
    update(page, expected)
    path = expected / kind / "large.toml"
    path.write_text(damage, "utf-8")
    capsys.readouterr()
    assert update(page, expected) == 2
    told = capsys.readouterr().err.strip()
    assert f"{kind}/large.toml: " in told
    assert told.endswith(f"drafted anew: python -m harness update {page} --expected {expected}")
    assert told.count("drafted anew") == 1
