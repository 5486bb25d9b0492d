"""The table of answers: one row an image, whatever came of it.

``position``     place in the order of evaluation, of the whole set
``file``         path relative to the set, ``sha256`` of its content
``label``        the right class
``bad``          why the file has no tensor; null where it has one
``finite``       whether all outputs are numbers; null where the file is bad
``top5_ids``     the most probable classes, the most probable one first; empty unless ``finite``
``top5_scores``  their probabilities
``margin``       the largest output minus the second largest, before any softmax
``hit1``         whether the right class is first; ``hit5``: whether it is among the five

A hit is null wherever there is no answer: never false, and never left out without a trace.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from harness.accuracy.identity import Identity
from harness.errors import MeasureError
from harness.images.datasets import LabelledImage
from harness.judging.logits import LARGEST
from harness.judging.postprocessing.ranking import Ranking, top_k

RANKS: Final = 5

SCHEMA: Final = pa.schema(
    [
        pa.field("position", pa.int64(), nullable=False),
        pa.field("file", pa.string(), nullable=False),
        pa.field("sha256", pa.string(), nullable=False),
        pa.field("label", pa.int32(), nullable=False),
        pa.field("bad", pa.string()),
        pa.field("finite", pa.bool_()),
        pa.field("top5_ids", pa.list_(pa.int32()), nullable=False),
        pa.field("top5_scores", pa.list_(pa.float32()), nullable=False),
        pa.field("margin", pa.float32()),
        pa.field("hit1", pa.bool_()),
        pa.field("hit5", pa.bool_()),
    ]
)

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Item:
    """An image in its place: ``position`` in the order of the whole set, SHA-256 of its file."""

    position: int
    image: LabelledImage
    sha256: str


@dataclass(frozen=True, slots=True)
class BadFile:
    """A file that has no tensor, and why."""

    file: str
    reason: str

    def __str__(self) -> str:
        return f"{self.file}: {self.reason}"


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """A model's answers, in the order of evaluation.

    Attributes:
        identity: what they depend on.
        table: of :data:`SCHEMA`, positions rising.
    """

    identity: Identity
    table: Any

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def first(self, images: int) -> Predictions:
        """Those among the first images of the order."""
        return Predictions(self.identity, self.table.filter(pc.field("position") < images))

    @property
    def bad(self) -> tuple[BadFile, ...]:
        """The files that were not scored."""
        rows = self.table.filter(pc.field("bad").is_valid())
        return tuple(
            BadFile(file, reason)
            for file, reason in zip(rows["file"].to_pylist(), rows["bad"].to_pylist(), strict=True)
        )

    def scored(self, *, case: str = "") -> Predictions:
        """Those of files that are not bad.

        Raises:
            MeasureError: an image's outputs are no numbers; the first one is named.
        """
        good = self.table.filter(pc.field("bad").is_null())
        require_finite(good, case=case)
        return Predictions(self.identity, good)

    @property
    def files(self) -> list[str]:
        """The images' names."""
        return list(self.table["file"].to_pylist())

    @property
    def labels(self) -> NDArray[np.int64]:
        """Their right classes."""
        return np.asarray(self.table["label"].to_numpy(), np.int64)

    @property
    def hit1(self) -> Bools:
        """Whether the right class came first; of scored images only."""
        return np.asarray(self.table["hit1"].combine_chunks().to_numpy(zero_copy_only=False), bool)

    @property
    def hit5(self) -> Bools:
        """Whether the right class was among the five; of scored images only."""
        return np.asarray(self.table["hit5"].combine_chunks().to_numpy(zero_copy_only=False), bool)

    @property
    def ranking(self) -> Ranking:
        """The five classes of each image and their probabilities; of scored images only."""
        ids = np.array(self.table["top5_ids"].to_pylist(), np.int64).reshape(-1, RANKS)
        scores = np.array(self.table["top5_scores"].to_pylist(), np.float64).reshape(-1, RANKS)
        return Ranking(ids, scores)


def rows(items: Sequence[Item], logits: Floats, bad: Mapping[int, str], *, case: str = "") -> Any:
    """The table of a few images.

    Args:
        items: the images.
        logits: float32 (images that are not bad, classes), in their order.
        bad: why an image has no tensor, by its place among ``items``.

    Raises:
        MeasureError: not as many outputs as images, fewer than five classes, or a label beyond
            them; the image is named.
    """
    good = [place for place in range(len(items)) if place not in bad]
    if logits.ndim != 2 or len(logits) != len(good):
        raise MeasureError(f"outputs {logits.shape} for {len(good)} images", case=case)
    labels = np.array([item.image.class_id for item in items], np.int64)
    beyond = [place for place in good if labels[place] >= logits.shape[1]]
    if beyond:
        image = items[beyond[0]].image
        raise MeasureError(
            f"{image.name} is of class {image.class_id}, the model knows {logits.shape[1]} classes",
            case=case,
        )
    finite: Bools = np.all(np.abs(logits) <= LARGEST, axis=1, keepdims=True)[:, 0]
    columns: dict[str, list[Any]] = {
        "position": [item.position for item in items],
        "file": [item.image.name for item in items],
        "sha256": [item.sha256 for item in items],
        "label": labels.tolist(),
        "bad": [bad.get(place) for place in range(len(items))],
        "top5_ids": [[] for _ in items],
        "top5_scores": [[] for _ in items],
        **{name: [None] * len(items) for name in ("finite", "margin", "hit1", "hit5")},
    }
    for place, whole in zip(good, finite.tolist(), strict=True):
        columns["finite"][place] = whole
    ranked = [place for place, whole in zip(good, finite, strict=True) if whole]
    if ranked:
        _rank(columns, ranked, logits[finite], labels[ranked], case=case)
    arrays = [pa.array(columns[field.name], field.type) for field in SCHEMA]
    return pa.Table.from_arrays(arrays, schema=SCHEMA)


def require_finite(table: Any, *, case: str = "") -> None:
    """Refuse answers that are no numbers: they are neither hits nor misses.

    Raises:
        MeasureError: names the first image, and how many there are.
    """
    if pc.all(table["finite"]).as_py() is False:  # nulls, of bad files, are left out
        broken = table.filter(~pc.field("finite"))
        raise MeasureError(
            f"the outputs for {broken['file'][0].as_py()} are NaN, infinite or beyond float32 "
            f"({broken.num_rows} of {table.num_rows} images have no answer)",
            case=case,
        )


def _rank(
    columns: Mapping[str, list[Any]],
    places: Sequence[int],
    logits: Floats,
    labels: NDArray[np.int64],
    *,
    case: str,
) -> None:
    ranking = top_k(logits, k=RANKS, case=case)
    best = np.take_along_axis(logits.astype(np.float64), ranking.ids[:, :2], axis=1)
    matches = ranking.ids == labels[:, None]
    filled = {
        "top5_ids": ranking.ids.tolist(),
        "top5_scores": ranking.probabilities.tolist(),
        "margin": (best[:, 0] - best[:, 1]).tolist(),
        "hit1": matches[:, 0].tolist(),
        "hit5": matches.any(axis=1).tolist(),
    }
    for name, values in filled.items():
        for place, value in zip(places, values, strict=True):
            columns[name][place] = value
