"""Accuracy on the vendor's tools: the same tensors as everywhere, as levels, told apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import vendor_stand_in as tiny

from harness.accuracy.measuring import ModelFile
from harness.backends.backend import Build, Host
from harness.backends.onnxruntime import sessions as onnxruntime
from harness.backends.vendor.backend import MODEL, Vendor
from harness.errors import PreprocessError
from harness.expected.buildconfig import DatasetSection
from harness.images.preprocessing import preprocess_many

Floats = npt.NDArray[np.float32]


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(
        tools=tiny.TOOLS,
        environment=tiny.stand_in().environment,
        cards_folder=tmp_path / "cards",
        card_timeout_s=tiny.LONG_S,
        timeout_s=tiny.LONG_S,
    )


@pytest.fixture(scope="session")
def tensors() -> Floats:
    return preprocess_many([tiny.picture(index) for index in range(5)], tiny.STEPS)


@pytest.fixture
def model_of(
    network: Path, host: Host, tensors: Floats, tmp_path: Path
) -> Callable[..., ModelFile]:
    """The tiny network, compiled in a precision, as accuracy is measured on it."""
    calibration = tmp_path / "calibration.npy"
    np.save(calibration, tensors)
    config = replace(tiny.RECIPE, dataset=DatasetSection("scenes", 5, tiny.STEPS))

    def model(precision: str) -> ModelFile:
        folder = tmp_path / precision
        folder.mkdir()
        build = Build(
            model=network,
            precision=precision,
            config=config,
            calibration=calibration,
        )
        Vendor(host).compile(build, folder)
        return ModelFile("digest", folder / MODEL, precision, "vendor", host, tiny.STEPS)

    return model


@pytest.mark.parametrize(("precision", "least"), [("fp16", 40), ("int8", 10)])
def test_tensors_are_answered_as_the_float_model_answers_them(
    model_of: Callable[..., ModelFile], network: Path, tensors: Floats, precision: str, least: float
) -> None:
    answers = model_of(precision).load(threads=1).session.logits(tensors)
    exact = onnxruntime.OnnxRuntimeSession(network).logits(tensors)
    assert least < tiny.sqnr_db(exact, answers) < 90


def test_what_a_claim_normalizes_otherwise_than_the_device_is_refused(
    model_of: Callable[..., ModelFile], tensors: Floats
) -> None:
    session = model_of("fp16").load(threads=1).session
    with pytest.raises(PreprocessError, match="no levels of 0 to 255"):
        session.logits(tensors * np.float32(0.99))


def test_answers_of_two_backends_are_never_mixed(
    model_of: Callable[..., ModelFile], network: Path
) -> None:
    vendor = model_of("int8").load(threads=1)
    embedded = ModelFile("digest", network).load(threads=1)
    assert "stand-in" in vendor.tools["vamp"]
    assert vendor.tools != embedded.tools
