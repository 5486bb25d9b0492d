"""How published figures were measured, against what the page describes."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from fractions import Fraction

import pytest

from harness.judging.published import Preprocessing, PreprocessingDefect, judge_preprocessing
from harness.records import Outcome, Verdict

pytestmark = [
    pytest.mark.shows(
        "an accuracy was measured otherwise than the page says",
        by="upstream's size, crop and kernel",
    )
]

DEFECTIVE = "resnext/timm/resnext101_64x4d"
OTHER_CROP = "resnext/timm/resnext50_32x4d"
SOUND = "resnext/torchvision/resnext50_32x4d"


def judge(entry, facts, *, page=None, defect="as listed") -> Verdict:
    model = entry.model
    listed = facts.preprocessing.get(model.id)
    return judge_preprocessing(
        page or facts.page_at(model.size),
        entry.upstream.measured(model.row, size=model.size),
        defect=listed if isinstance(defect, str) else defect,
    )


def test_all_29_rows_are_as_declared(entries, facts) -> None:
    outcomes = Counter(judge(entry, facts).outcome for entry in entries.values())
    assert outcomes == {Outcome.CONFORMS: 29}


def test_six_rows_were_measured_otherwise_and_nothing_hides_them(entries, facts) -> None:
    found = {
        row: str(entry.upstream.measured(entry.model.row, size=224).preprocessing)
        for row, entry in entries.items()
        if judge(entry, facts, defect=None).outcome is not Outcome.CONFORMS
    }
    bicubic = "224 px, crop 0.875, bicubic"
    assert found == {
        DEFECTIVE: "288 px, crop 1, bicubic",
        OTHER_CROP: "224 px, crop 0.95, bicubic",
        "resnext/timm/resnext50d_32x4d": bicubic,
        "resnext/timm/gluon_resnext50_32x4d": bicubic,
        "resnext/timm/gluon_resnext101_32x4d": bicubic,
        "resnext/timm/gluon_resnext101_64x4d": bicubic,
    }


def test_an_undeclared_difference_names_what_differs(entries, facts) -> None:
    told = str(judge(entries[OTHER_CROP], facts, defect=None))
    assert "measured at 224 px, crop 0.95, bicubic, documented 224 px, crop 0.875, bi" in told
    assert "copied without its crop (19/20), interpolation (bicubic)" in told


def test_a_page_that_describes_another_pipeline_is_noticed(entries, facts) -> None:
    page = facts.page_at(224)
    for wrong in (
        replace(page, size=256),
        replace(page, crop=Fraction(1)),
        replace(page, interpolation="bicubic"),
    ):
        verdict = judge(entries[SOUND], facts, page=wrong)
        assert verdict.outcome is Outcome.DOES_NOT_CONFORM, wrong


def test_a_declared_difference_that_is_gone_fails(entries, facts) -> None:
    corrected = Preprocessing(288, Fraction(1), "bicubic")
    verdict = judge(entries[DEFECTIVE], facts, page=corrected)
    assert verdict.outcome is Outcome.DOES_NOT_CONFORM
    assert "says measured at 288 px" in str(verdict)


def test_a_declared_difference_that_is_another_one_fails(entries, facts) -> None:
    listed = PreprocessingDefect(Preprocessing(320, Fraction(1), "bicubic"), "as an example")
    verdict = judge(entries[DEFECTIVE], facts, defect=listed)
    assert verdict.outcome is Outcome.DOES_NOT_CONFORM
    assert "says measured at 320 px, crop 1, bicubic" in str(verdict)
