"""What installed packages publish, and packages that publish something else."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
import yaml
from torchvision.models import Weights, WeightsEnum, get_model_weights

from harness.errors import ExpectationError, MeasureError, MissingSource
from harness.expected.variants import Variant
from harness.sources import source
from harness.sources.mmcls import published as mmpretrain
from harness.sources.mmcls.earlier import earlier_models
from harness.sources.mmcls.names import Mmpretrain, weights_url
from harness.sources.published import upstream_of
from harness.sources.torchvision import published as torchvision

PUBLISHED = Path(__file__).resolve().parents[4] / "../shared/data/published"
NEED_PUBLISHED = pytest.mark.skipif(not PUBLISHED.exists(), reason="upstream's files are not here")

MODEL, WEIGHTS = "resnext50_32x4d:IMAGENET1K_V1", "resnext50_32x4d-7cdf4587.pth"
CONFIG, CHECKPOINT = "net_in1k", "net-12345678.pth"


# ── mmpretrain's earlier editions ─────────────────────────────────────────────────────────────


def test_figures_of_an_earlier_edition_belong_to_its_weights() -> None:
    model = "repvgg-A0_8xb32_in1k"
    earlier = "repvgg-A0_3rdparty_4xb64-coslr-120e_in1k_20210909-883ab98c.pth"
    today = mmpretrain.results(model, weights="repvgg-A0_8xb32_in1k_20221213-60ae8e23.pth")
    assert (today[0].top1, today[0].top5) == (Decimal("72.37"), Decimal("90.56"))
    own, now, *_ = mmpretrain.results(model, weights=earlier)
    assert (own.top1, own.top5) == (Decimal("72.41"), Decimal("90.50"))
    assert own.table == "the model index of mmclassification 0.16.0 to 1.0.0rc4"
    assert now == today[0]
    with pytest.raises(ExpectationError, match=r"publishes .* for repvgg-A1"):
        mmpretrain.results("repvgg-A1_8xb32_in1k", weights=earlier)


def test_every_earlier_model_is_of_a_network_of_today() -> None:
    known = Mmpretrain().names()
    assert {one.network for one in earlier_models().values()} <= known.keys()
    assert all(one.first <= one.last for one in earlier_models().values())


def test_weights_of_an_earlier_edition_lie_beside_todays() -> None:
    earlier = "repvgg-A0_3rdparty_4xb64-coslr-120e_in1k_20210909-883ab98c.pth"
    variant = Variant("repvgg/mmcls/a", "mmcls", "repvgg-A0_8xb32_in1k", earlier, "net")
    assert weights_url(variant).endswith(f"/v0/repvgg/{earlier}")
    assert weights_url(replace(variant, weights="x.pth")).endswith("_20221213-60ae8e23.pth")


# ── torchvision ───────────────────────────────────────────────────────────────────────────────


def test_torchvision_gives_the_pinned_weights_and_those_beside_them() -> None:
    first, second = torchvision.results(MODEL, weights=WEIGHTS)
    assert (first.top1, first.top5) == (Decimal("77.618"), Decimal("93.698"))
    assert str(first.preprocessing) == "224 px, crop 0.875, bilinear"
    assert second.model == "resnext50_32x4d:IMAGENET1K_V2"


@NEED_PUBLISHED
def test_torchvisions_figures_are_those_it_published() -> None:
    published = json.loads((PUBLISHED / "torchvision-weights-meta.json").read_text())
    for result in torchvision.results(MODEL, weights=WEIGHTS):
        figures = published[result.model]["metrics"]["ImageNet-1K"]
        assert (float(result.top1), float(result.top5)) == (figures["acc@1"], figures["acc@5"])


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("resnext50_33x4d:IMAGENET1K_V1", "has no model 'resnext50_33x4d'"),
        ("resnext50_32x4d:IMAGENET1K_V9", "no weights 'IMAGENET1K_V9'; it has IMAGENET1K_V1"),
    ],
)
def test_what_torchvision_does_not_know_is_missing(model: str, message: str) -> None:
    with pytest.raises(MissingSource, match=message):
        torchvision.results(model, weights=WEIGHTS)


def test_torchvision_with_another_weights_file_is_noticed() -> None:
    with pytest.raises(ExpectationError, match=r"publishes resnext50_32x4d-7cdf4587\.pth for"):
        torchvision.results(MODEL, weights="resnext50_32x4d-1a0047aa.pth")


def alter(monkeypatch: pytest.MonkeyPatch, metrics: dict[str, object]) -> None:
    """Let torchvision publish other metrics for the weights."""
    true = get_model_weights("resnext50_32x4d")["IMAGENET1K_V1"]
    weights = Weights(true.url, true.transforms, {"_metrics": metrics})
    members = WeightsEnum("Altered", {"IMAGENET1K_V1": weights})
    monkeypatch.setattr(torchvision.torchvision.models, "get_model_weights", lambda _: members)


@pytest.mark.parametrize("value", [None, "77.6", True, -1.0, 100.1, float("inf")])
def test_what_is_no_percentage_is_refused(monkeypatch, value: object) -> None:
    alter(monkeypatch, {"ImageNet-1K": {"acc@1": value, "acc@5": 93.698}})
    with pytest.raises(MeasureError, match="top1 of resnext50_32x4d:IMAGENET1K_V1 is published as"):
        torchvision.results(MODEL, weights=WEIGHTS)


def test_nan_is_kept_for_the_verdict(monkeypatch) -> None:
    alter(monkeypatch, {"ImageNet-1K": {"acc@1": float("nan"), "acc@5": 93.698}})
    (result,) = torchvision.results(MODEL, weights=WEIGHTS)
    assert result.top1.is_nan()


def test_figures_of_another_data_set_are_not_taken(monkeypatch) -> None:
    alter(monkeypatch, {"Kinetics-400": {"acc@1": 52.75, "acc@5": 75.45}})
    with pytest.raises(MissingSource, match="publishes no ImageNet-1K figures"):
        torchvision.results(MODEL, weights=WEIGHTS)


# ── mmpretrain ────────────────────────────────────────────────────────────────────────────────

STEPS = """
test_dataloader = dict(dataset=dict(pipeline=[
    dict(type='ResizeEdge', scale=256, edge='short'),
    dict(type='CenterCrop', crop_size=224),
]))
"""


def package(folder: Path, **changed: object) -> Path:
    """A package's folder with an index of one model, in which keys are changed."""
    metrics = {"Top 1 Accuracy": 77.9, "Top 5 Accuracy": 93.66}
    entry = {
        "Name": CONFIG,
        "Results": [{"Dataset": "ImageNet-1k", "Metrics": metrics, "Task": "Classification"}],
        "Weights": f"https://example.org/{CHECKPOINT}",
        "Config": "configs/net/net_in1k.py",
    }
    family = folder / "configs" / "net"
    family.mkdir(parents=True)
    (family / "net_in1k.py").write_text(STEPS)
    (family / "metafile.yml").write_text(yaml.safe_dump({"Models": [entry | changed]}))
    return folder


