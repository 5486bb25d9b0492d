"""The validation set is known by its names and labels, and nothing else passes for it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from small_datasets import SYNSETS

from harness.errors import HarnessError, MissingDataset
from harness.images.datasets import imagenet, open_dataset, read_synsets, validation_gap
from harness.images.datasets.labels import scan_labels


def official(shared: Path) -> list[tuple[str, int]]:
    labels, faults = scan_labels(shared / "labels/ILSVRC2012_val_labels.txt")
    assert not faults
    return [(label.file, label.class_id) for label in labels]


def test_official_labels_are_the_validation_set(shared: Path) -> None:
    labels = official(shared)
    assert validation_gap(labels) == ""
    assert validation_gap(reversed(labels)) == ""


@pytest.mark.shows(
    "a subset passes for the validation set", by="names and labels have a known digest"
)
def test_one_other_label_is_not_the_validation_set(shared: Path) -> None:
    (file, class_id), *rest = official(shared)
    assert "other file names or class ids" in validation_gap([(file, class_id + 1), *rest])
    assert validation_gap(rest) == "not the validation set: 49999 of 50000 images"


def test_1300_real_images_are_not_the_validation_set(shared: Path) -> None:
    dataset = open_dataset(shared / "imagenet-val-1300", synsets=read_synsets())
    assert dataset.gap == "not the validation set: 1300 of 50000 images"
    assert set(official(shared)) >= {(image.file, image.class_id) for image in dataset.images}


def test_packed_synsets_are_the_official_ones(shared: Path) -> None:
    path = shared / "labels/imagenet_synsets.txt"
    assert hashlib.sha256(path.read_bytes()).hexdigest() == imagenet.SYNSETS_SHA256
    assert read_synsets() == read_synsets(path)
    assert len(read_synsets()) == imagenet.CLASSES


def test_synsets_that_are_none_are_named_by_line(synset_file: Path, tmp_path: Path) -> None:
    assert read_synsets(synset_file) == SYNSETS
    synset_file.write_text("n01440764\ntench\nn01440764\n")
    with pytest.raises(HarnessError, match=r":2: malformed: 'tench'.*\n.*:3: listed twice"):
        read_synsets(synset_file)
    with pytest.raises(MissingDataset, match="does not exist"):
        read_synsets(tmp_path / "absent.txt")


@pytest.mark.parametrize("name", ["two words.JPEG", "a:b.JPEG", "日本\u2028.JPEG"])
def test_names_of_any_kind_are_read(tmp_path: Path, name: str) -> None:
    path = tmp_path / "val_label.txt"
    path.write_bytes(f"{name} 65\r\n".encode())
    labels, faults = scan_labels(path)
    assert not faults
    assert (labels[0].file, labels[0].class_id) == (name, 65)


@pytest.mark.parametrize("line", ["", "a.JPEG", "a.JPEG 1.0", "../a.JPEG 1", " a.JPEG 1", "a\t1"])
def test_other_lines_are_malformed(tmp_path: Path, line: str) -> None:
    path = tmp_path / "val_label.txt"
    path.write_text(f"{line}\n")
    labels, faults = scan_labels(path)
    assert not labels
    assert str(faults[0]).startswith(f"{path}:1: malformed")
