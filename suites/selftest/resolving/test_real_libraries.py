"""Names that pages really print are found in the libraries that are really installed."""

from __future__ import annotations

from pathlib import Path

import pytest
from stand_ins import row as documented

from harness.errors import MissingSource
from harness.expected.complexity import ExpectedComplexity, read_expected
from harness.pages.reading import read_page
from harness.pipeline.catalogue import EXPECTED, read_catalogue
from harness.records import Page, Row
from harness.resolving import drafts
from harness.resolving.libraries import library_of, source_named
from harness.resolving.matching import Unresolved, resolve
from harness.resolving.page import PageResolution, resolve_page

pytestmark = pytest.mark.filterwarnings("ignore")  # what libraries say while they are imported

MOBILENET = Path(__file__).resolve().parents[3] / "../shared/zoo/mobilenet_v2.md"

COUNTED = (
    "torchvision/resnext50_32x4d",
    "timm/resnext50_32x4d",
    "timm/gluon_resnext50_32x4d",
    "timm/gluon_resnext101_32x4d",
    "mmcls/resnext50_32x4d",
    "ppcls/resnext50_32x4d",
)
"""One row for each rule of the ResNeXt page, and a second one for the unusual division."""


def found(row: Row) -> tuple[str, str]:
    library = library_of(source_named(row.source))
    assert library is not None
    choice = resolve(row, library).choice
    return choice.model, choice.weights


@pytest.mark.shows("a name stands for another model than documented")
def test_every_row_of_the_resnext_page_is_the_variant_kept_for_it() -> None:
    models = read_catalogue(EXPECTED).rows
    kept = {one.id: (one.variant.model, one.variant.weights) for one in models}
    assert {one.id: found(one.row) for one in models if one.page.name == "resnext"} == kept


@pytest.mark.skipif(not MOBILENET.exists(), reason="the second page is not here")
def test_every_row_of_a_page_with_other_names_is_found() -> None:
    models = {row.id.partition("/")[2]: found(row)[0] for row in read_page(MOBILENET).rows}
    assert models["torchvision/mobilenetv2"] == "mobilenet_v2:IMAGENET1K_V1"
    assert models["timm/mobilenetv2"] == "mobilenetv2_100.ra_in1k"
    assert models["ppcls/MobileNetV2_ssld"] == "mobilenet_v2.MobileNetV2"
    assert len(models) == 9


VISION = "https://github.com/pytorch/vision/blob/v0.9.0/torchvision/models/resnet.py"
TIMM = {"source": "timm"}
TORCHVISION = {"source": "torchvision", "link": VISION}
PRINTED = {
    "ten-ninths-too-high": documented(
        "efficientnet_b0", **TIMM, top1="77.690", top5="93.530", flops="0.8575", input_size="224"
    ),
    "counted-at-224": documented(
        "efficientnet_b1", **TIMM, top1="78.796", top5="94.342", flops="1.266", input_size="256"
    ),
    "rounded-before-doubling": documented(
        "resnet101", **TORCHVISION, flops="15.732", input_size="224"
    ),
    "zeros-added": documented(
        "MobileNetV3_small_x0_5", source="ppcls", unit="M", flops="22.600", input_size="224"
    ),
    "": documented("resnet18", **TORCHVISION, flops="3.648", input_size="224"),
}
"""Figures as pages of the zoo print them, by what is wrong with them."""
BEARING = (
    documented("gluon_resnet18_v1b", **TIMM, top1="70.834", top5="89.762", flops="4.053"),
    documented("resnet50", **TORCHVISION, flops="8.268", input_size="224"),
    documented("MobileNetV3_small_x0_75", source="ppcls", unit="M", flops="46.020"),
)
"""Others with the same mistake, without which a figure would have a candidate and no cause."""


def test_what_is_wrong_with_printed_figures_is_found() -> None:
    rows = (*PRINTED.values(), *BEARING)
    resolution = resolve_page(Page("page", "page.md", "0" * 64, rows))
    others = {row.name for row in BEARING}
    found = {
        one.row.name: [each["kind"] for each in entry.get("defects", ())]
        for one in resolution.rows
        if one.row.name not in others
        for entry in [drafts.complexity_entry(one, resolution)]
    }
    assert found == {row.name: [kind] if kind else [] for kind, row in PRINTED.items()}


