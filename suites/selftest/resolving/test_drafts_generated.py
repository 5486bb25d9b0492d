"""What is drafted of a page is read by the gate, whatever the page says and whatever was found."""

from __future__ import annotations

import argparse
import tempfile
from datetime import date
from pathlib import Path
from unittest import mock

from hypothesis import example, given
from made_up_pages import MadeUp, MadeUpPage, made_up_pages, written

from harness.backends.registry import backend_names
from harness.cli import update as update_command
from harness.counting.counts import Counts
from harness.expected.standards import read_standards
from harness.images.fuzz_profiles import fuzz
from harness.pipeline.catalogue import EXPECTED, Catalogue, read_catalogue
from harness.resolving import generated

FEW_DIGITS = MadeUpPage(
    "| model | source | top1 | top5 | FLOPs(G) | params(M) |\n|-|-|-|-|-|-|\n"
    "| net0 | ppcls | 76.5 | 93.0 | 8.19 | 25.6 |\n",
    (
        MadeUp(
            25_557_032,
            {
                "true": Counts(4_089_184_256, 25_557_032),
                "paddle-flops": Counts(8_190_000_000, 25_610_152),
            },
            *("known", "", ()),
        ),
    ),
    (),
)
"""25.6 M are what both the learned parameters print and those that paddle.flops counts."""


def gated(expected: Path) -> Catalogue:
    """All that a run reads before it collects."""
    catalogue = read_catalogue(expected)
    if (expected / "tolerances.toml").exists():
        ids = [one.id for one in catalogue.models]
        options = {"backends": backend_names(), "today": date(2030, 1, 1)}
        read_standards(expected, pages=catalogue.pages, models=ids, **options)
    return catalogue


def update(path: Path, expected: Path, entry: object) -> int:
    parser = argparse.ArgumentParser()
    update_command.add_parser(parser.add_subparsers())
    options = [f"--expected={expected}", f"--store={expected.parent / 'store'}"]
    with mock.patch.object(update_command, "resolved", return_value=entry):
        parsed = parser.parse_args(["update", str(path), *options])
        return int(parsed.run(parsed))


@fuzz()
@given(made=made_up_pages())
@example(made=FEW_DIGITS)
def test_what_is_drafted_for_a_page_is_gated(made: MadeUpPage) -> None:
    with tempfile.TemporaryDirectory() as folder:
        _, page, found = written(Path(folder), made)
        expected = Path(folder) / "expected"
        expected.mkdir()
        generated.write(expected, [(page, found)], EXPECTED)
        rows = gated(expected).rows
        assert [one.id for one in rows] == [row.id for row in page.rows]
        assert not any("contradicts itself" in one.uncountable for one in rows)


@fuzz()
@given(made=made_up_pages(), other=made_up_pages())
def test_what_update_writes_is_gated_beside_other_pages(
    made: MadeUpPage, other: MadeUpPage
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        expected = Path(folder) / "expected"
        rows = 0
        for name, one in (("own", made), ("other", other)):
            path, page, found = written(Path(folder), one, name=name)
            assert update(path, expected, found) in (0, 1)
            rows += len(page.rows)
        assert len(gated(expected).rows) == rows


def test_a_figure_that_the_true_count_prints_is_no_other_rules(tmp_path: Path) -> None:
    path, _, found = written(tmp_path, FEW_DIGITS)
    assert update(path, tmp_path / "expected", found) == 0
    (row,) = gated(tmp_path / "expected").rows
    assert row.expected_complexity.params.counter == "true"
    assert row.expected_complexity.operations.counter == "paddle-flops"
