"""A row of which something is not known says what, wherever it is asked for."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
import tomli_w
from large_page import large_expected

from harness.__main__ import main
from harness.errors import MissingSource
from harness.pipeline.catalogue import DocumentedModel, read_catalogue

ROW = "large/timm/net1"
FAILED = "rule 'true': operator aten.fft_rfft2.default is not known to the layer reader"


def rewrite(path: Path, **tables: dict[str, object]) -> None:
    """Replace the row's entry in a file by what stands in other tables."""
    content = tomllib.loads(path.read_text("utf-8"))
    del content["rows"][ROW]
    for name, entries in tables.items():
        content.setdefault(name, {}).update(entries)
    path.write_text(tomli_w.dumps(content), encoding="utf-8")


@pytest.fixture
def expected(tmp_path: Path) -> Path:
    """Expectations of four rows, of which one cannot be counted."""
    made = large_expected(tmp_path, rows=4)
    rewrite(made / "complexity" / "large.toml", unknown={ROW: FAILED})
    return made


def model(expected: Path) -> DocumentedModel:
    return read_catalogue(expected).one(ROW)


def test_a_row_that_cannot_be_counted_says_why_where_it_is_judged(expected: Path) -> None:
    one = model(expected)
    with pytest.raises(MissingSource, match="its network cannot be counted: rule 'true'") as said:
        _ = one.expected_complexity
    assert FAILED in str(said.value)


def test_a_row_without_an_upstream_model_is_listed_with_the_reason(
    expected: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reason = "timm 1.0.31 has no model 'net1'; nearest: net2"
    rewrite(expected / "variants" / "large.toml", rows={ROW: {"unresolved": reason}})
    assert main(["list", ROW, "--expected", str(expected)]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.split()[:4] == [ROW, "unresolved", "top1", "76.130%"]
    assert line.endswith(f"  {reason}")
    with pytest.raises(MissingSource, match="has no model 'net1'"):
        _ = model(expected).expected_complexity
