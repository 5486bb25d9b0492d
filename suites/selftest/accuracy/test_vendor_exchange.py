"""Answers as the vendor's result file and back: the same hits, by class id."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny_evaluation import CLASSES, answered

from harness.accuracy.judging import paired
from harness.accuracy.vendor_files import read_vendor_file, write_vendor_file
from harness.errors import MeasureError

SYNSETS = tuple(f"n{number:08}" for number in range(CLASSES))
LABELS = ("crane",) * CLASSES
IDS = {synset: place for place, synset in enumerate(SYNSETS)}


def test_hits_survive_the_exchange(tmp_path: Path) -> None:
    answers = answered(tmp_path)
    path = tmp_path / "results.txt"
    write_vendor_file(path, answers, synsets=SYNSETS, labels=LABELS)
    back = read_vendor_file(path, row="zoo/tiny/linear", precision="int8", synsets=IDS)
    ours = dict(zip(answers.files, answers.hit1.tolist(), strict=True))
    theirs = dict(zip((name.split("/")[1] for name in back.files), back.hit1, strict=True))
    assert theirs == ours
    assert back.hit5.sum() == answers.hit5.sum()
    assert "not the validation set" in back.identity.gap


def test_two_files_of_the_same_images_can_be_paired(tmp_path: Path) -> None:
    path = tmp_path / "results.txt"
    write_vendor_file(path, answered(tmp_path), synsets=SYNSETS, labels=LABELS)
    halves = [
        read_vendor_file(path, row="row", precision=precision, synsets=IDS)
        for precision in ("fp32", "int8")
    ]
    ours, theirs = paired(*halves)
    assert np.array_equal(ours.hit1, theirs.hit1)


def test_a_file_with_other_images_cannot(tmp_path: Path) -> None:
    answers, path = answered(tmp_path), tmp_path / "results.txt"
    write_vendor_file(path, answers, synsets=SYNSETS, labels=LABELS)
    fp32 = read_vendor_file(path, row="row", precision="fp32", synsets=IDS)
    write_vendor_file(
        path, replace(answers, table=answers.table.slice(1)), synsets=SYNSETS, labels=LABELS
    )
    int8 = read_vendor_file(path, row="row", precision="int8", synsets=IDS)
    with pytest.raises(MeasureError, match="do not belong together: dataset"):
        paired(fp32, int8)


def test_classes_without_a_label_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MeasureError, match="a class beyond the 3 labels and 10 synsets"):
        write_vendor_file(
            tmp_path / "r.txt", answered(tmp_path), synsets=SYNSETS, labels=LABELS[:3]
        )
    write_vendor_file(tmp_path / "r.txt", answered(tmp_path), synsets=SYNSETS, labels=LABELS)
    fewer = {synset: place for synset, place in IDS.items() if place < 3}
    with pytest.raises(MeasureError, match="lies in the folder"):
        read_vendor_file(tmp_path / "r.txt", row="row", precision="int8", synsets=fewer)