def test_mmpretrain_gives_the_pinned_model_and_its_family(tmp_path) -> None:
    (result,) = mmpretrain.family_results(package(tmp_path), CONFIG, weights=CHECKPOINT)
    assert (result.top1, result.top5) == (Decimal("77.9"), Decimal("93.66"))
    assert str(result.preprocessing) == "224 px, crop 0.875, bilinear"


@NEED_PUBLISHED
def test_mmpretrains_figures_are_those_it_published() -> None:
    index = yaml.safe_load((PUBLISHED / "mmpretrain-resnext-metafile.yml").read_text())
    published = {one["Name"]: one["Results"][0]["Metrics"] for one in index["Models"]}
    name, file = (
        "resnext50-32x4d_8xb32_in1k",
        "resnext50_32x4d_b32x8_imagenet_20210429-56066e27.pth",
    )
    results = mmpretrain.results(name, weights=file)
    assert {one.model: [float(one.top1), float(one.top5)] for one in results} == {
        name: list(metrics.values()) for name, metrics in published.items()
    }


def test_a_model_that_no_index_names_is_missing(tmp_path) -> None:
    with pytest.raises(MissingSource, match="names 'net'"):
        mmpretrain.family_results(package(tmp_path), "net", weights=CHECKPOINT)


def test_a_model_evaluated_in_an_unknown_way_is_missing(tmp_path) -> None:
    root = package(tmp_path)
    config = root / "configs" / "net" / "net_in1k.py"
    config.write_text(STEPS.replace("ResizeEdge", "Resize"))
    with pytest.raises(MissingSource, match="cannot be told from its config: Resize, CenterCrop"):
        mmpretrain.family_results(root, CONFIG, weights=CHECKPOINT)


def test_a_family_is_not_taken_for_a_model(tmp_path) -> None:
    root = package(tmp_path)
    path = root / "configs" / "net" / "metafile.yml"
    path.write_text(f"Collections:\n- Name: Net\n{path.read_text()}")
    with pytest.raises(MissingSource, match=r"no index of mmpretrain .* names 'Net'"):
        mmpretrain.family_results(root, "Net", weights=CHECKPOINT)


@pytest.mark.parametrize(
    "results",
    [
        None,
        [{"Dataset": "CUB-200-2011", "Metrics": {"Top 1 Accuracy": 88.45}}],
        [{"Dataset": "ImageNet-1k", "Metrics": {"mAP": 77.9}}],
    ],
)
def test_a_model_without_figures_on_imagenet_is_missing(tmp_path, results: object) -> None:
    root = package(tmp_path, Results=results)
    with pytest.raises(MissingSource, match="publishes no ImageNet-1k figures for net_in1k"):
        mmpretrain.family_results(root, CONFIG, weights=CHECKPOINT)


def test_mmpretrain_with_another_checkpoint_is_noticed(tmp_path) -> None:
    root = package(tmp_path, Weights="https://example.org/net-87654321.pth")
    with pytest.raises(ExpectationError, match=r"publishes net-87654321\.pth for net_in1k"):
        mmpretrain.family_results(root, CONFIG, weights=CHECKPOINT)


def test_an_index_that_cannot_be_read_is_missing(tmp_path) -> None:
    root = package(tmp_path)
    path = root / "configs" / "net" / "metafile.yml"
    path.write_text(f"Models:\n  - Name: {CONFIG}\n    Weights: [\n")
    with pytest.raises(MissingSource, match=r"index cannot be read: .*metafile\.yml"):
        mmpretrain.family_results(root, CONFIG, weights=CHECKPOINT)


def test_mmpretrain_that_is_not_installed_is_missing(monkeypatch) -> None:
    monkeypatch.setattr(mmpretrain, "find_spec", lambda _: None)
    with pytest.raises(MissingSource, match="mmpretrain is not installed"):
        mmpretrain.package_root()


def test_a_reader_whose_package_is_not_installed_says_so(monkeypatch, facts) -> None:
    absent = replace(source("torchvision"), published="not_installed.published")
    monkeypatch.setattr("harness.sources._declared", lambda *_: absent)
    row = "a/torchvision/b"
    with pytest.raises(MissingSource, match="figures of 'torchvision' cannot be read here"):
        upstream_of(facts, row=row, variant=Variant(row, "torchvision", "b", "b.pth", "b"))
