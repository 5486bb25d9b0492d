"""A tolerances file says how close is close enough, for whom and why, or is refused by key."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from harness.errors import ExpectationError, UnknownKey
from harness.expected.tolerances import CHECKS, REQUIRED, Tolerances, read_tolerances
from harness.judging.int8 import PARITY_MEASURES, Compared, parity_verdict
from harness.judging.parity import compare
from harness.judging.verdicts import Limit, Side
from harness.records import Outcome, Row

SHIPPED = Path(__file__).resolve().parents[3] / "expected" / "tolerances.toml"

TIMM = Row("resnext/timm/a", "timm", "a", "", 1, 1, ())
WSL = Row("resnext/ppcls/b_wsl", "ppcls", "b_wsl", "", 2, 1, ())

OTHERS = "".join(
    f'[{name}]\n{CHECKS[name].key} = {20 if CHECKS[name].unit == "dB" else 0.5}\nreason = "r"\n'
    for name in REQUIRED
    if name != "centred_sqnr"
)
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
"""


def read(tmp_path: Path, text: str, *, others: str = OTHERS) -> Tolerances:
    path = tmp_path / "tolerances.toml"
    path.write_text(text + others, encoding="utf-8")
    return read_tolerances(path)


def test_the_last_override_that_applies_wins(tmp_path: Path) -> None:
    tolerances = read(tmp_path, GOOD)
    found = [
        tolerances.limits(row, precision=precision)["centred_sqnr"]
        for row, precision in ((TIMM, "int8"), (WSL, "fp16"), (WSL, "int8"))
    ]
    assert found == [
        Limit(Side.AT_LEAST, Decimal(15), "general"),
        Limit(Side.AT_LEAST, Decimal(14), "of a source"),
        Limit(Side.AT_LEAST, Decimal("11.5"), "of some rows"),
    ]


@pytest.mark.shows(
    "a check without a bound, or a bound that nobody holds, passes for one",
    by="what parity is judged by is required; what is declared is judged",
)
@pytest.mark.parametrize("name", REQUIRED)
def test_a_check_that_has_to_be_bounded_may_not_be_left_out(tmp_path: Path, name: str) -> None:
    kept = [
        one for one in (GOOD + OTHERS).split("\n[") if not one.strip("\n[").startswith(f"{name}]")
    ]
    with pytest.raises(ExpectationError, match=rf"{name} is missing, expected a table"):
        read(tmp_path, "\n[".join(one for one in kept if f"[{name}." not in f"[{one}"), others="")


def test_what_is_declared_besides_is_judged(tmp_path: Path) -> None:
    extra = '[top5_overlap]\nat_least = 0.99\nreason = "r"\n'
    logits = np.random.default_rng(0).normal(size=(16, 40))
    compared = Compared.of(
        logits, logits + np.random.default_rng(1).normal(scale=0.13, size=(16, 40))
    )
    verdicts = [
        parity_verdict(
            compared, read(tmp_path, BASE + text).limits(TIMM, precision="int8"), precision="int8"
        )
        for text in ("", extra)
    ]
    assert [one.outcome for one in verdicts] == [Outcome.CONFORMS, Outcome.DOES_NOT_CONFORM]
    assert verdicts[1].headline.startswith("top5_overlap = ")


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
        (BASE + "at_most = 3\n", r"centred_sqnr\.at_most: unknown key"),
        ('[sqnr]\nreason = "why"\n', r"sqnr\.at_least is missing, expected a finite number"),
        ("[sqnr]\nat_least = 15\n", r"sqnr\.reason is missing"),
        ('[sqnr]\nat_least = 15\nreason = " "\n', r"sqnr\.reason is ' ', expected a text"),
        ('[sqnr]\nat_most = 199\nreason = "w"\n', r"sqnr\.at_most: unknown key"),
        ('[max_abs_difference]\nat_most = 1e9\nreason = "w"\n', "every measurement meets or none"),
        ('[top1]\nat_least = 3\nreason = "w"\n', "top1: unknown check"),
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
            r"override\[1\]\.at_most: unknown key",
        ),
        (
            BASE + '[[centred_sqnr.override]]\nprecision = "int9"\nat_least = 3\nreason = "w"\n',
            r"unknown precision 'int9' \(did you mean 'int8'",
        ),
        ("[top1\n", r"not TOML: .*line \d"),
    ],
)
def test_a_wrong_file_is_refused_by_file_and_key(tmp_path: Path, text: str, complaint: str) -> None:
    others = "" if "[centred_sqnr" in text else BASE
    with pytest.raises(ExpectationError, match=complaint) as failure:
        read(tmp_path, others + text)
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
    assert {one.name for one in found} >= set(PARITY_MEASURES)
    assert all(CHECKS[one.name].unit == one.unit for one in found if one.name in CHECKS)
