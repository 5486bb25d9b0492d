"""Answers to the vendor's result files and back: by class id, never by name."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

import pyarrow as pa

from harness.accuracy.identity import Identity
from harness.accuracy.order import Order
from harness.accuracy.predictions import RANKS, SCHEMA, Predictions
from harness.accuracy.vendor_results.evaluation import true_class
from harness.accuracy.vendor_results.files import Result, read_results, write_results
from harness.accuracy.vendor_results.lines import Guess
from harness.errors import MeasureError
from harness.images.datasets import validation_gap
from harness.images.datasets.layouts import SUFFIX


def write_vendor_file(
    path: Path, answers: Predictions, *, synsets: Sequence[str], labels: Sequence[str]
) -> None:
    """Write scored answers as a result file.

    An image is called ``<synset>/<file>``, whichever layout it came from, as the right class is
    the folder's.

    Args:
        synsets: in class order.
        labels: what each class is called.

    Raises:
        MeasureError: outputs that are no numbers, a class beyond ``labels``, two images that would
            be called alike, or see :func:`harness.accuracy.vendor_results.files.write_results`.
        HarnessError: the file cannot be written.
    """
    scored = answers.scored()
    ranking = scored.ranking
    if len(scored) and max(ranking.ids.max(), scored.labels.max()) >= min(
        len(labels), len(synsets)
    ):
        raise MeasureError(f"a class beyond the {len(labels)} labels and {len(synsets)} synsets")
    results = [
        Result(
            f"{synsets[label]}/{PurePosixPath(file).name}",
            tuple(
                Guess(class_id, score, labels[class_id])
                for class_id, score in zip(ids, scores, strict=True)
            ),
        )
        for file, label, ids, scores in zip(
            scored.files,
            scored.labels.tolist(),
            ranking.ids.tolist(),
            ranking.probabilities.tolist(),
            strict=True,
        )
    ]
    write_results(path, results, ranks=RANKS)


def read_vendor_file(
    path: Path, *, row: str, precision: str, synsets: Mapping[str, int]
) -> Predictions:
    """Answers from a result file, whoever wrote it; the right class is the image's folder.

    Images stand in order of their names. They are the validation set's if names and classes are,
    whatever the files end in: a device is given ``.npz`` for each ``.JPEG``.

    Raises:
        MeasureError: see :func:`harness.accuracy.vendor_results.files.read_results`; or a folder
            is no synset, or a class id is none of the list.
    """
    results = sorted(read_results(path, ranks=RANKS), key=lambda result: result.image)
    labels = [true_class(result.image, synsets, case=str(path)) for result in results]
    ids = [[guess.class_id for guess in result.guesses] for result in results]
    for result, named in zip(results, ids, strict=True):
        if max(named) >= len(synsets):
            raise MeasureError(
                f"{path}: {result.image!r} has class {max(named)}, expected 0 to {len(synsets) - 1}"
            )
    names = [PurePosixPath(result.image) for result in results]
    columns = {
        "position": list(range(len(results))),
        "file": [f"{name.parent.name}/{name.name}" for name in names],
        "sha256": [""] * len(results),
        "label": labels,
        "bad": [None] * len(results),
        "finite": [True] * len(results),
        "top5_ids": ids,
        "top5_scores": [[guess.score for guess in result.guesses] for result in results],
        "margin": [None] * len(results),
        "hit1": [label == named[0] for label, named in zip(labels, ids, strict=True)],
        "hit5": [label in named for label, named in zip(labels, ids, strict=True)],
    }
    arrays = [pa.array(columns[field.name], field.type) for field in SCHEMA]
    identity = Identity(
        row=row,
        precision=precision,
        model="",
        pipeline="",
        tensors="",
        dataset=hashlib.sha256(repr(list(zip(names, labels, strict=True))).encode()).hexdigest(),
        images=len(results),
        gap=validation_gap(
            (name.with_suffix(SUFFIX).name, label)
            for name, label in zip(names, labels, strict=True)
        ),
        order=Order.BY_CLASS,
        seed=0,
        batch=0,
        tools={},
    )
    return Predictions(identity, pa.Table.from_arrays(arrays, schema=SCHEMA))
