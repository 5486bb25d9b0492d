"""Accepted measurements come back as they were written, or not at all."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import ExpectationError
from harness.expected.baselines import Baseline, read_baseline, write_baseline
from harness.records import Measurement

CASE = 'suites/test_int8.py::test_parity[resnext-timm-"x"-int8]'
SQNR = Measurement("centred_sqnr", 16.8125, "dB", {"images": "18", "backend": "onnxruntime"})
MACHINE = {"cpu": " made up", "onnxruntime": "1.32.0", "gpu": ""}
BASELINE = Baseline({CASE: {"centred_sqnr": SQNR}}, MACHINE)


def test_a_baseline_comes_back_as_written(tmp_path: Path) -> None:
    write_baseline(tmp_path / "b.toml", BASELINE)
    again = read_baseline(tmp_path / "b.toml")
    assert again == BASELINE
    assert again.accepted(CASE, "centred_sqnr") == SQNR
    assert again.accepted(CASE, "top1") is again.accepted("other", "top1") is None


@settings(max_examples=30, deadline=None, derandomize=True)
@given(value=st.floats(allow_nan=False, allow_infinity=False), case=st.text(min_size=1))
def test_any_number_and_case_survive(
    tmp_path_factory: pytest.TempPathFactory, value: float, case: str
) -> None:
    path = tmp_path_factory.mktemp("baseline") / "b.toml"
    write_baseline(path, Baseline({case: {"x": Measurement("x", value)}}))
    found = read_baseline(path).accepted(case, "x")
    assert found is not None
    assert found.value == value


def test_the_order_of_entries_does_not_change_the_file(tmp_path: Path) -> None:
    entries = {name: {"x": Measurement("x", 1.0)} for name in ("b", "a")}
    write_baseline(tmp_path / "1.toml", Baseline(entries))
    write_baseline(tmp_path / "2.toml", Baseline(dict(sorted(entries.items()))))
    assert (tmp_path / "1.toml").read_bytes() == (tmp_path / "2.toml").read_bytes()


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_no_number_is_not_accepted_and_nothing_is_written(
    tmp_path: Path, value: float
) -> None:
    path = tmp_path / "b.toml"
    write_baseline(path, BASELINE)
    before = path.read_bytes()
    with pytest.raises(ExpectationError, match="only a finite number can be accepted"):
        write_baseline(path, Baseline({CASE: {"x": Measurement("x", value)}}))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("16.8125", "nan", "value is .*NaN.*, expected a finite number"),
        ("value = ", "valeu = ", r"valeu: unknown key \(did you mean 'value'"),
        ('unit = "dB"', "unit = 3", "unit is 3, expected a text"),
        ("schema = 1", "schema = 2", "schema is 2, expected 1"),
        ("[conditions]", "[condition]", "condition: unknown key"),
    ],
)
def test_an_edited_file_is_refused_by_key(
    tmp_path: Path, old: str, new: str, complaint: str
) -> None:
    path = tmp_path / "b.toml"
    write_baseline(path, BASELINE)
    assert old in path.read_text(encoding="utf-8")
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    with pytest.raises(ExpectationError, match=complaint):
        read_baseline(path)
