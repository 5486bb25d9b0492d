"""Sets of images, each for one purpose, none in two of them.

A network that is judged on images it was calibrated on is judged too kindly.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from harness.errors import CalibrationError
from harness.expected.buildconfig import BuildConfig
from harness.images.preprocessing import Floats, preprocess_many
from harness.images.scenes import scenes

STATISTICS_IMAGES = 8
"""Images that seeded weights are fitted to."""

EVALUATION_IMAGES = 16
"""Images that backends are compared on."""

_STATISTICS_SEED, _CALIBRATION_SEED, _EVALUATION_SEED = 1, 2, 3


@dataclass(frozen=True, slots=True, eq=False)
class PreprocessedImages:
    """Preprocessed images, float32 (n, 3, height, width), and in words where they are from."""

    images: Floats
    origin: str

    @property
    def digest(self) -> str:
        """SHA-256 over shape and values, in hexadecimal."""
        whole = hashlib.sha256(f"{self.images.dtype.str} {self.images.shape}".encode())
        whole.update(self.images.tobytes())
        return whole.hexdigest()


@dataclass(frozen=True, slots=True)
class ImageSets:
    """What a build is calibrated on, judged on, and what seeded weights are fitted to.

    Raises:
        CalibrationError: two images are equal to the last bit, within a set or across sets.
    """

    calibration: PreprocessedImages
    evaluation: PreprocessedImages
    statistics: PreprocessedImages

    def __post_init__(self) -> None:
        _require_distinct({name: getattr(self, name) for name in self.__slots__})


def embedded_sets(config: BuildConfig) -> ImageSets:
    """Draw synthetic scenes and preprocess them as a build config says.

    Drawing takes about 35 ms a scene.

    Raises:
        CalibrationError: the scenes are smaller than the config's crop.
        ExpectationError: the config says nothing about images.
    """
    return ImageSets(
        calibration=_drawn(config, config.calibration_images, seed=_CALIBRATION_SEED),
        evaluation=_drawn(config, EVALUATION_IMAGES, seed=_EVALUATION_SEED),
        statistics=_drawn(config, STATISTICS_IMAGES, seed=_STATISTICS_SEED),
    )


def _drawn(config: BuildConfig, count: int, *, seed: int) -> PreprocessedImages:
    images = preprocess_many(scenes(count, seed=seed), config.process_ops)
    return PreprocessedImages(images, f"{count} scenes of seed {seed}")


def _require_distinct(sets: Mapping[str, PreprocessedImages]) -> None:
    seen: dict[bytes, str] = {}
    for name, one in sets.items():
        for index, image in enumerate(one.images):
            place = f"{name}[{index}]"
            first = seen.setdefault(hashlib.sha256(image.tobytes()).digest(), place)
            if first != place:
                raise CalibrationError(
                    f"{place} is the same image as {first}, expected no image twice ({one.origin})"
                )
