"""What resolving a page has counted is kept: neither the gate nor another page counts it again."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from stand_ins import row

from harness.errors import CountError
from harness.expected.variants import Variant
from harness.pipeline.building import Settings
from harness.pipeline.pipeline import Pipeline
from harness.pipeline.steps import counting
from harness.records import Page
from harness.resolving.counted import Countable
from harness.resolving.running import described
from harness.runtime.isolation import Worker
from harness.runtime.store import Store

VARIANT = Variant("page/timm/net", "timm", "net.tag", "net.pth", "timm-net")
SIZES = {"top1": "48.1", "macs": "0.84", "params": "1.24", "input_size": "224"}
ROWS = {
    "squeezenet1_0": Variant("", "torchvision", "squeezenet1_0:IMAGENET1K_V1", "", ""),
    "MobileNetV3_small_x0_35": Variant("", "ppcls", "mobilenet_v3.MobileNetV3_small_x0_35", "", ""),
}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A library whose networks are one convolution; the names that it was asked for."""
    names: list[str] = []

    def build(model: str, **_: object) -> SimpleNamespace:
        names.append(model)
        module = torch.nn.Conv2d(4, 4, 1, groups=2, bias=False, device="meta").eval()
        return SimpleNamespace(
            framework="torch", module=module, countable=module, input_shape=(4, 8, 8)
        )

    monkeypatch.setattr(counting, "adapter", lambda _: SimpleNamespace(build=build))
    return names


def page_of(**variants: Variant) -> Page:
    rows = (row(name, source=one.source, **SIZES) for name, one in variants.items())
    return Page("page", "page.md", "0" * 64, tuple(rows))


def test_two_processes_and_a_store_give_what_one_gives_and_the_gate_counts_nothing_again(
    store: Store,
) -> None:
    page = page_of(**ROWS)
    assert described(page, "", store=store) == described(page, "")

    class Nobody(Worker):
        def run(self, *_: object, **__: object) -> None:  # type: ignore[override]
            raise AssertionError("counted once more")

    gate = Pipeline(Settings(Path("none.yaml"), store=store.root), Nobody())
    for variant in ROWS.values():
        rules = {"true", "thop" if variant.source == "torchvision" else "paddle-flops"}
        assert set(gate.counts(variant, 224, sorted(rules))) == rules


def test_a_network_that_is_in_the_store_is_not_built(store: Store, built: list[str]) -> None:
    first = Countable(store).count(VARIANT, 8, "true")
    again = Countable(store)
    assert again.count(VARIANT, 8, "true") == first
    assert (again.params(VARIANT, 8), again.is_grouped(VARIANT, 8)) == (8, True)
    assert built == ["net.tag"]


def test_why_a_rule_cannot_count_is_kept_beside_what_others_count(
    store: Store, built: list[str]
) -> None:
    for countable in (Countable(store), Countable(store)):
        assert countable.count(VARIANT, 8, "mmcv-features") is None
        assert "which Conv2d lacks" in countable.failures[("timm", "net.tag", 8), "mmcv-features"]
    assert built == ["net.tag"]


def test_the_gate_fails_with_the_reason_of_the_rule(store: Store, built: list[str]) -> None:
    Countable(store).count(VARIANT, 8, "mmcv-features")
    gate = Pipeline(Settings(Path("none.yaml"), store=store.root))
    with pytest.raises(CountError, match=r"^count failed: rule 'mmcv-features'.* Conv2d lacks"):
        gate.counts(VARIANT, 8, ["mmcv-features"])
    assert built == ["net.tag"]


def test_what_this_machine_lacked_is_not_kept(
    store: Store, built: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patching:
        patching.setattr(torch.nn.Conv2d, "forward", out_of_memory)
        assert Countable(store).count(VARIANT, 8, "thop") is None
    assert Countable(store).count(VARIANT, 8, "thop") is not None
    assert len(built) == 2


def out_of_memory(*_: object) -> None:
    raise MemoryError
