"""What resolving needs of the sources: reasons for no variant, other weights, more networks."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import ExpectationError, MissingSource, UnknownKey
from harness.expected.variants import Variant, read_variants
from harness.sources import adapter, hub

pytestmark = pytest.mark.filterwarnings("ignore")  # what libraries say while they are imported

ROW = "page/keras/net"


def read(tmp_path: Path, entry: str) -> Variant:
    path = tmp_path / "page.toml"
    path.write_text(f'[rows."{ROW}"]\n{entry}\n', encoding="utf-8")
    return read_variants(path, rows=[ROW])[ROW]


def test_a_reason_stands_in_place_of_a_variant(tmp_path: Path) -> None:
    variant = read(tmp_path, 'unresolved = "no adapter for keras"')
    assert (variant.unresolved, variant.model, variant.source) == (
        "no adapter for keras",
        "",
        "keras",
    )


@pytest.mark.parametrize(
    ("entry", "error"),
    [
        ('unresolved = ""', ExpectationError),
        ("unresolved = true", ExpectationError),
        ('unresolved = "why"\nmodel = "net"', ExpectationError),
        ('unresolvd = "why"', UnknownKey),
        ('model = "a"\nweights = "b"\nnetwork = "c"\nsource = 3', ExpectationError),
    ],
)
def test_half_a_reason_is_refused(tmp_path: Path, entry: str, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"page\.toml"):
        read(tmp_path, entry)


def test_an_entry_may_name_another_source_than_the_page(tmp_path: Path) -> None:
    entry = 'model = "a"\nweights = "b"\nnetwork = "c"\nsource = "mmcls"'
    assert read(tmp_path, entry).source == "mmcls"


def test_distilled_weights_are_fetched_under_their_own_name() -> None:
    variant = Variant(
        "page/ppcls/net",
        "ppcls",
        "mobilenet_v2.MobileNetV2",
        "MobileNetV2_ssld_pretrained.pdparams",
        "net",
    )
    assert str(hub.located(variant)).endswith("/dygraph/MobileNetV2_ssld_pretrained.pdparams")


@pytest.mark.parametrize(
    ("source", "model"),
    [
        ("torchvision", "regnet_y_400mf:IMAGENET1K_V1"),  # cannot be built on the meta device
        ("ppcls", "mobilenet_v1.MobileNetV1"),  # among the legendary models
        ("ppcls", "mobilenet_v2.MobileNetV2"),
    ],
)
def test_a_network_is_built_without_weights(source: str, model: str) -> None:
    network = adapter(source).build(model, input_size=224, weightless=True)
    assert network.input_shape == (3, 224, 224)


def test_a_module_that_paddleclas_has_not_is_named() -> None:
    with pytest.raises(MissingSource, match="has no module 'mobilenet_v9'"):
        adapter("ppcls").build("mobilenet_v9.MobileNetV9", input_size=224, weightless=True)
