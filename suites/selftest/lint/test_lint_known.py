"""What is known of rows: from expected/, from timm's table, from installed libraries."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from harness.errors import ExpectationError, HarnessError
from harness.lint.expected import expected_knowledge
from harness.lint.known import Amount, Knowledge, Known, together
from harness.lint.naming import fold, network_name
from harness.lint.results_table import read_results_table, table_knowledge
from harness.pipeline.catalogue import EXPECTED
from harness.records import Claim, Figure, Metric, Row

TABLE = """\
model,img_size,top1,top1_err,top5,top5_err,param_count,crop_pct,interpolation
net_a.one_in1k,224,80.1,19.9,95.0,5.0,"1,014.45",0.950,bicubic
net_a.one_in1k,288,81.2,18.8,95.5,4.5,"1,014.45",1.000,bicubic
net_b.gluon_in1k,224,79.0,21.0,94.4,5.6,25.03,0.875,bicubic
"""


def row(source: str, name: str, size: str | None = None) -> Row:
    claims = (Claim(Metric.INPUT_SIZE, Figure(size), "px", "size", 1, 1),) if size else ()
    return Row(f"page/{source}/{name}", source, name, "", 1, 1, claims)


@pytest.fixture
def results_table(tmp_path: Path) -> Callable[[str], Path]:
    """A results table with the given text."""

    def write(text: str) -> Path:
        path = tmp_path / "results.csv"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_expected_files_tell_networks_counts_defects_and_results():
    knowledge = expected_knowledge(EXPECTED, "resnext")
    known = knowledge.of("resnext/timm/gluon_resnext50_32x4d")
    assert (known.network, known.size) == ("resnext50_32x4d", 224)
    assert (known.params.low, known.params.high) == (25_028_904, 25_028_904)
    assert known.params.told.startswith("counted, ")
    assert [defect.printed.text for defect in known.defects] == ["4.765"]
    assert {str(one.top1) for one in known.results} == {"79.364", "79.354"}


def test_a_page_without_expected_files_is_just_not_known(tmp_path):
    assert expected_knowledge(tmp_path, "resnext") == Knowledge()


def test_an_expected_file_that_is_wrong_is_an_error(tmp_path):
    for name in ("pages", "variants"):
        (tmp_path / name).mkdir()
    page = (EXPECTED / "pages/resnext.toml").read_bytes()
    (tmp_path / "pages/resnext.toml").write_bytes(page)
    (tmp_path / "variants/resnext.toml").write_text("rows = 1\n", encoding="utf-8")
    with pytest.raises(ExpectationError, match="variants"):
        expected_knowledge(tmp_path, "resnext")


def test_a_results_table_knows_rows_by_name_tag_and_old_name(results_table):
    table = read_results_table(results_table(TABLE))
    rows = [row("timm", "net_a"), row("timm", "net_a.one_in1k"), row("timm", "gluon_net_b")]
    knowledge = table_knowledge(table, [*rows, row("ppcls", "net_a"), row("timm", "net_c")])
    assert list(knowledge.rows) == [one.id for one in rows]
    known = knowledge.of(rows[0].id)
    assert (known.params.low, known.params.high) == (1_014_445_000, 1_014_455_000)
    assert [one.preprocessing.size for one in known.results] == [224, 288]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("param_count", "params", r"csv:1: no column param_count"),
        ("79.0", "x", r"csv:4: .*not a plain"),
        ("79.0", "179.0", r"csv:4: .*none can be"),
        (",25.03,0.875,bicubic", "", r"csv:4: not timm's table"),
    ],
)
def test_a_results_table_that_is_wrong_is_an_error_with_its_line(results_table, old, new, message):
    with pytest.raises(HarnessError, match=message):
        read_results_table(results_table(TABLE.replace(old, new)))


def test_what_is_surer_is_not_overwritten():
    first = Knowledge({"a": Known(params=Amount.exactly(1, "first"))})
    second = Knowledge({"a": Known("net", Amount.exactly(2, "second")), "b": Known("other")})
    known = together([first, second])
    assert (known.of("a").params.told, known.of("a").network) == ("first", "net")
    assert known.of("b").network == "other"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (("timm", "gluon_resnext50_32x4d"), ("mmcls", "ResNeXt50-32x4d"), True),
        (("timm", "resnet50.a1_in1k"), ("torchvision", "resnet50"), True),
        (("ppcls", "MobileNetV2_ssld"), ("torchvision", "mobilenet_v2"), True),
        (("timm", "tf_efficientnetv2_s"), ("timm", "efficientnetv2_s"), False),
        (("ppcls", "MobileNetV2_x1_5"), ("ppcls", "MobileNetV2_x15"), False),
        (("torchvision", "gluon_net"), ("torchvision", "net"), False),
    ],
)
def test_names_of_one_network_are_one(one, other, same):
    assert (network_name(*one) == network_name(*other)) is same
    assert fold(fold(one[1])) == fold(one[1])


def test_installed_libraries_count_without_weights():
    counting = pytest.importorskip("harness.lint.counting", exc_type=ImportError)
    rows = [
        row("torchvision", "mobilenetv2", "224"),
        row("timm", "mobilenetv2_100"),
        row("timm", "tv_resnet34", "224"),
        row("timm", "no_such_net", "224"),
        row("ppcls", "mobilenetv2", "224"),
        row("torchvision", "inception_v3"),
    ]
    knowledge = counting.count_rows(rows)
    known = knowledge.of(rows[0].id)
    assert (known.params.low, known.macs.low, known.size) == (3_504_872, 300_774_272, 224)
    assert knowledge.of(rows[1].id).params.low == 3_504_872
    assert knowledge.of(rows[1].id).macs is None, "the row does not say at which size"
    assert knowledge.of(rows[2].id).params.low == 21_797_672
    assert knowledge.rows.keys() == {one.id for one in (*rows[:3], rows[5])}
    heads = knowledge.of(rows[5].id).params
    assert (heads.low, heads.high) == (Fraction(23_834_568), Fraction(27_161_264))


VARIANTS = """\
[rows."page/torchvision/resnet50"]
model = "resnet50:IMAGENET1K_V1"
weights = "resnet50-0676ba61.pth"
network = "torchvision-resnet50"
"""


def test_an_installed_package_tells_the_accuracies_of_a_pinned_variant(tmp_path, monkeypatch):
    counting = pytest.importorskip("harness.lint.counting", exc_type=ImportError)
    (tmp_path / "variants").mkdir()
    (tmp_path / "variants/page.toml").write_text(VARIANTS)
    told = counting.published_rows(tmp_path, "page").of("page/torchvision/resnet50").results
    assert [(str(one.top1), str(one.top5)) for one in told] == [("76.13", "92.862")]
    assert counting.published_rows(tmp_path, "other") == Knowledge()

    def breaks(_):
        raise RuntimeError("a config that its own library cannot read")

    monkeypatch.setattr(counting.entry_points, "load", breaks)
    assert counting.published_rows(tmp_path, "page").of("page/torchvision/resnet50") == Known()
