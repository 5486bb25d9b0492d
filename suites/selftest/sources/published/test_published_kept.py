"""What a package publishes, kept in a store and read again: every digit, and NaN stays NaN."""

from __future__ import annotations

import json
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from harness.expected.variants import Variant
from harness.judging.published import Preprocessing, Published
from harness.pipeline.steps import publishing

EVERYTHING = Preprocessing(
    224, Fraction(7, 8), "bicubic", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), "squash"
)
VARIANT = Variant("a/b/c", "torchvision", "net:V1", "net.pth", "net")


@pytest.mark.parametrize(
    ("how", "top1"),
    [
        (EVERYTHING, "76.130"),
        (Preprocessing(299, Fraction(224, 235), "bilinear"), "76.1"),
        (EVERYTHING, "NaN"),
    ],
)
def test_results_come_back_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: Preprocessing, top1: str
) -> None:
    result = Published("net:V1", "a table", how, Decimal(top1), Decimal("92.862"))
    monkeypatch.setattr(publishing, "installed", lambda *_, weights: (result, result))  # noqa: ARG005
    facts = json.loads(json.dumps(publishing.published(tmp_path, VARIANT), allow_nan=False))
    first, second = publishing.from_facts(facts)
    assert str(first) == str(second)
    assert (str(first), str(first.top1), str(first.top5)) == (str(result), top1, "92.862")
    assert first.preprocessing == how
