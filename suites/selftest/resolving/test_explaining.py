"""Everything known of a row is told, from the files that say it."""

from __future__ import annotations

import argparse
import json
from datetime import date
from pathlib import Path

import pytest

from harness.cli import explain as explain_command
from harness.cli.explaining import covers, explain
from harness.pipeline.catalogue import EXPECTED, read_catalogue
from harness.records import Outcome, Verdict
from harness.reporting.machine import describe
from harness.reporting.results import CaseOutcome, CaseResult, Header
from harness.reporting.runlog import RunLog

ROW = "resnext/timm/gluon_resnext50_32x4d"
TODAY = date(2027, 1, 1)


def explained(row: str, runs: Path) -> dict[str, object]:
    model = read_catalogue().one(row)
    return explain(model, EXPECTED, runs=runs, backends=("onnxruntime",), today=TODAY)


def run_log(path: Path, case: str, row: str, headline: str) -> None:
    with RunLog(path, Header("2027-01-01T00:00:00+00:00", describe())) as log:
        verdict = Verdict(Outcome.CONFORMS, headline)
        log.record(CaseResult(case, CaseOutcome.PASSED, row=row, verdict=verdict))
        log.finish()


def test_a_row_is_told_with_claims_rule_variant_and_defects(tmp_path: Path) -> None:
    known = json.loads(json.dumps(explained(ROW, tmp_path)))
    assert known["claims"][2]["figure"] == "4.765"
    assert known["claims"][2]["place"].startswith("resnext.md:54:")
    assert known["upstream"]["weights"] == "gluon_resnext50_32x4d-e6a097c1.pth"
    (macs, _) = known["counts"]["columns"]
    assert (macs["rule"], macs["divisor"], macs["prints"]) == ("thop", 900_000_000, "4.765")
    assert known["counts"]["defects"][0]["kind"] == "ten-ninths-too-high"
    assert known["pipelines"]["claim"] == "timm-gluon_in1k"
    assert "centred_sqnr" in {one["check"] for one in known["tolerances"]}
    assert known["last_run"] is None


def test_a_documented_failure_is_told_with_its_known_issue(tmp_path: Path) -> None:
    known = explained("resnext/ppcls/resnext101_32x48d_wsl", tmp_path)
    assert known["claims"] == []
    assert len(known["known_issues"]) == 1


def test_the_newest_run_about_the_row_is_told_of(tmp_path: Path) -> None:
    for stamp, row, said in (("1", ROW, "old"), ("2", ROW, "new"), ("3", "page/timm/other", "not")):
        run_log(tmp_path / f"{stamp}.jsonl", "suites/test_page.py::test_x[y]", row, said)
    (tmp_path / "4.jsonl").write_text("no run log\n", encoding="utf-8")
    last = explained(ROW, tmp_path)["last_run"]
    assert isinstance(last, dict)
    assert [one["said"] for one in last["results"]] == ["new"]


@pytest.mark.parametrize(
    ("inner", "covered"),
    [
        ("page-timm-net-onnxruntime-int8", True),
        ("page-timm-*-int8", True),
        ("*", True),
        ("page-timm-nets-onnxruntime-int8", False),
        ("page-ppcls-*", False),
    ],
)
def test_a_known_issue_is_about_the_rows_its_pattern_names(inner: str, covered: bool) -> None:
    assert covers(f"suites/test_int8.py::test_parity[{inner}]", "page-timm-net") is covered


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_the_command_prints_for_people_and_as_json(
    options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parser = argparse.ArgumentParser()
    explain_command.add_parser(parser.add_subparsers())
    parsed = parser.parse_args(["explain", ROW, f"--runs={tmp_path}", *options])
    assert parsed.run(parsed) == 0
    printed = capsys.readouterr().out
    assert "resnext.md:54" in printed
    assert "900000000" in printed or "900_000_000" in printed
    if options:
        assert json.loads(printed)[0]["row"] == ROW
