"""The pinned counts cover the page, and a faulty file is refused with file and key."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest

from harness.complexity.counts import reproduces
from harness.complexity.expected import ExpectedComplexity, read_expected
from harness.errors import ExpectationError, UnknownKey
from harness.records import Figure, Metric

FACTS = Path(__file__).resolve().parents[3] / "../shared/facts/complexity.csv"

ROW = "page/timm/net"
SOUND = """
[kinds]
tenth = "A tenth too much."

[rows."page/timm/net"]
operations = { counter = "thop", divisor = 900_000_000, raw = 4_288_184_320 }
params = { counter = "thop", divisor = 1_000_000, raw = 25_028_904 }
true = { params = 25_028_904, macs = 4_230_479_872 }
defects = [{ column = "macs", printed = "4.765", kind = "tenth", true = 4_288_184_320 }]
"""


def read(tmp_path: Path, text: str, rows: tuple[str, ...] = (ROW,)):
    path = tmp_path / "page.toml"
    path.write_text(text, encoding="utf-8")
    return read_expected(path, rows)


def test_a_sound_file_is_read_as_written(tmp_path) -> None:
    (entry,) = read(tmp_path, SOUND).values()
    assert isinstance(entry, ExpectedComplexity)
    assert (entry.operations.counter, entry.operations.divisor) == ("thop", 900_000_000)
    defect = entry.defect(Metric.MACS)
    assert defect is not None
    assert defect.cause == "A tenth too much."
    assert entry.defect(Metric.PARAMS) is None


@pytest.mark.parametrize(
    ("old", "new", "error", "message"),
    [
        ('"thop", divisor = 9', '"thopp", divisor = 9', UnknownKey, "did you mean 'thop'"),
        ("raw = 4", "rwa = 4", UnknownKey, r"operations\.rwa: unknown key 'rwa'; did you mean"),
        ("raw = 4_288_184_320", "raw = true", ExpectationError, r"operations\.raw is True"),
        ("raw = 4_288_184_320", "raw = -1", ExpectationError, "a positive whole number"),
        ("raw = 4_288_184_320", "raw = 4.2e9", ExpectationError, "a positive whole number"),
        ("divisor = 900_000_000, ", "", ExpectationError, r"operations\.divisor is missing"),
        ('kind = "tenth"', 'kind = "tent"', UnknownKey, "unknown kind 'tent'"),
        ('column = "macs"', 'column = "top1"', UnknownKey, "unknown column 'top1'"),
        ('printed = "4.765"', "printed = 4.765", ExpectationError, "printed is 4.765"),
        ('printed = "4.765"', 'printed = "4,765"', ExpectationError, "is not a plain"),
        ('printed = "4.765"', 'printed = "4.766"', ExpectationError, "does not print that"),
        ('printed = "4.765"', 'printed = "4.288"', ExpectationError, "so it is no defect"),
        ('"A tenth too much."', '""', ExpectationError, r"kinds\.tenth is ''"),
        ("true = { params = 25_028_904", "true = { params = 25", ExpectationError, "a defect for"),
        ("defects = [{", "# [{", ExpectationError, "operations is not the true count"),
        ("defects = [{", "defects = 3 # [{", ExpectationError, "an array of tables"),
        ("[kinds]", "[kinds", ExpectationError, "line 2"),
        ("[kinds]", "[rules]", UnknownKey, "unknown key 'rules'"),
    ],
)
def test_a_faulty_file_is_refused_with_file_and_key(tmp_path, old, new, error, message) -> None:
    assert old in SOUND
    with pytest.raises(error, match=message) as caught:
        read(tmp_path, SOUND.replace(old, new, 1))
    assert "page.toml: " in str(caught.value)


def test_two_defects_in_one_column_are_refused(tmp_path) -> None:
    first = SOUND.split("defects = [", 1)[1].split("]")[0]
    doubled = SOUND.replace(first, f"{first}, {first}")
    with pytest.raises(ExpectationError, match="a second defect in column 'macs'"):
        read(tmp_path, doubled)


def test_a_row_without_an_entry_is_an_error(tmp_path) -> None:
    with pytest.raises(ExpectationError, match=r"no entry in \[rows\] for page/timm/other"):
        read(tmp_path, SOUND, (ROW, "page/timm/other"))


def test_an_entry_for_no_row_is_an_error(tmp_path) -> None:
    with pytest.raises(UnknownKey, match="unknown row 'page/timm/net'; did you mean"):
        read(tmp_path, SOUND, ("page/timm/nets",))


def test_a_missing_file_is_named(tmp_path) -> None:
    with pytest.raises(ExpectationError, match=r"absent\.toml: No such file"):
        read_expected(tmp_path / "absent.toml", [])


def test_the_pages_33_defects_are_pinned(pinned) -> None:
    defects = Counter(
        (row.split("/")[1], each.column) for row in pinned for each in pinned[row].defects
    )
    assert defects == {
        ("timm", Metric.MACS): 3,
        ("ppcls", Metric.FLOPS): 15,
        ("ppcls", Metric.PARAMS): 15,
    }


@pytest.mark.skipif(not FACTS.exists(), reason="the table of recomputed figures is not here")
def test_pinned_counts_print_the_29_documented_figures(pinned) -> None:
    with FACTS.open(encoding="utf-8") as file:
        facts = {f"resnext/{row['source']}/{row['model']}": row for row in csv.DictReader(file)}
    assert facts.keys() == pinned.keys()
    for row, fact in facts.items():
        for figure, each in (
            (fact["doc_ops"], pinned[row].operations),
            (fact["doc_params_M"], pinned[row].params),
        ):
            assert reproduces(Figure(figure), each.raw, each.divisor), row