@pytest.mark.parametrize(
    ("row", "model"),
    [
        (documented("resnet18", source="torchvision"), "resnet18:IMAGENET1K_V1"),
        (documented("tv_resnet50", source="timm"), "resnet50.tv_in1k"),
        (documented("vgg-16", source="mmclassification", top1="71.62"), "vgg16_8xb32_in1k"),
        (
            documented("resnext50_32x4d_b32x8_imagenet", source="mmcls"),
            "resnext50-32x4d_8xb32_in1k",
        ),
        (
            documented("shufflenet_v2_x1.0", source="mmcls", top1="69.55"),
            "shufflenet-v2-1x_16xb64_in1k",
        ),
        (documented("shufflenet_v2_x0.25", source="ppcls"), "shufflenet_v2.ShuffleNetV2_x0_25"),
        (documented("PPLCNet_x0_5_ssld", source="ppcls"), "pp_lcnet.PPLCNet_x0_5"),
        (documented("resnet50_vd", source="PaddleClas"), "resnet.ResNet50_vd"),
        (
            documented("Fix_ResNeXt101_32x48d_wsl", source="ppcls"),
            "resnext101_wsl.ResNeXt101_32x48d_wsl",
        ),
    ],
    ids=lambda one: one.id if isinstance(one, Row) else "",
)
def test_old_and_loosely_written_names_are_found(row: Row, model: str) -> None:
    assert found(row)[0] == model


@pytest.mark.shows("a name stands for another model than documented")
def test_weights_of_a_newer_torchvision_are_not_assumed() -> None:
    link = "https://github.com/pytorch/vision/blob/v0.15.0/torchvision/models/resnet.py"
    with pytest.raises(Unresolved, match="ambiguous"):
        found(documented("resnet50", source="torchvision", link=link, top1="99.9"))


MMCLS = "https://github.com/open-mmlab/mmclassification/tree/{}/configs/repvgg"
EARLIER = "repvgg-A0_3rdparty_4xb64-coslr-120e_in1k_20210909-883ab98c.pth"


@pytest.mark.shows(
    "weights of a later training pass for the documented ones",
    by="figures to the digit, then the linked version decide",
)
@pytest.mark.parametrize(
    ("edition", "top1", "earlier"),
    [
        ("v0.23.2", "72.41", True),  # as printed
        ("main", "72.41", True),
        ("v0.23.2", "72.37", False),  # as printed, and not in that edition
        ("v0.23.2", "72.39", True),  # within 0.05 of both
        ("v1.2.0", "72.39", False),
        ("main", "72.39", False),
    ],
)
def test_weights_of_an_earlier_edition_are_found(edition: str, top1: str, earlier: bool) -> None:
    row = documented("RepVGG-A0", source="mmcls", link=MMCLS.format(edition), top1=top1)
    model, weights = found(row)
    assert (model, weights == EARLIER) == ("repvgg-A0_8xb32_in1k", earlier)


TIMM_0_6_5 = {
    "source": "timm",
    "link": "https://github.com/rwightman/pytorch-image-models/blob/v0.6.5/timm/models/resnet.py",
}


@pytest.mark.parametrize(
    ("row", "model"),
    [
        (documented("resnet34", **TIMM_0_6_5, top1="75.114", top5="92.284"), "resnet34.bt_in1k"),
        (documented("resnet101", **TIMM_0_6_5, top1="81.932", top5="95.770"), "resnet101.a1h_in1k"),
        (documented("resnet34", **TIMM_0_6_5, top1="76.420", top5="92.896"), "resnet34.a1_in1k"),
    ],
    ids=["of neither", "near two", "to the digit"],
)
def test_what_the_linked_timm_took_decides_unless_figures_do(row: Row, model: str) -> None:
    assert found(row)[0] == model


@pytest.mark.parametrize(
    ("row", "model"),
    [
        (
            documented("cspdarknet53", source="mmcls", top1="80.05", top5="95.07"),
            "cspdarknet50_3rdparty_8xb32_in1k",
        ),
        (
            documented("hrnet_w18_small_v1", source="timm", top1="72.336", top5="90.68"),
            "hrnet_w18_small.ms_in1k",
        ),
        (documented("se_hrnet_w64_c_ssld", source="ppcls"), "hrnet.SE_HRNet_W64_C"),
    ],
    ids=lambda one: one.name if isinstance(one, Row) else "",
)
def test_names_that_are_no_librarys_are_found_by_their_figures(row: Row, model: str) -> None:
    assert found(row)[0] == model


