"""The facts cover the page, are upstream's own, and a faulty file is refused with file and key."""

from __future__ import annotations

import csv
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from harness.errors import ExpectationError, MissingSource, UnknownKey
from harness.expected.published import TableRole
from harness.expected.variants import Variant
from harness.sources.published import read_expected, upstream_of

TABLE = Path(__file__).resolve().parents[4] / "../shared/data/published/timm-results-imagenet.csv"

ROW = "page/timm/net"
SOUND = """
[page]
resize = 256
crop = 224
interpolation = "bilinear"

[tables.timm]
source = "timm"
role = "current"
where = "a table"
remeasured = 0.1
reason = "as an example"
results = [
  { model = "net.a", size = 224, crop = 0.875, interpolation = "cubic", top1 = 80.0, top5 = 90.0 },
  { model = "net.a", size = 288, crop = 1.0, interpolation = "cubic", top1 = 81.0, top5 = 91.0 },
]

[causes]
size = "Measured at another size."

[[figures]]
row = "page/timm/net"
metric = "top1"
documented = "81.0"
published = 80.0
cause = "size"

[[preprocessing]]
row = "page/timm/net"
size = 288
crop = 1.0
interpolation = "cubic"
cause = "size"
"""
RESULT = '{ model = "net.a", size = 224, crop = 0.875,'


def read(tmp_path: Path, text: str, rows: tuple[str, ...] = (ROW,)):
    path = tmp_path / "page.toml"
    path.write_text(text, encoding="utf-8")
    return read_expected(path, rows)


def test_a_sound_file_is_read_as_written(tmp_path) -> None:
    facts = read(tmp_path, SOUND)
    table = facts.table("timm", TableRole.CURRENT)
    assert table is not None
    assert [one.top1 for one in table.results] == [Decimal("80.0"), Decimal("81.0")]
    assert facts.page_at(224).crop == Fraction(7, 8) == table.results[0].preprocessing.crop
    assert facts.figures[ROW, "top1"].cause == "Measured at another size."
    assert facts.preprocessing[ROW].measured == table.results[1].preprocessing


@pytest.mark.parametrize(
    ("old", "new", "error", "message"),
    [
        ("top1 = 80.0", "top1 = nan", ExpectationError, r"results\[1\]\.top1 is .*NaN"),
        ("top1 = 80.0", "top1 = 101.0", ExpectationError, "a percentage, 0 to 100"),
        ("top1 = 80.0", "top1 = -1.0", ExpectationError, "of at least 0"),
        ("top1 = 80.0", 'top1 = "80.0"', ExpectationError, "a finite number"),
        ("top1 = 80.0, ", "", ExpectationError, r"results\[1\]\.top1 is missing"),
        ("top1 = 80.0", "top1 = 90.1", ExpectationError, "above top5 = 90.0: swapped"),
        ("size = 288, ", "size = 224, ", ExpectationError, "a second result of net.a at 224 px"),
        ("size = 288, ", "size = 288.5, ", ExpectationError, "a whole number from 1 to 8192"),
        ("crop = 0.875", "crop = 87.5", ExpectationError, "a share of the short side"),
        ("crop = 0.875", "corp = 0.875", UnknownKey, r"corp: unknown key \(did you mean 'crop'"),
        ('role = "current"', 'role = "curent"', UnknownKey, "unknown role 'curent'"),
        ('metric = "top1"', 'metric = "top2"', UnknownKey, "unknown metric 'top2'"),
        ('row = "page/timm/net"', 'row = "page/timm/nets"', UnknownKey, "unknown row"),
        ('cause = "size"', 'cause = "sice"', UnknownKey, r"unknown cause .*did you mean 'size'"),
        ('documented = "81.0"', 'documented = "81,0"', ExpectationError, "is not a plain"),
        ('reason = "as an example"', "", ExpectationError, "reason is missing"),
        ("resize = 256", "", ExpectationError, r"page\.resize is missing"),
        ("[causes]", "[causes", ExpectationError, "not TOML"),
        ("[[figures]]", "[[figure]]", UnknownKey, r"did you mean 'figures'"),
        ("[causes]", "[missing]\nx = 1\n[causes]", UnknownKey, "missing.x: unknown row"),
    ],
)
def test_a_faulty_file_is_refused_with_file_and_key(tmp_path, old, new, error, message) -> None:
    assert old in SOUND
    with pytest.raises(error, match=message) as caught:
        read(tmp_path, SOUND.replace(old, new, 1))
    assert "page.toml" in str(caught.value)


