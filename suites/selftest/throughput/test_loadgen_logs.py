"""LoadGen's logs are read whole, or not at all, and never beyond what they say."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.errors import MeasureError
from harness.throughput import logs as reading
from harness.throughput.logs import (
    DETAIL,
    MARK,
    OUTPUTS,
    SUMMARY,
    read_performance,
    read_served,
    require_no_errors,
)

Change = Callable[[str], str]


def spoil(path: Path, change: Change) -> None:
    path.write_text(change(path.read_text()))


def without(key: str) -> Change:
    return lambda text: "".join(
        line for line in text.splitlines(keepends=True) if f'"{key}"' not in line
    )


def with_value(key: str, value: object) -> Change:
    def changed(line: str) -> str:
        event = json.loads(line.removeprefix(MARK))
        return f"{MARK}{json.dumps(event | {'value': value})}\n" if event["key"] == key else line

    return lambda text: "".join(map(changed, text.splitlines(keepends=True)))


@pytest.mark.parametrize("name", [DETAIL, SUMMARY])
def test_a_missing_log_is_named(logs: Path, name: str) -> None:
    (logs / name).unlink()
    with pytest.raises(MeasureError, match=f"{name}: No such file"):
        read_performance(logs)


def test_a_missing_log_of_outputs_is_named(logs: Path) -> None:
    (logs / OUTPUTS).unlink()
    with pytest.raises(MeasureError, match=f"{OUTPUTS}: No such file"):
        read_served(logs)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_detail_log_that_is_cut_off_is_noticed(logs: Path, share: float) -> None:
    spoil(logs / DETAIL, lambda text: text[: int(share * len(text))])
    with pytest.raises(MeasureError, match=f"{DETAIL}.*(cut off|no event|empty)"):
        read_performance(logs)


@pytest.mark.parametrize("key", ["result_validity", "result_99.90_percentile_latency_ns"])
def test_a_detail_log_without_its_end_is_noticed(logs: Path, key: str) -> None:
    spoil(logs / DETAIL, without(key))
    with pytest.raises(MeasureError, match=f"{key} stands there 0 times"):
        read_performance(logs)


@pytest.mark.parametrize(
    "line", ["", "Segmentation fault", f"{MARK}{{", f"{MARK}[1]", f"{MARK}{{}}"]
)
def test_a_line_that_is_no_event_is_named_by_its_number(logs: Path, line: str) -> None:
    spoil(logs / DETAIL, lambda text: text.replace("\n", f"\n{line}\n", 1))
    with pytest.raises(MeasureError, match=f"{DETAIL}:2: no event of LoadGen"):
        read_performance(logs)


@pytest.mark.parametrize("value", ["fast", None, True, float("nan"), float("inf")])
def test_a_figure_that_is_no_number_is_refused(logs: Path, value: object) -> None:
    spoil(logs / DETAIL, with_value("result_50.00_percentile_latency_ns", value))
    with pytest.raises(MeasureError, match="expected a number"):
        read_performance(logs)


def test_a_speed_of_zero_is_refused(logs: Path) -> None:
    spoil(logs / DETAIL, with_value("result_qps_with_loadgen_overhead", 0))
    with pytest.raises(MeasureError, match=r"0\.0 samples a second"):
        read_performance(logs)


def test_two_results_in_one_log_are_refused(logs: Path) -> None:
    spoil(logs / DETAIL, lambda text: text + text)
    with pytest.raises(MeasureError, match="stands there 2 times"):
        read_performance(logs)


def test_summary_and_detail_have_to_agree(logs: Path) -> None:
    spoil(logs / SUMMARY, lambda text: text.replace("VALID", "INVALID"))
    with pytest.raises(MeasureError, match=f"{SUMMARY}: not 'VALID'"):
        read_performance(logs)


def test_an_invalid_test_without_a_known_reason_is_invalid_still(logs: Path) -> None:
    spoil(logs / SUMMARY, lambda text: text.replace("VALID", "INVALID"))
    spoil(logs / DETAIL, with_value("result_validity", "INVALID"))
    assert read_performance(logs).broken == ("LoadGen gives no reason",)


def test_a_summary_that_is_cut_off_is_noticed(logs: Path) -> None:
    spoil(logs / SUMMARY, lambda text: text[:-40])
    with pytest.raises(MeasureError, match=f"{SUMMARY} ends with"):
        read_performance(logs)
    with pytest.raises(MeasureError, match=f"{SUMMARY} ends with"):
        require_no_errors(logs)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text[: len(text) // 2],
        lambda text: text.replace('"qsl_idx" : ', '"index" : '),
        lambda text: text.replace('"data" : "', '"data" : "x'),
        lambda _: "",
        lambda _: "[1]",
    ],
)
def test_a_log_of_outputs_that_is_none_is_refused(logs: Path, change: Change) -> None:
    spoil(logs / OUTPUTS, change)
    with pytest.raises(MeasureError, match=f"{OUTPUTS}: cut off, or no log of outputs"):
        read_served(logs)


def test_what_is_read_is_bounded(logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_BYTES", 100)
    with pytest.raises(MeasureError, match="bytes, expected at most 100"):
        read_performance(logs)


def test_a_log_that_is_no_text_is_refused(logs: Path) -> None:
    (logs / DETAIL).write_bytes(b"\xff\xfe")
    with pytest.raises(MeasureError, match="not UTF-8 at byte 0"):
        read_performance(logs)
