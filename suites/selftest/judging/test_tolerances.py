"""A tolerances file says how close is close enough, for whom and why, or is refused by key."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from harness.errors import ExpectationError, UnknownKey
from harness.expected.tolerances import CHECKS, Tolerances, read_tolerances
from harness.judging.parity import compare
from harness.judging.verdicts import Limit, Side
from harness.records import Row, Tolerance

SHIPPED = Path(__file__).resolve().parents[3] / "expected" / "tolerances.toml"

TIMM = Row("resnext/timm/a", "timm", "a", "", 1, 1, ())
WSL = Row("resnext/ppcls/b_wsl", "ppcls", "b_wsl", "", 2, 1, ())

GOOD = """
[centred_sqnr]
at_least = 15.0
reason = "general"
[[centred_sqnr.override]]
source = "ppcls"
at_least = 14
reason = "of a source"
[[centred_sqnr.override]]
row = "*_wsl"
precision = "int8"
at_least = 11.50
reason = "of some rows"
[top1]
within = { int8 = 0.175, resize = 0.3 }
reason = "two parts"
"""


def read(tmp_path: Path, text: str) -> Tolerances:
    path = tmp_path / "tolerances.toml"
    path.write_text(text, encoding="utf-8")
    return read_tolerances(path)


def test_the_last_override_that_applies_wins(tmp_path: Path) -> None:
    tolerances = read(tmp_path, GOOD)
    found = [
        tolerances.limit("centred_sqnr", row=row, precision=precision)
        for row, precision in ((TIMM, "int8"), (WSL, "fp16"), (WSL, "int8"))
    ]
    assert found == [
        Limit(Side.AT_LEAST, Decimal(15), "general"),
        Limit(Side.AT_LEAST, Decimal(14), "of a source"),
        Limit(Side.AT_LEAST, Decimal("11.5"), "of some rows"),
    ]


def test_parts_keep_their_printed_digits(tmp_path: Path) -> None:
    within = read(tmp_path, GOOD).within("top1", row=TIMM, precision="int8")
    assert within == Tolerance(
        (("int8", Decimal("0.175")), ("resize", Decimal("0.3"))), "two parts"
    )
    assert within.total == Decimal("0.475")


def test_asking_for_the_wrong_kind_or_an_unbounded_check_is_an_error(tmp_path: Path) -> None:
    tolerances = read(tmp_path, GOOD)
    with pytest.raises(ExpectationError, match="top1 is bounded by 'within'"):
        tolerances.limit("top1", row=TIMM, precision="int8")
    with pytest.raises(ExpectationError, match="centred_sqnr is bounded on one side"):
        tolerances.within("centred_sqnr", row=TIMM, precision="int8")
    with pytest.raises(UnknownKey, match=r"no tolerance for 'top5' \(did you mean 'top1'"):
        tolerances.within("top5", row=TIMM, precision="int8")


def test_an_override_that_applies_to_no_row_is_an_error(tmp_path: Path) -> None:
    tolerances = read(tmp_path, GOOD)
    tolerances.require_used([TIMM, WSL])
    with pytest.raises(UnknownKey, match=r"centred_sqnr\.override\[1\].*applies to no row"):
        tolerances.require_used([TIMM])


BASE = '[centred_sqnr]\nat_least = 15\nreason = "why"\n'


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[centred_sqrn]\n", r"centred_sqrn: unknown check \(did you mean 'centred_sqnr'"),
        (BASE + "at_lest = 3\n", r"centred_sqnr\.at_lest: unknown key \(did you mean 'at_least'"),
        (BASE + "at_most = 3\n", "has at_least and at_most, expected exactly one of"),
        ('[top1]\nreason = "why"\n', "top1 has no bound, expected exactly one of"),
        ("[top1]\nwithin = {}\n", r"top1\.reason is missing"),
        ('[top1]\nwithin = {}\nreason = " "\n', r"top1\.reason is ' ', expected a text"),
        ('[top1]\nwithin = 3\nreason = "w"\n', r"top1\.within is 3, expected a table"),
        ('[top1]\nwithin = { a = -1 }\nreason = "w"\n', r"top1\.within\.a is -1, .*at least 0"),
        ('[sqnr]\nat_least = nan\nreason = "w"\n', "expected a finite number"),
        ('[sqnr]\nat_least = true\nreason = "w"\n', "expected a finite number"),
        ('[sqnr]\nat_least = "15"\nreason = "w"\n', "expected a finite number"),
        (BASE + "override = 3\n", r"expected an array of tables, \[\[override\]\]"),
        (
            BASE + '[[centred_sqnr.override]]\nat_least = 3\nreason = "w"\n',
            r"override\[1\] names none of source, precision, row",
        ),
        (
            BASE + '[[centred_sqnr.override]]\nrow = "a"\nat_most = 3\nreason = "w"\n',
            "bounded by 'at_most', the check itself by 'at_least'",
        ),
        (
            BASE + '[[centred_sqnr.override]]\nprecision = "int9"\nat_least = 3\nreason = "w"\n',
            r"unknown precision 'int9' \(did you mean 'int8'",
        ),
        ("[top1\n", "not TOML: .*line 1"),
    ],
)
def test_a_wrong_file_is_refused_by_file_and_key(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(ExpectationError, match=complaint) as failure:
        read(tmp_path, text)
    assert "tolerances.toml: " in str(failure.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ExpectationError, match=r"cannot read .*none\.toml: No such file"):
        read_tolerances(tmp_path / "none.toml")


def test_the_shipped_file_is_good_and_every_bound_has_a_reason() -> None:
    rules = read_tolerances(SHIPPED).rules
    assert rules
    assert all(rule.bound.reason for rule in rules)


def test_parity_names_its_figures_as_tolerances_do() -> None:
    found = compare([[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.5], [0.0, 1.0]]).measurements()
    assert all(CHECKS[one.name].unit == one.unit for one in found)
