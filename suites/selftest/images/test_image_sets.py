"""No image serves two purposes, and a set is known by its values."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harness.errors import CalibrationError
from harness.expected.buildconfig import BuildConfig, read_build_config
from harness.images import sets
from harness.images.sets import ImageSets, PreprocessedImages, embedded_sets


def _set(*levels: int) -> PreprocessedImages:
    images = [np.full((3, 2, 2), level, np.float32) for level in levels]
    return PreprocessedImages(np.stack(images), "made up")


@pytest.fixture(scope="module")
def config(embedded: Path) -> BuildConfig:
    return read_build_config(embedded)


@pytest.fixture(scope="module")
def embedded_images(config: BuildConfig) -> ImageSets:
    return embedded_sets(config)


def test_embedded_sets_are_as_large_as_configured(embedded_images: ImageSets) -> None:
    assert embedded_images.calibration.images.shape == (8, 3, 224, 224)
    assert embedded_images.evaluation.images.shape == (16, 3, 224, 224)
    assert embedded_images.statistics.images.shape == (8, 3, 224, 224)


def test_embedded_sets_look_normalized(embedded_images: ImageSets) -> None:
    images = embedded_images.calibration.images
    assert images.dtype == np.float32
    assert abs(float(images.mean())) < 1
    assert 0.5 < float(images.std()) < 1.5


def test_embedded_sets_are_the_same_every_time(
    config: BuildConfig, embedded_images: ImageSets
) -> None:
    again = sets._drawn(config, 8, seed=sets._CALIBRATION_SEED)
    assert again.digest == embedded_images.calibration.digest
    assert again.digest != embedded_images.statistics.digest


@pytest.mark.shows(
    "calibration saw the evaluation images", by="sets are compared image by image; files by content"
)
def test_overlap_of_calibration_and_evaluation_is_refused() -> None:
    with pytest.raises(
        CalibrationError, match=r"evaluation\[1\] is the same image as calibration\[2\]"
    ):
        ImageSets(calibration=_set(1, 2, 3), evaluation=_set(4, 3), statistics=_set(5))


def test_overlap_with_statistics_is_refused() -> None:
    with pytest.raises(CalibrationError, match=r"statistics\[0\] is the same image as evaluation"):
        ImageSets(calibration=_set(1), evaluation=_set(2), statistics=_set(2))


def test_image_twice_in_one_set_is_refused() -> None:
    with pytest.raises(CalibrationError, match=r"calibration\[1\] is the same image as calibra"):
        ImageSets(calibration=_set(1, 1), evaluation=_set(2), statistics=_set(3))


def test_seeds_that_coincide_are_noticed(
    config: BuildConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sets, "_EVALUATION_SEED", sets._CALIBRATION_SEED)
    monkeypatch.setattr(sets, "EVALUATION_IMAGES", 1)
    monkeypatch.setattr(sets, "STATISTICS_IMAGES", 1)
    with pytest.raises(CalibrationError, match=r"evaluation\[0\] is the same image as calibratio"):
        embedded_sets(config)


def test_digest_is_of_values_and_shape() -> None:
    one = _set(1, 2)
    assert one.digest == PreprocessedImages(one.images.copy(), "elsewhere").digest
    assert one.digest != _set(2, 1).digest
    assert one.digest != PreprocessedImages(one.images.reshape(2, 3, 4, 1), "made up").digest
