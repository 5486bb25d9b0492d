"""What changed between two runs is told, what is noise is not, and worse is worse."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from harness.cli import compare as command
from harness.errors import HarnessError
from harness.records import Measurement, Metric, Outcome, Verdict
from harness.reporting.comparing import compare_runs, named_run, since_last
from harness.reporting.results import CaseOutcome, CaseResult, ClaimResult, Header, Run
from harness.reporting.runlog import RunLog

ROW, OTHER = "resnext/timm/a", "resnext/timm/b"
Write = Callable[..., Path]


def case(name: str, outcome: CaseOutcome = CaseOutcome.PASSED, **how: object) -> CaseResult:
    return replace(CaseResult(f"{name}[a]", outcome, row=ROW), **how)


def figure(name: str, value: float, unit: str = "", **conditions: str) -> CaseResult:
    return case("t", measurements=(Measurement(name, value, unit, conditions),))


@pytest.fixture
def write(header: Header, tmp_path: Path) -> Write:
    def write_log(name: str, *results: CaseResult, status: int = 0, whole: bool = True) -> Path:
        log = RunLog(tmp_path / f"{name}.jsonl", header)
        for one in results:
            log.record(one)
        log.finish(exit_status=status) if whole else log.abandon()
        return tmp_path / f"{name}.jsonl"

    return write_log


@pytest.mark.parametrize("now", [CaseOutcome.FAILED, CaseOutcome.ERRORED, CaseOutcome.BLOCKED])
@pytest.mark.parametrize("before", [CaseOutcome.PASSED, CaseOutcome.NOT_MEASURED, None])
def test_what_fails_now_and_did_not_is_worse(
    header: Header, before: CaseOutcome | None, now: CaseOutcome
) -> None:
    old = Run(header, (case("t", before),) if before else ())
    found = compare_runs(old, Run(header, (case("t", now, reason="no layer"),)))
    assert [str(one) for one in (*found.failing, *found.blocked)] == [
        f"t[a]: {before or 'not there'} → {now}: no layer"
    ]
    assert found.is_worse


@pytest.mark.shows(
    "a case that passed is silently left out of the next run",
    by="what is not judged any more counts as worse",
)
@pytest.mark.parametrize(
    "now", [CaseOutcome.NOT_MEASURED, CaseOutcome.INCONCLUSIVE, CaseOutcome.SKIPPED, None]
)
def test_what_is_not_judged_any_more_is_worse(header: Header, now: CaseOutcome | None) -> None:
    new = Run(header, (case("t", now),) if now else ())
    found = compare_runs(Run(header, (case("t"),)), new)
    assert len(found.unmeasured) == 1
    assert found.is_worse


def test_what_was_mended_and_what_is_new_is_not_worse(header: Header) -> None:
    old = Run(header, (case("t", CaseOutcome.FAILED),))
    found = compare_runs(old, Run(header, (case("t"), case("u"))))
    assert [one.case for one in found.mended] == ["t[a]"]
    assert [one.case for one in found.other] == ["u[a]"]
    assert not found.is_worse


def test_rows_that_one_run_was_not_asked_for_are_not_missed(header: Header) -> None:
    page = replace(header.pages[0], rows=(ROW,), left_out=2)
    old = Run(header, (case("t"), CaseResult("t[b]", CaseOutcome.PASSED, row=OTHER)))
    found = compare_runs(old, Run(replace(header, pages=(page,)), (case("t"),)))
    assert not found.is_worse
    assert found.other == ()


@pytest.mark.parametrize(
    ("name", "unit", "old", "new", "moved"),
    [
        ("centred_sqnr", "dB", 17.5, 17.7, False),
        ("centred_sqnr", "dB", 17.5, 17.1, True),
        ("top1", "%", 76.13, 76.13, False),
        ("top1", "%", 76.13, 76.11, True),
        ("float_difference", "logits", 1e-6, 1.9e-6, False),
        ("float_difference", "logits", 1e-6, 2.1e-6, True),
        ("artifact_size", "MiB", 100.0, 100.9, False),
        ("artifact_size", "MiB", 100.0, 101.1, True),
        ("top1", "%", 76.13, math.nan, True),
        ("top1", "%", math.nan, math.nan, False),
    ],
)
def test_figures_move_beyond_their_noise(
    header: Header, name: str, unit: str, old: float, new: float, moved: bool
) -> None:
    runs = [Run(header, (figure(name, value, unit, precision="int8"),)) for value in (old, new)]
    found = compare_runs(*runs)
    assert bool(found.moved) == moved
    assert not found.is_worse, "what a figure is worth is judged by the gate"


def test_a_figure_on_another_target_is_another_figure(header: Header) -> None:
    old, new = (figure("top1", value, "%", backend=on) for value, on in ((70.0, "a"), (60.0, "b")))
    assert compare_runs(Run(header, (old,)), Run(header, (new,))).moved == ()


def test_the_direction_is_told(header: Header) -> None:
    old, new = (Run(header, (figure("top1", value, "%"),)) for value in (76.0, 75.0))
    assert str(compare_runs(old, new).moved[0]) == "t[a]: top1 down, 76 → 75 %"


def test_documented_figures_that_changed_are_told(header: Header) -> None:
    old, new = (
        Run(header, (case("t", claims=(ClaimResult(Metric.MACS, Outcome.CONFORMS, text),)),))
        for text in ("4.28", "4.29")
    )
    assert compare_runs(old, new).claims == (f"{ROW}: macs documented 4.28 → 4.29",)


def test_what_could_explain_it_is_told(header: Header) -> None:
    other = replace(
        header,
        tools={"torch": "2.16.0"},
        options={},
        machine=replace(header.machine, cores=4),
        pages=(replace(header.pages[0], sha256="cd34"),),
    )
    assert compare_runs(Run(header, ()), Run(other, ())).setting == (
        "torch: 2.15.0 → 2.16.0",
        "option page: resnext → none",
        "cores: 2 → 4",
        "page resnext: ab12 → cd34",
    )


def test_the_same_run_in_another_order_is_the_same(
    header: Header, results: tuple[CaseResult, ...]
) -> None:
    found = compare_runs(Run(header, results), Run(header, results[::-1]))
    assert [changes for _, changes in found.sections() if changes] == []


def test_names_stand_for_runs(write: Write, tmp_path: Path) -> None:
    green = write("1", case("t"))
    red = write("2", case("t", CaseOutcome.FAILED), status=1)
    write("3", case("t"), whole=False)
    assert named_run("last", tmp_path) == red
    assert named_run("last-green", tmp_path) == green
    assert named_run("last", tmp_path, other_than=red) == green
    with pytest.raises(HarnessError, match="no whole run is here, as 'last' asks for"):
        named_run("last", tmp_path / "empty")


def test_a_report_tells_what_is_new_since_the_last_run(
    write: Write, header: Header, tmp_path: Path
) -> None:
    write("1", case("t"))
    run = Run(
        header, (case("t", CaseOutcome.FAILED, verdict=Verdict(Outcome.DOES_NOT_CONFORM, "no")),)
    )
    assert since_last(run, tmp_path / "2.jsonl") == ("1 newly failing: t[a]: passed → failed: no",)
    assert since_last(run, tmp_path / "elsewhere" / "2.jsonl") is None


@pytest.mark.parametrize("form", ["text", "md", "html"])
def test_the_command_says_it_and_its_status(
    write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    old = write("1", case("t"), case("u"))
    new = write("2", case("t", CaseOutcome.FAILED, reason="| <b>"), case("u"), status=1)

    def run(*words: str) -> int:
        parser = argparse.ArgumentParser()
        command.add_parser(parser.add_subparsers())
        return int((parsed := parser.parse_args(["compare", *words])).run(parsed))

    assert run(str(old), str(new), "--format", form) == 1
    told = capsys.readouterr().out
    assert "1 newly failing, 0 newly blocked, 0 not judged any more" in told
    assert ("<b>" in told) == (form == "text"), "markup stays text"
    assert run(str(new), str(old)) == 0
    assert "nothing got worse" in capsys.readouterr().out
    assert run("last-green", "last", "--runs", str(tmp_path), "--out", str(tmp_path / "out")) == 1
    assert "newly failing" in (tmp_path / "out").read_text()


def test_a_long_list_is_cut_unless_all_is_asked_for(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [f"t{number}" for number in range(command.MOST + 2)]
    old = write("1", *(case(name) for name in names))
    new = write("2", *(case(name, CaseOutcome.FAILED, reason="no") for name in names), status=1)
    parser = argparse.ArgumentParser()
    command.add_parser(parser.add_subparsers())
    for form in ("text", "md", "html"):
        counts = []
        for words in ([], ["--all"]):
            parsed = parser.parse_args(["compare", str(old), str(new), "--format", form, *words])
            assert parsed.run(parsed) == 1
            told = capsys.readouterr().out
            counts.append(("and 2 more" in told, told.count("passed → failed")))
        assert counts == [(True, command.MOST), (False, command.MOST + 2)]


def test_a_log_that_is_not_whole_is_no_standard(write: Write) -> None:
    parser = argparse.ArgumentParser()
    command.add_parser(parser.add_subparsers())
    parsed = parser.parse_args(
        ["compare", *(str(write(n, case("t"), whole=n == "2")) for n in "12")]
    )
    with pytest.raises(HarnessError, match="incomplete"):
        parsed.run(parsed)