def test_only_the_listed_weights_of_a_function_without_an_address_are_offered() -> None:
    with pytest.raises(Unresolved, match=r"fit none of hrnet\.SE_HRNet_W64_C"):
        found(documented("SE_HRNet_W64_C", source="ppcls"))


@pytest.mark.shows("a name stands for another model than documented")
@pytest.mark.parametrize(
    "figures",
    [{}, {"top1": "80.05"}, {"top1": "80.0", "top5": "95.0"}, {"top1": "70.05", "top5": "95.07"}],
)
def test_a_name_that_is_only_written_alike_is_not_taken(figures: dict[str, str]) -> None:
    with pytest.raises(Unresolved, match="no model 'cspdarknet53'; nearest: cspdarknet50_3rdparty"):
        found(documented("cspdarknet53", source="mmcls", **figures))


def test_figures_of_a_deployed_network_are_told() -> None:
    rows = [
        documented("RepVGG-B1g2", source="mmcls", flops="8.82", params="41.36"),
        documented("RepVGG-B2", source="mmcls", flops="18.39", params="80.32"),
        documented("RepVGG-A1", source="mmcls", flops="2.37", params="12.78"),
        documented("RepVGG-B0", source="mmcls", flops="3.06", params="14.33"),
        documented("RepVGG-A0", source="mmcls", flops="1.37", params="8.30"),
    ]
    resolution = resolve_page(Page("page", "page.md", "0" * 64, tuple(rows)))
    entries = [drafts.complexity_entry(one, resolution) for one in resolution.rows]
    assert {entry["operations"]["counter"] for entry in entries} == {"mmcv-deployed"}
    kinds = [[each["kind"] for each in entry["defects"]] for entry in entries]
    cut_off = "of-the-deployed-network-and-cut-off"
    assert kinds == [["of-the-deployed-network"]] * 2 + [[cut_off]] * 3


def test_a_source_without_an_adapter_stays_visible_with_its_reason() -> None:
    with pytest.raises(MissingSource, match="no source: there is no adapter for 'keras'"):
        source_named("keras")
    with pytest.raises(MissingSource, match="does not say which library"):
        source_named("")


# ── counting ──────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def resolution() -> PageResolution:
    """Six rows of the ResNeXt page, resolved and counted, and one that no library has."""
    page = next(one.page for one in read_catalogue(EXPECTED).rows if one.page.name == "resnext")
    rows = tuple(row for row in page.rows if row.id.partition("/")[2] in COUNTED)
    lost = Row("resnext/keras/resnet", "keras", "resnet", "", 99, 1, ())
    return resolve_page(Page(page.name, page.path, page.sha256, (*rows, lost)))


def test_the_rules_found_are_those_kept_for_each_row(
    resolution: PageResolution, tmp_path: Path
) -> None:
    path = tmp_path / "resnext.toml"
    path.write_text(drafts.complexity(resolution), encoding="utf-8")
    ids = [one.row.id for one in resolution.rows]
    drafted = read_expected(path, ids).rows
    kept = read_expected(
        EXPECTED / "complexity" / "resnext.toml", [one.id for one in _rows("resnext")]
    ).rows
    assert len(drafted) == 6
    assert {row: _facts(one) for row, one in drafted.items()} == {
        row: _facts(kept[row]) for row in drafted
    }


@pytest.mark.shows(
    "a row that is not resolved vanishes", by="it keeps its cases, not measured, with the reason"
)
def test_a_row_of_no_source_costs_no_other_and_says_why(resolution: PageResolution) -> None:
    lost = resolution.rows[-1]
    assert "no adapter for 'keras'" in lost.variant.unresolved
    assert drafts.uncountable(resolution) == {lost.row.id: lost.variant.unresolved}


def _rows(page: str) -> list[Row]:
    return [one.row for one in read_catalogue(EXPECTED).rows if one.page.name == page]


def _facts(one: ExpectedComplexity) -> tuple[object, ...]:
    defects = tuple((each.column, each.printed, each.true, each.kind) for each in one.defects)
    return one.operations, one.params, one.true_params, one.true_macs, defects
