"""The reference workload is the same everywhere and always, or it says that it is another one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import conv2d, relu

from harness.throughput import reference
from harness.throughput.reference import LAYERS, ReferenceWorkload
from harness.throughput.served import require_apart

DIGEST = "numpy-convolutions-1 1bbb4fb475754d16"


@pytest.fixture
def images(tmp_path: Path) -> np.ndarray:
    return np.load(reference.write_images(tmp_path), allow_pickle=False)


def test_it_is_what_was_accepted() -> None:
    assert reference.identity()["reference"] == DIGEST
    assert reference.identity()["numpy"] == np.__version__
    assert reference.identity()["blas"]


def test_other_layers_are_another_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference, "LAYERS", (*LAYERS[:-1], (128, 64, 2)))
    reference._digest.cache_clear()
    changed: Mapping[str, str] = reference.identity()
    reference._digest.cache_clear()
    assert changed["reference"] != DIGEST


def test_it_is_a_convolutional_network(images: np.ndarray) -> None:
    signal = torch.from_numpy(images[:2])
    *kernels, last = map(torch.from_numpy, reference._weights())
    for kernel, (inputs, outputs, stride) in zip(kernels, LAYERS, strict=True):
        shaped = kernel.reshape(outputs, inputs, 3, 3)
        signal = relu(conv2d(signal, shaped, stride=stride, padding=1))
    expected = (signal.mean(dim=(2, 3)) @ last.T).numpy()
    np.testing.assert_allclose(ReferenceWorkload().logits(images[:2]), expected, atol=1e-5)


def test_it_has_as_many_operations_as_stated() -> None:
    side, operations = reference.SIZE, 0
    for inputs, outputs, stride in LAYERS:
        side //= stride
        operations += inputs * outputs * 9 * side**2
    assert operations / 1e6 == pytest.approx(700, abs=5)


def test_memory_of_the_last_image_changes_no_answer(images: np.ndarray) -> None:
    session = ReferenceWorkload()
    first = session.logits(images[:2])
    session.logits(images[2:4])
    np.testing.assert_array_equal(session.logits(images[:2]), first)


def test_its_answers_tell_images_apart(images: np.ndarray) -> None:
    assert require_apart(ReferenceWorkload().logits(images)).min() > 0.1
