"""Weights files in the publishers' own forms, through the real rows, from file to export.

No published file can be had here, so files of the same form are made from seeded tensors.
"""

from __future__ import annotations

import hashlib
import pickle
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from harness.errors import BuildError, MissingWeights
from harness.judging.agreement import float_verdict
from harness.pipeline.building import Settings
from harness.pipeline.catalogue import EXPECTED, DocumentedModel, read_catalogue
from harness.pipeline.pipeline import Pipeline
from harness.records import Outcome
from harness.sources import adapter, seeded
from harness.sources.forms import compiled_form
from harness.sources.network import Floats

Tensors = dict[str, np.ndarray]


def as_timm(tensors: Tensors, path: Path) -> None:
    torch.save({name: torch.from_numpy(value) for name, value in tensors.items()}, path)


def as_mmcls(tensors: Tensors, path: Path) -> None:
    state = {name: torch.from_numpy(value) for name, value in tensors.items()}
    torch.save({"meta": {"epoch": 100}, "state_dict": state}, path)


def as_ppcls(tensors: Tensors, path: Path) -> None:
    path.write_bytes(pickle.dumps(tensors, protocol=2))


PUBLISHED: dict[str, tuple[str, Callable[[Tensors, Path], None]]] = {
    "resnext/timm/resnext50_32x4d": ("resnext50_32x4d_a1h-{}.pth", as_timm),
    "resnext/mmcls/resnext50_32x4d": ("resnext50_32x4d_b32x8_imagenet_20210429-{}.pth", as_mmcls),
    "resnext/ppcls/resnext50_32x4d": ("ResNeXt50_32x4d_pretrained.pdparams", as_ppcls),
}


@pytest.fixture(scope="module")
def reference(scenes: Floats) -> Tensors:
    name = "resnext50_32x4d"
    module = seeded.seeded_network(name, seeded.fit(name, scenes))
    return {name: np.ascontiguousarray(value) for name, value in seeded.tensors(module)}


@pytest.fixture(scope="module")
def scenes() -> Floats:
    return np.random.Generator(np.random.PCG64(1)).standard_normal((2, 3, 64, 64), np.float32)


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    folder = tmp_path / "weights"
    folder.mkdir()
    config = EXPECTED / "build" / "embedded.yaml"
    made = Pipeline(Settings(config, store=tmp_path / "store", weights=str(folder)))
    yield made
    made.worker.close()


def publish(row: str, reference: Tensors, pipeline: Pipeline) -> DocumentedModel:
    """Put a file into the weights folder as the row's publisher would, and pin its name."""
    model = read_catalogue().one(row)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # mmcv-lite's, about operators that it leaves out
        source = adapter(model.variant.source)
        network = source.build(model.variant.model, input_size=224, weightless=True)
    name, write = PUBLISHED[row]
    folder = Path(str(pipeline.settings.weights))
    write(source.from_reference(network, reference), folder / "made")
    digest = hashlib.sha256((folder / "made").read_bytes()).hexdigest()[:8]
    (folder / "made").rename(folder / name.format(digest))
    return replace(model, variant=replace(model.variant, weights=name.format(digest)))


@pytest.mark.parametrize("row", PUBLISHED)
def test_published_weights_reach_the_export(
    row: str, reference: Tensors, pipeline: Pipeline
) -> None:
    model = publish(row, reference, pipeline)
    form = compiled_form(model.variant.source)
    expected = pipeline.reference(model.variant, model.size)
    outputs = pipeline.probe_outputs(replace(model, complexity=None), form)
    verdict = float_verdict(*expected.compared(outputs))
    assert (verdict.outcome, pipeline.weights_kind) == (Outcome.CONFORMS, "published")


@pytest.mark.shows("the weights are other ones than published")
def test_a_damaged_file_is_refused_by_its_name(reference: Tensors, pipeline: Pipeline) -> None:
    model = publish("resnext/timm/resnext50_32x4d", reference, pipeline)
    path = Path(str(pipeline.settings.weights)) / model.variant.weights
    damaged = bytearray(path.read_bytes())
    damaged[-1000] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(BuildError, match=path.name):
        pipeline.reference(model.variant, model.size)


@pytest.mark.shows("the weights are other ones than published")
def test_weights_of_another_network_are_refused(reference: Tensors, pipeline: Pipeline) -> None:
    small = {name: value for name, value in reference.items() if not name.startswith("layer4.2")}
    model = publish("resnext/timm/resnext50_32x4d", small, pipeline)
    with pytest.raises(BuildError, match=r"layer4\.2\.\S+ is missing"):
        pipeline.reference(model.variant, model.size)


def test_a_missing_file_is_not_measured(pipeline: Pipeline) -> None:
    model = read_catalogue().one("resnext/timm/resnext50_32x4d")
    with pytest.raises(MissingWeights, match=r"resnext50_32x4d_a1h-0146ab0a\.pth"):
        pipeline.reference(model.variant, model.size)
