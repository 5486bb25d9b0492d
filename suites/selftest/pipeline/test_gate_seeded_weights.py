"""Seeded weights are the same everywhere, and behave as trained ones do."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from safetensors.numpy import load_file
from seeded_digest import digest
from torch.nn import BatchNorm2d

from harness.errors import BuildError
from harness.expected.buildconfig import read_build_config
from harness.images.sets import ImageSets, embedded_sets
from harness.pipeline.building import Settings, make_worker
from harness.pipeline.catalogue import EXPECTED, read_catalogue
from harness.pipeline.pipeline import Pipeline
from harness.pipeline.steps import FITTED
from harness.runtime.store import LazyArtifact
from harness.sources.network import Floats
from harness.sources.seeded import fit, seeded_network, tensors

REPOSITORY = EXPECTED.parent
NETWORK = "resnext50_32x4d"
NARROW = 0.5  # logits; a quarter of their standard deviation
FEWEST_ANSWERS = 6  # different top-1 among 16 images; library defaults give one
FIT = 4.0  # how many times a variance on other images may be off


@dataclass(frozen=True, eq=False)
class Seeded:
    """A real network with seeded weights, and its logits of images that it was not fitted to."""

    module: torch.nn.Module
    logits: Floats


@pytest.fixture(scope="module")
def images() -> ImageSets:
    """The images of the gate itself."""
    return embedded_sets(read_build_config(EXPECTED / "build" / "embedded.yaml"))


@pytest.fixture(scope="module")
def seeded(images: ImageSets) -> Seeded:
    module = seeded_network(NETWORK, fit(NETWORK, images.statistics.images))
    with torch.inference_mode():
        logits = module(torch.from_numpy(images.evaluation.images)).numpy()
    return Seeded(module, logits)


def norms(module: torch.nn.Module) -> dict[str, BatchNorm2d]:
    """The batch norms by name."""
    return {name: one for name, one in module.named_modules() if isinstance(one, BatchNorm2d)}


def test_another_process_draws_the_same_weights_bit_for_bit(
    seeded: Seeded, images: ImageSets, tmp_path: Path
) -> None:
    np.save(tmp_path / "scenes.npy", images.statistics.images)
    program = [sys.executable, str(Path(__file__).with_name("seeded_digest.py"))]
    environment = {"PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "2", "PATH": ""}
    there = subprocess.run(
        [*program, NETWORK, str(tmp_path / "scenes.npy")],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert there.stdout.strip() == digest(seeded.module)


def test_a_single_bit_changes_the_digest(seeded: Seeded) -> None:
    bias = dict(tensors(seeded.module))["fc.bias"]
    before, kept = digest(seeded.module), bias[0]
    bias[0] = np.nextafter(kept, np.float32(np.inf))
    changed = digest(seeded.module)
    bias[0] = kept
    assert (changed != before, digest(seeded.module) == before) == (True, True)


def dead(module: torch.nn.Module) -> set[str]:
    """Batch norms that multiply a channel by nothing, or nearly."""
    return {name for name, norm in norms(module).items() if float(norm.weight.abs().min()) < 0.01}


def narrow_share(logits: Floats) -> float:
    """Share of images whose best class leads the second by little."""
    second, first = np.partition(logits, -2, axis=1)[:, -2:].T
    return float(np.mean(first - second < NARROW))


def test_no_batch_norm_multiplies_by_zero(seeded: Seeded) -> None:
    assert dead(seeded.module) == set()


def test_channels_are_of_unequal_strength(seeded: Seeded) -> None:
    weights = norms(seeded.module)["layer3.0.bn2"].weight.log()
    assert 0.15 < float(weights.std()) < 0.4


def misfits(module: torch.nn.Module, images: Floats) -> set[str]:
    """Batch norms whose variance is far from that of what really reaches them."""
    found: set[str] = set()

    def look(name: str, norm: BatchNorm2d, inputs: tuple[torch.Tensor, ...]) -> None:
        ratio = float(inputs[0].var(dim=(0, 2, 3)).mean() / norm.running_var.mean())
        if not 1 / FIT < ratio < FIT:
            found.add(name)

    hooks = [
        norm.register_forward_pre_hook(lambda norm, inputs, name=name: look(name, norm, inputs))
        for name, norm in norms(module).items()
    ]
    with torch.inference_mode():
        module(torch.from_numpy(images))
    for hook in hooks:
        hook.remove()
    return found


def test_statistics_fit_images_they_were_not_taken_from(seeded: Seeded, images: ImageSets) -> None:
    assert misfits(seeded.module, images.evaluation.images[:4]) == set()


def test_statistics_that_do_not_fit_are_noticed(seeded: Seeded, images: ImageSets) -> None:
    norm = norms(seeded.module)["layer2.0.bn2"]
    kept = norm.running_var.clone()
    norm.running_var.mul_(10)
    found = misfits(seeded.module, images.evaluation.images[:2])
    norm.running_var.copy_(kept)
    assert "layer2.0.bn2" in found


def test_images_are_told_apart(seeded: Seeded) -> None:
    assert len(set(seeded.logits.argmax(axis=1))) >= FEWEST_ANSWERS


def test_rows_of_one_network_are_fitted_once(seeded: Seeded, tmp_path: Path) -> None:
    catalogue = read_catalogue()
    settings = Settings(EXPECTED / "build" / "embedded.yaml", store=tmp_path)
    found = []
    for source in ("timm", "ppcls"):
        row = catalogue.one(f"resnext/{source}/{NETWORK}")
        with make_worker() as worker:
            pipeline = Pipeline(settings, worker)
            network = pipeline.fitted(pipeline.spec(row.variant, row.size))
            assert isinstance(network, LazyArtifact)
            entry, spec = network.opened()
            found.append((entry.file(FITTED).stat().st_ino, worker.pid is not None))
    assert found == [(found[0][0], True), (found[0][0], False)]
    again = seeded_network(NETWORK, load_file(spec.weights.path))
    assert digest(again) == digest(seeded.module)


def test_a_good_share_is_decided_narrowly(seeded: Seeded) -> None:
    assert 0.25 <= narrow_share(seeded.logits) <= 0.95


def test_the_librarys_own_initial_weights_would_be_noticed(images: ImageSets) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = timm.create_model(NETWORK, pretrained=False).eval().requires_grad_(False)
    with torch.inference_mode():
        logits = module(torch.from_numpy(images.evaluation.images[:8])).numpy()
    assert "layer4.2.bn3" in dead(module)
    assert len(set(logits.argmax(axis=1))) < FEWEST_ANSWERS / 2
    assert narrow_share(logits) == 1.0


def test_another_network_has_other_weights(seeded: Seeded, images: ImageSets) -> None:
    name = "resnext50_vd_32x4d"
    other = seeded_network(name, fit(name, images.statistics.images))
    ours, theirs = dict(tensors(seeded.module)), dict(tensors(other))
    same = [
        name
        for name in ours.keys() & theirs.keys()
        if ours[name].shape == theirs[name].shape and np.array_equal(ours[name], theirs[name])
    ]
    assert same == []


def test_another_kind_of_network_is_refused_by_name(images: ImageSets) -> None:
    with pytest.raises(BuildError, match="no reference network 'resnet50', expected one as resnex"):
        fit("resnet50", images.statistics.images)


def test_what_was_fitted_for_another_network_is_refused(images: ImageSets) -> None:
    fitted = fit("resnext50_vd_32x4d", images.statistics.images)
    with pytest.raises(BuildError, match=f"what was fitted is not of {NETWORK}: other names or"):
        seeded_network(NETWORK, fitted)


def test_one_scene_has_no_statistics(images: ImageSets) -> None:
    with pytest.raises(BuildError, match="1 scenes cannot give statistics, at least two"):
        fit(NETWORK, images.statistics.images[:1])
