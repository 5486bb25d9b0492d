"""The command: what it prints, in which form, and with which exit code."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

import pytest
from lint_writing import build_config, line, run_time, table

from harness.cli.lint import add_parser
from harness.errors import HarnessError
from harness.lint.findings import Evidence, Fault, Finding
from harness.lint.people import as_text
from harness.lint.places import Place
from harness.lint.rules import RULES
from harness.lint.sarif import as_sarif
from harness.lint.zoo import Zoo

WRONG = table(line("net_a", figures="90.1 | 70.2 | 4.1 | 25 | 224"))
WARNED = table(line("net_a"), line("gluon_net_a", figures="70 | 90 | 4.1 | 27 | 224"))

Command = Callable[..., int]


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs ``lint`` in a folder of its own, in which nothing is known of any page."""
    monkeypatch.chdir(tmp_path)
    parser = argparse.ArgumentParser()
    add_parser(parser.add_subparsers())

    def run(*arguments: str) -> int:
        args = parser.parse_args(["lint", "--expected", "none", *arguments])
        return int(args.run(args))

    return run


def write(name: str, text: str) -> str:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text(text, encoding="utf-8")
    return name


def test_a_finding_is_told_with_place_evidence_and_suggestion(command, capsys):
    assert command(write("page.md", WRONG)) == 1
    assert capsys.readouterr().out == (
        "page.md:5:18: error top-order: top-1 90.1 is above top-5 70.2\n"
        "  because: top-5 70.2 (page.md:5:25)\n"
        "  suggestion: if the cells are swapped: top-1 70.2, top-5 90.1\n"
        "1 error, 0 warnings, 0 notes; 1 page, 1 row, true counts known of 0\n"
    )


def test_a_long_explanation_is_told_once():
    why = Evidence("an old counter divides the channels of each group by the groups again " * 2)
    findings = [
        Finding(RULES[0], Fault(Place("page.md", line, 1), "it", "wrong", "right", (why,)))
        for line in (1, 2)
    ]
    text = as_text(findings, Zoo(())).plain
    assert text.count(why.text) == 1
    assert "… (as at page.md:1:1)" in text


def test_libraries_and_published_tables_are_asked_on_request(command, capsys):
    page = write("page.md", table(line("mobilenetv2_100", figures="72 | 91 | 0.3 | 3.4 | 224")))
    columns = "model,img_size,top1,top5,param_count,crop_pct,interpolation"
    csv = write("t.csv", f"{columns}\nmobilenetv2_100.x,224,72.9,91.0,3.50,0.875,bicubic\n")
    assert command(page) == 0
    for asked, told in (("--count", "has 3504872"), (f"--published={csv}", "published, t.csv:2")):
        assert command(page, asked) == 1
        out = capsys.readouterr().out
        assert "page.md:5:44: error params-off-upstream" in out
        assert told in out


@pytest.mark.parametrize(
    ("page", "severity", "code"),
    [
        (WRONG, "error", 1),
        (WRONG, "note", 1),
        (WARNED, "error", 0),
        (WARNED, "warning", 1),
        (table(line("net_a")), "note", 0),
    ],
)
def test_the_exit_code_goes_by_severity(command, page, severity, code):
    assert command(write("page.md", page), "--severity", severity) == code


def test_an_ignored_rule_is_not_asked(command, capsys):
    assert command(write("page.md", WRONG), "--ignore", "top-order", "--severity", "note") == 0
    assert "top-order" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["page.md", "--ignore", "top-ordre"], "did you mean 'top-order'"),
        (["none.md"], "cannot be read"),
        (["empty"], "no page with a model table"),
        (["page.md", "--published", "none.csv"], "cannot read none.csv"),
        (["page.md", "--published", "page.md"], "page.md:1: no column model"),
        (["page.md", "--out", "nowhere/x.json"], "cannot write"),
    ],
)
def test_bad_input_is_said_in_a_sentence(command, arguments, message):
    write("page.md", WRONG)
    write("empty/notes.md", "# Notes\n")
    with pytest.raises(HarnessError, match=message):
        command(*arguments)


def test_a_folder_is_all_its_pages_and_what_is_none_is_left_out(command, capsys):
    for name in ("zoo/a/README.md", "zoo/b.md", "zoo/.hidden/c.md"):
        write(name, WRONG)
    write("zoo/README.md", "# Zoo\n\n| a | b |\n|-|-|\n| 1 | 2 |\n")
    assert command("zoo", "zoo/b.md") == 1
    told = [text for text in capsys.readouterr().out.split("\n") if "top-order" in text]
    assert [text.partition(":")[0] for text in told] == ["zoo/a/README.md", "zoo/b.md"]