@pytest.mark.parametrize("section", ["[[figures]]", "[[preprocessing]]"])
def test_two_defects_of_one_thing_are_refused(tmp_path, section: str) -> None:
    entry = SOUND[SOUND.index(section) :].split("\n\n")[0]
    with pytest.raises(ExpectationError, match="a second defect of page/timm/net"):
        read(tmp_path, f"{SOUND}\n{entry}")


def test_two_tables_of_one_source_and_role_are_refused(tmp_path) -> None:
    table = SOUND[SOUND.index("[tables.timm]") : SOUND.index("[causes]")]
    with pytest.raises(ExpectationError, match=r"tables\.again: a second table of source 'timm'"):
        read(tmp_path, SOUND + table.replace("[tables.timm]", "[tables.again]"))


def test_a_missing_file_is_named(tmp_path) -> None:
    with pytest.raises(ExpectationError, match=r"cannot read .*absent\.toml"):
        read_expected(tmp_path / "absent.toml", [])


# ── a variant without a published figure ──────────────────────────────────────────────────────


def of_net(facts, *, model: str = "net.a", source: str = "timm"):
    return upstream_of(facts, row=ROW, variant=Variant(ROW, source, model, "net.pth", "net"))


def test_a_removed_result_is_an_error_and_not_a_pass(tmp_path) -> None:
    line = next(line for line in SOUND.splitlines() if RESULT in line)
    facts = read(tmp_path, SOUND.replace(line, ""))
    with pytest.raises(ExpectationError, match=r"no figure of net\.a is published at 224 px, only"):
        of_net(facts).at(224)


def test_the_figure_of_another_tag_does_not_stand_in(tmp_path) -> None:
    facts = read(tmp_path, SOUND)
    with pytest.raises(ExpectationError, match=r"no figure of net\.b is published at 224 px; list"):
        of_net(facts, model="net.b").at(224)


def test_a_source_without_a_table_is_an_error(tmp_path) -> None:
    with pytest.raises(ExpectationError, match="no table of what 'ppcls' publishes"):
        of_net(read(tmp_path, SOUND), source="ppcls")


def test_what_is_said_to_be_missing_is_not_measured_with_its_reason(tmp_path) -> None:
    facts = read(tmp_path, f'{SOUND}\n[missing]\n"{ROW}" = "never printed"')
    with pytest.raises(MissingSource, match=r"nothing is published for net\.b: never printed"):
        of_net(facts, model="net.b")


def test_what_is_said_to_be_missing_must_not_be_listed(tmp_path) -> None:
    facts = read(tmp_path, f'{SOUND}\n[missing]\n"{ROW}" = "never printed"')
    with pytest.raises(ExpectationError, match=r"a figure of net\.a is listed"):
        of_net(facts)


# ── the facts themselves ──────────────────────────────────────────────────────────────────────


@pytest.mark.skipif(not TABLE.exists(), reason="timm's table is not here")
def test_timms_figures_are_those_of_its_table(facts) -> None:
    with TABLE.open(encoding="utf-8") as file:
        published = {(row["model"], row["img_size"]): row for row in csv.DictReader(file)}
    table = facts.table("timm", TableRole.CURRENT)
    assert table is not None
    for result in table.results:
        size, crop = result.preprocessing.size, result.preprocessing.crop
        row = published[result.model, str(size)]
        assert (result.top1, result.top5) == (Decimal(row["top1"]), Decimal(row["top5"]))
        assert (crop, result.preprocessing.interpolation) == (
            Fraction(row["crop_pct"]),
            row["interpolation"],
        )


def test_paddleclas_two_tables_print_the_same_figures(facts) -> None:
    """One in shares with four digits, one with three; the last digit may be rounded either way."""
    tables = [facts.table("ppcls", role) for role in TableRole]
    assert [len(table.results) for table in tables] == [16, 16]
    for new, old in zip(*(table.results for table in tables), strict=True):
        assert (new.model, new.preprocessing) == (old.model, old.preprocessing)
        assert abs(new.top1 - old.top1) <= Decimal("0.05")
        assert abs(new.top5 - old.top5) <= Decimal("0.05")
