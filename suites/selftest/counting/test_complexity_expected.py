"""The pinned counts cover the page, and a faulty file is refused with file and key."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest

from harness.counting.claims import judge_claim
from harness.counting.counts import reproduces
from harness.errors import ExpectationError, UnknownKey
from harness.expected.complexity import ExpectedComplexity, read_expected
from harness.records import Claim, Figure, Metric, Outcome

FACTS = Path(__file__).resolve().parents[3] / "../shared/facts/complexity.csv"

ROW = "page/timm/net"
SOUND = """
[kinds]
tenth = "A tenth too much."

[rows."page/timm/net"]
operations = { counter = "thop", divisor = 900_000_000, raw = 4_288_184_320 }
params = { counter = "thop", divisor = 1_000_000, raw = 25_028_904 }
true = { params = 25_028_904, macs = 4_230_479_872 }
layers = { activations = "49 × relu" }
defects = [{ column = "macs", printed = "4.765", kind = "tenth", true = 4_288_184_320 }]
"""


def read(tmp_path: Path, text: str, rows: tuple[str, ...] = (ROW,)):
    path = tmp_path / "page.toml"
    path.write_text(text, encoding="utf-8")
    return read_expected(path, rows).rows


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
        ("raw = 4", "rwa = 4", UnknownKey, r"operations\.rwa: unknown key \(did you mean 'raw'"),
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
        ('layers = { activations = "49 × relu" }\n', "", ExpectationError, r"layers is missing"),
        ('{ activations = "49 × relu" }', "{}", ExpectationError, "one of convolutions, "),
        ("activations =", "activation =", UnknownKey, "did you mean 'activations'"),
        ("[kinds]", "[kinds", ExpectationError, "line 2"),
        ("[kinds]", "[rules]", UnknownKey, "rules: unknown key"),
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
    with pytest.raises(UnknownKey, match=r"rows\.page/timm/net: unknown row \(did you mean"):
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


# ── pages in other units, figures that no rule gives ──────────────────────────────────────────

MILLIONS = """
[kinds]
not-reproduced = "No rule gives it."
zeros-added = "More places than known."
tenth = "A tenth too much."

[rows."page/timm/net"]
operations = { counter = "thop", divisor = 1_000_000, raw = 34_178_704, unit = "M" }
params = { counter = "true", divisor = 1_000_000, raw = 3_504_872 }
true = { params = 3_504_872, macs = 30_480_864 }
layers = { activations = "35 × relu6" }
"""


def with_defect(figure: str, kind: str) -> str:
    defect = f'{{ column = "flops", printed = "{figure}", kind = "{kind}", true = 34_178_704 }}'
    return f"{MILLIONS}defects = [{defect}]\n"


def test_a_unit_is_the_pages_own(tmp_path) -> None:
    (entry,) = read(tmp_path, MILLIONS).values()
    assert (entry.operations.unit, entry.params.unit) == (10**6, 10**6)
    with pytest.raises(ExpectationError, match="operations is not the true count in its unit"):
        read(tmp_path, MILLIONS.replace(', unit = "M"', ""))
    with pytest.raises(UnknownKey, match="unknown unit 'Q', expected one of K, M, G, T"):
        read(tmp_path, MILLIONS.replace('unit = "M"', 'unit = "Q"'))


def test_two_flops_for_each_multiply_accumulate_are_no_defect(tmp_path) -> None:
    (entry,) = read(
        tmp_path, MILLIONS.replace("divisor = 1_000_000, raw = 34", "divisor = 500_000, raw = 34")
    ).values()
    assert entry.operations.is_plain


def test_a_figure_that_no_rule_gives_is_a_defect_with_the_nearest(tmp_path) -> None:
    (entry,) = read(tmp_path, with_defect("39.1", "not-reproduced")).values()
    verdict = judged(entry, "39.1")
    assert verdict.outcome is Outcome.DOES_NOT_CONFORM
    assert "no counting rule gives this figure, thop comes nearest" in verdict.details
    with pytest.raises(ExpectationError, match="so it is reproduced"):
        read(
            tmp_path,
            with_defect("34.1787", "not-reproduced").replace("true = 34_178", "true = 39_178"),
        )


def test_a_figure_of_another_input_size_is_a_defect_that_says_so(tmp_path) -> None:
    text = with_defect("44.6", "counted-at-256").replace(
        "[kinds]", '[kinds]\ncounted-at-256 = "It is that of 256 px."'
    )
    (entry,) = read(tmp_path, text).values()
    verdict = judged(entry, "44.6")
    assert verdict.outcome is Outcome.DOES_NOT_CONFORM
    assert "likely cause: It is that of 256 px." in verdict.details


@pytest.mark.parametrize(("printing", "figure"), [("cut off", "34.17"), ("rounded", "34.18")])
def test_a_figure_is_held_to_the_way_in_which_it_was_printed(
    tmp_path, printing: str, figure: str
) -> None:
    text = MILLIONS.replace('unit = "M"', f'unit = "M", printing = "{printing}"')
    if printing == "cut off":
        with pytest.raises(ExpectationError, match="expected a defect for it"):
            read(tmp_path, text)
        text += f'defects = [{{ column = "flops", printed = "{figure}", kind = "tenth", true = 34_178_704 }}]\n'  # noqa: E501
    (entry,) = read(tmp_path, text).values()
    verdict = judged(entry, figure)
    assert verdict.outcome is Outcome.CONFORMS
    assert (f"thop/1e6, {printing} (raw" in verdict.headline) is (printing == "cut off")
    assert judged(entry, "34.16").outcome is Outcome.DOES_NOT_CONFORM


def test_an_unknown_way_of_printing_is_refused(tmp_path) -> None:
    text = MILLIONS.replace('unit = "M"', 'unit = "M", printing = "ceil"')
    with pytest.raises(UnknownKey, match="unknown printing 'ceil', expected one of rounded, cut"):
        read(tmp_path, text)


def test_added_zeros_are_a_defect_that_is_reproduced(tmp_path) -> None:
    (entry,) = read(tmp_path, with_defect("34.180", "zeros-added")).values()
    assert judged(entry, "34.180").outcome is Outcome.CONFORMS
    assert judged(entry, "34.190").outcome is Outcome.DOES_NOT_CONFORM
    with pytest.raises(ExpectationError, match="does not print that"):
        read(tmp_path, with_defect("34.190", "zeros-added"))
    with pytest.raises(ExpectationError, match="does not print that"):
        read(tmp_path, with_defect("34.180", "tenth"))


def judged(entry: ExpectedComplexity, figure: str):
    claim = Claim(Metric.FLOPS, Figure(figure), "M", "flops(M)", 7, 1)
    return judge_claim(
        claim,
        34_178_704,
        entry.operations,
        entry.defect(Metric.FLOPS),
    )


UNKNOWN = SOUND + '\n[unknown]\n"page/timm/other" = "no source: keras"\n'


def test_a_row_that_cannot_be_counted_is_listed_with_its_reason(tmp_path) -> None:
    assert read(tmp_path, UNKNOWN, (ROW, "page/timm/other")).keys() == {ROW}
    both = read_expected(tmp_path / "page.toml", (ROW, "page/timm/other"))
    assert both.unknown == {"page/timm/other": "no source: keras"}
    with pytest.raises(UnknownKey, match=r"unknown\.page/timm/other: unknown row"):
        read(tmp_path, UNKNOWN)
    both = UNKNOWN.replace("page/timm/other", ROW)
    with pytest.raises(ExpectationError, match=r"has an entry in \[rows\], so it is known"):
        read(tmp_path, both)
