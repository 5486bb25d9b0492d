"""Folders with hostile files in them are linted: every such file is a finding or one line."""

from __future__ import annotations

import json
import os

import pytest

from harness.__main__ import main

pytestmark = [pytest.mark.shows("what a page shows is not what is read")]

PAGE = "| model | source | top1 |\n| --- | --- | --- |\n| ab | timm | 70.1 |\n"
NO_FILES = {
    "a FIFO, expected a file": os.mkfifo,
    "a device, expected a file": lambda path: path.symlink_to("/dev/zero"),
    "Too many levels of symbolic links": lambda path: path.symlink_to(path.name),
    "No such file or directory": lambda path: path.symlink_to("nowhere"),
}


@pytest.fixture
def zoo(tmp_path):
    (tmp_path / "zoo/page/build").mkdir(parents=True)
    (tmp_path / "zoo/page.md").write_text(PAGE, encoding="utf-8")
    return tmp_path / "zoo"


def findings(zoo, capsys, *options):
    assert main(["lint", str(zoo), "--format", "json", *options]) in (0, 1)
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("words", NO_FILES)
@pytest.mark.parametrize("name", ["page/build/timm.yaml", "page/timm-ab-vdsp_params.json"])
def test_a_file_beside_a_page_that_is_none_is_found(zoo, capsys, words, name):
    NO_FILES[words](zoo / name)
    messages = [one["message"] for one in findings(zoo, capsys) if one["path"].endswith(name)]
    assert any(words in message for message in messages)


@pytest.mark.parametrize("words", NO_FILES)
def test_a_page_in_a_folder_that_is_no_file_is_told(zoo, capsys, words):
    NO_FILES[words](zoo / "other.md")
    assert main(["lint", str(zoo)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "other.md: cannot be read: " in line
    assert words in line


@pytest.mark.parametrize("form", ["text", "json", "sarif"])
def test_an_invisible_character_is_a_finding_and_shown_escaped(zoo, capsys, form):
    (zoo / "page.md").write_text(PAGE.replace("| ab", "| c | timm | 71 |\n| a\u202eb"), "utf-8")
    assert main(["lint", str(zoo), "--format", form]) == 1
    told = capsys.readouterr().out
    assert "U+202E RIGHT-TO-LEFT OVERRIDE" in told
    assert "\u202e" not in told


def test_letters_that_look_like_others_are_a_finding(zoo, capsys):
    (zoo / "page.md").write_text(PAGE.replace("ab", "ａb").replace("timm", "𝐭imm"), "utf-8")
    found = [one for one in findings(zoo, capsys) if one["rule"] == "lookalike"]
    assert ["U+FF41 FULLWIDTH LATIN SMALL LETTER A" in found[0]["message"], len(found)] == [True, 2]
    assert "U+1D42D MATHEMATICAL BOLD SMALL T" in found[1]["message"]
    assert [(one["line"], one["column"]) for one in found] == [(3, 3), (3, 8)]


def test_full_width_punctuation_and_chinese_are_none(zoo, capsys):
    text = PAGE.replace("ab", "ab（v1）").replace("top1", "ＴＯＰ１（％）").replace("model", "模型")
    (zoo / "page.md").write_text(text + "\n很好 👨‍👩‍👧 ❤️ ｗｉｄｅ\u200b\n", encoding="utf-8")
    assert findings(zoo, capsys) == []


@pytest.mark.parametrize("key", ["a\u202eb", "k" * 50_000, "\ud800", "a\nb"])
def test_what_a_file_says_is_shortened_and_escaped(zoo, capsys, key):
    (zoo / "page/timm-ab-vdsp_params.json").write_text(json.dumps({key: 1}), encoding="utf-8")
    (one,) = findings(zoo, capsys)
    assert "unknown key" in one["message"]
    assert one["message"].isprintable()
    assert len(one["message"]) < 300


@pytest.mark.parametrize("number", ["1e999999999", "9" * 5000, "nan", "-1", "０.9"])
def test_a_results_table_has_plain_numbers_alone(zoo, tmp_path, capsys, number):
    head = "model,img_size,top1,top5,param_count,crop_pct,interpolation"
    for column in ("img_size", "top1", "param_count", "crop_pct"):
        row = {"img_size": "224", "top1": "70", "param_count": "1.0", "crop_pct": "0.9"}
        row[column] = number
        line = f"a,{row['img_size']},{row['top1']},90,{row['param_count']},{row['crop_pct']},b"
        (tmp_path / "results.csv").write_text(f"{head}\n{line}\n", encoding="utf-8")
        assert main(["lint", str(zoo), "--published", str(tmp_path / "results.csv")]) == 2
        (said,) = capsys.readouterr().err.splitlines()
        assert "results.csv:2: not timm's table" in said
        assert len(said) < 500


def test_links_to_names_that_no_file_can_have_are_findings(zoo, capsys):
    links = "".join(f"[x]({name}.yaml)\n" for name in ("n" * 300, "a%00b"))
    (zoo / "page.md").write_text(f"{PAGE}\n{links}", encoding="utf-8")
    (zoo / "page/build/timm.yaml").write_text("a: 1\n", encoding="utf-8")
    rules = [one["rule"] for one in findings(zoo, capsys)]
    assert rules.count("missing-file") == 2