def test_findings_are_written_whole_and_the_summary_is_printed(command, capsys):
    assert command(write("page.md", WRONG), "--format", "json", "--out", "found.json") == 1
    (found,) = json.loads(Path("found.json").read_text(encoding="utf-8"))
    assert (found["rule"], found["path"], found["line"], found["column"]) == (
        *("top-order", "page.md", 5, 18),
    )
    assert found["evidence"][0]["column"] == 25
    assert capsys.readouterr().out.startswith("1 error, ")


@pytest.fixture
def sarif(command, capsys):
    """The SARIF of a zoo that is wrong in several files, one of them in a folder with a space."""
    write("my zoo/README.md", table(line("net_a"), line("net_é", figures="91 | 90 | 4 | 25 | 224")))
    write("my zoo/build/timm_net.yaml", build_config(size=256))
    assert command("my zoo", "--format", "sarif") == 1
    return json.loads(capsys.readouterr().out)


def test_sarif_is_one_run_with_all_rules(sarif):
    assert (sarif["version"], len(sarif["runs"])) == ("2.1.0", 1)
    assert sarif["$schema"].endswith("sarif-schema-2.1.0.json")
    driver = sarif["runs"][0]["tool"]["driver"]
    assert [rule["id"] for rule in driver["rules"]] == [rule.id for rule in RULES]
    for rule in driver["rules"]:
        assert rule["shortDescription"]["text"]
        assert rule["help"]["text"]
        assert rule["defaultConfiguration"]["level"] in ("error", "warning", "note")


def test_sarif_points_every_result_to_a_place_and_a_rule(sarif):
    (run,) = sarif["runs"]
    assert run["columnKind"] == "unicodeCodePoints"
    assert run["originalUriBaseIds"]["%SRCROOT%"]["uri"].endswith("/")
    rules = run["tool"]["driver"]["rules"]
    assert {result["ruleId"] for result in run["results"]} == {"top-order", "other-size-in-file"}
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in ("error", "warning", "note")
        assert "suggestion: " in result["message"]["text"]
        assert len(result["partialFingerprints"]["about/v1"]) == 32
        for location in [*result["locations"], *result.get("relatedLocations", [])]:
            address = location["physicalLocation"]["artifactLocation"]
            assert address["uriBaseId"] in run["originalUriBaseIds"]
            assert " " not in address["uri"]
            assert Path(unquote(address["uri"])).is_file()
            assert min(location["physicalLocation"]["region"].values()) >= 1


def test_related_places_are_told_apart(sarif):
    for result in sarif["runs"][0]["results"]:
        ids = [location["id"] for location in result.get("relatedLocations", [])]
        assert len(set(ids)) == len(ids)


def test_a_finding_is_the_same_wherever_its_line_has_moved(command, capsys):
    prints = []
    for text in (
        WRONG,
        WRONG.replace("| net_a", "| net_b | timm | 70 | 90 | 9 | 50 | 224 |\n| net_a"),
    ):
        command(write("page.md", text), "--format", "sarif")
        results = json.loads(capsys.readouterr().out)["runs"][0]["results"]
        prints.append([result["partialFingerprints"] for result in results])
    assert prints[0] == prints[1]
    assert prints[0] != []


def test_two_findings_about_the_same_are_told_apart():
    faults = [Fault(Place("page.md", number, 1), "it", "wrong", "right") for number in (1, 2)]
    findings = [Finding(RULES[0], fault) for fault in faults]
    results = json.loads(as_sarif(findings, RULES, here=Path.cwd()))["runs"][0]["results"]
    assert len({result["partialFingerprints"]["about/v1"] for result in results}) == 2


def test_totals_come_first_then_the_worst_and_one_cause_once(command, capsys):
    """Nine files say the same, and one key is misspelt."""
    for number in range(9):
        text = run_time().replace("NO_CHANGE", "RGB2BGR")
        write(f"zoo/vdsp_params/timm-net_{number}-vdsp_params.json", text)
    figures = "70 | 90 | 4.1 | 25 | 224"
    write("zoo/README.md", table(*(line(f"net_{number}", figures=figures) for number in range(9))))
    spelt = build_config().replace("  dtype: fp16", "  dtyp: fp16").replace("net_a", "net_1")
    write("zoo/build/timm_net.yaml", spelt)
    write("zoo/build/timm_net_2.yaml", spelt)
    assert command("zoo") == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["2", "error", "unreadable-file,", "in", "2", "files"]
    assert lines[1].split() == ["9", "note", "not-modelled,", "in", "9", "files"]
    assert "unreadable-file: backend.dtyp: unknown key" in lines[3]
    assert sum("RGB2BGR" in one for one in lines) == 1
    assert "  also at 5 further places" in lines
    assert command("zoo", "--format", "json") == 1
    assert len(json.loads(capsys.readouterr().out)) == 11
