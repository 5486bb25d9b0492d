"""Calibration sets: few images, chosen by seed, of which every class has some.

A quantizer that never saw a class sets its ranges without it. A network that is judged on images
it was calibrated on is judged too kindly.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import CalibrationError
from harness.images.datasets.content import examine, sha256_of
from harness.images.datasets.layouts import LabelledImage


@dataclass(frozen=True, slots=True)
class CalibrationImage:
    """An image, and the SHA-256 of its file in hexadecimal."""

    image: LabelledImage
    sha256: str


@dataclass(frozen=True, slots=True)
class CalibrationSet:
    """Chosen images in order of their names, and what they were chosen by."""

    images: tuple[CalibrationImage, ...]
    seed: int
    synsets: tuple[str, ...]

    @property
    def digest(self) -> str:
        """SHA-256 over the images' hashes, in hexadecimal: the identity of the set, for keys."""
        text = "".join(f"{one.sha256}\n" for one in self.images)
        return hashlib.sha256(text.encode()).hexdigest()


def choose(
    images: Iterable[LabelledImage],
    *,
    count: int,
    seed: int,
    synsets: Sequence[str],
    excluding: Collection[str] = (),
) -> CalibrationSet:
    """Choose ``count`` images so that every class has its equal share, as far as it has images.

    The order of preference is that of SHA-256 over seed and file name: the same choice on every
    machine, in both layouts, and hardly another one when images are added. Files of equal content
    are chosen once. Only files that are considered are read.

    Args:
        excluding: SHA-256 of files that must not be chosen, such as those to be judged on.

    Raises:
        CalibrationError: ``count`` is smaller than the number of classes; classes without a usable
            image, which are all named; fewer usable images than ``count``; or chosen files that
            cannot be decoded, which are all named.
        HarnessError: a file cannot be read.
    """
    if count < len(synsets):
        raise CalibrationError(
            f"{count} images cannot cover {len(synsets)} classes, expected at least one of each"
        )
    candidates: dict[int, list[LabelledImage]] = defaultdict(list)
    for image in images:
        candidates[image.class_id].append(image)
    for several in candidates.values():
        several.sort(key=lambda image: _rank(seed, image.file))
    taken = set(excluding)
    queues = [_unseen(candidates[class_id], taken) for class_id in range(len(synsets))]
    turns = deque(sorted(range(len(synsets)), key=lambda class_id: _rank(seed, str(class_id))))
    chosen: list[CalibrationImage] = []
    while turns and len(chosen) < count:
        class_id = turns.popleft()
        if (one := next(queues[class_id], None)) is not None:
            chosen.append(one)
            turns.append(class_id)
    require_covered((one.image for one in chosen), synsets=synsets)
    if len(chosen) < count:
        raise CalibrationError(f"only {len(chosen)} images can be chosen, expected {count}")
    chosen.sort(key=lambda one: one.image)
    _require_decodable([one.image.path for one in chosen])
    return CalibrationSet(tuple(chosen), seed, tuple(synsets))


def require_covered(images: Iterable[LabelledImage], *, synsets: Sequence[str]) -> None:
    """Refuse images of which some class has none.

    Raises:
        CalibrationError: names every such class by id and synset.
    """
    covered = {image.class_id for image in images}
    missing = [f"{i} {synset}" for i, synset in enumerate(synsets) if i not in covered]
    if missing:
        raise CalibrationError(
            f"{len(missing)} of {len(synsets)} classes have no image: {', '.join(missing)}"
        )


def require_disjoint(calibration: CalibrationSet, evaluation: Iterable[LabelledImage]) -> None:
    """Refuse to judge on images whose files have the content of a calibration image.

    Every evaluation file is read, whatever its name.

    Raises:
        CalibrationError: names every such pair.
        HarnessError: a file cannot be read.
    """
    chosen = {one.sha256: one.image.path for one in calibration.images}
    pairs = [
        f"{image.path} is {chosen[sha256]}"
        for image in evaluation
        if (sha256 := sha256_of(image.path)) in chosen
    ]
    if pairs:
        raise CalibrationError(
            f"{len(pairs)} images are calibrated and judged on: " + "; ".join(pairs)
        )


def _unseen(images: Iterable[LabelledImage], taken: set[str]) -> Iterator[CalibrationImage]:
    for image in images:
        sha256 = sha256_of(image.path)
        if sha256 not in taken:
            taken.add(sha256)
            yield CalibrationImage(image, sha256)


def _require_decodable(paths: list[Path]) -> None:
    contents = zip(paths, examine(paths), strict=True)
    damaged = [f"{path}: {content.damage}" for path, content in contents if content.damage]
    if damaged:
        raise CalibrationError(f"{len(damaged)} images are damaged: " + "; ".join(damaged))


def _rank(seed: int, name: str) -> bytes:
    return hashlib.sha256(f"{seed} {name}".encode("utf-8", "surrogateescape")).digest()
