"""The validator names everything that is wrong, at once, and nothing that is right."""

from __future__ import annotations

import functools
import io
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from small_datasets import SYNSETS, jpeg

from harness.errors import HarnessError, MissingDataset
from harness.images import decoding
from harness.images.datasets import FaultKind, content, open_dataset
from harness.images.datasets.checking import check
from harness.images.datasets.layouts import Layout
from harness.images.decoding import Limits, decode


def kinds(root: Path, **options: bool) -> set[FaultKind]:
    return {fault.kind for fault in check(root, synsets=SYNSETS, subset=True, **options)[1]}


def test_sound_sets_have_no_faults(page_layout: Path, folders: Callable[..., Path]) -> None:
    assert kinds(page_layout) == set()
    assert kinds(folders(page_layout.parent / "folders")) == set()


def test_both_layouts_give_the_same_labels(page_layout: Path, tmp_path: Path) -> None:
    for name, class_id in zip("abcdef", (0, 1, 2, 0, 1, 2), strict=True):
        folder = tmp_path / "val" / SYNSETS[class_id]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.JPEG").write_bytes(jpeg(ord(name)))
    prepared = open_dataset(tmp_path, synsets=SYNSETS)  # as valprep.sh leaves it: within val/
    page = open_dataset(page_layout, synsets=SYNSETS)
    assert (page.layout, prepared.layout) == (Layout.PAGE, Layout.SYNSETS)
    assert {(i.file, i.class_id) for i in page.images} == {
        (i.file, i.class_id) for i in prepared.images
    }


SPOILS: dict[FaultKind, Callable[[Path], object]] = {
    FaultKind.MALFORMED: lambda root: relabel(root, "b.JPEG 1", "b.JPEG one"),
    FaultKind.OUT_OF_RANGE: lambda root: relabel(root, "b.JPEG 1", "b.JPEG 3"),
    FaultKind.OUT_OF_ORDER: lambda root: relabel(root, "a.JPEG 0\nb.JPEG 1", "b.JPEG 1\na.JPEG 0"),
    FaultKind.LISTED_TWICE: lambda root: relabel(root, "b.JPEG 1", "b.JPEG 1\nb.JPEG 2"),
    FaultKind.MISSING: lambda root: (root / "val/c.JPEG").unlink(),
    FaultKind.EXTRA: lambda root: (root / "val/z.JPEG").write_bytes(jpeg(99)),
    FaultKind.UNREADABLE: lambda root: (root / "val/d.JPEG").write_bytes(jpeg(3)[:-200]),
    FaultKind.DUPLICATED: lambda root: (root / "val/d.JPEG").write_bytes(jpeg(0)),
    FaultKind.TWO_CLASSES: lambda root: (root / "val/e.JPEG").write_bytes(jpeg(0)),
    FaultKind.TURNED: lambda root: (root / "val/e.JPEG").write_bytes(turned(jpeg(4))),
    FaultKind.MISLABELLED: lambda root: rename(root, "e.JPEG", "ILSVRC2012_val_00000001.JPEG"),
}


def relabel(root: Path, old: str, new: str) -> None:
    path = root / "val_label.txt"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def turned(photograph: bytes) -> bytes:
    """The same picture, of which EXIF says that the camera lay on its side."""
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.open(io.BytesIO(photograph)).save(file, "JPEG", exif=exif)
    return file.getvalue()


def rename(root: Path, old: str, new: str) -> None:
    (root / "val" / old).rename(root / "val" / new)
    relabel(root, "e.JPEG 1\nf.JPEG 2\n", "f.JPEG 2\n")
    label = root / "val_label.txt"
    label.write_text(f"{new} 1\n" + label.read_text())


@pytest.mark.parametrize("kind", SPOILS, ids=str)
def test_each_fault_is_found(page_layout: Path, kind: FaultKind) -> None:
    SPOILS[kind](page_layout)
    found = kinds(page_layout)
    # a file whose only line cannot be read is not labelled: that is a second fault
    assert found == ({kind, FaultKind.EXTRA} if kind is FaultKind.MALFORMED else {kind})


def test_all_faults_are_named_at_once(page_layout: Path) -> None:
    for kind in (FaultKind.OUT_OF_RANGE, FaultKind.MISSING, FaultKind.EXTRA, FaultKind.UNREADABLE):
        SPOILS[kind](page_layout)
    text = "\n".join(map(str, check(page_layout, synsets=SYNSETS)[1]))
    assert "val_label.txt:2: class id out of range: 3 for b.JPEG, expected 0 to 2" in text
    assert "c.JPEG: missing: named on line 3" in text
    assert "z.JPEG: extra" in text
    assert "d.JPEG: unreadable: damaged: image file is truncated" in text
    assert "not the validation set: 5 of 50000 images" in text


def test_stray_folders_and_files_are_extra(folders: Callable[..., Path], tmp_path: Path) -> None:
    root = folders(tmp_path / "set")
    (root / "n99999999").mkdir()
    (root / SYNSETS[0] / "notes.txt").write_text("")
    faults = check(root, synsets=SYNSETS, subset=True)[1]
    assert {Path(fault.where).name for fault in faults} == {"n99999999", "notes.txt"}
    assert {fault.kind for fault in faults} == {FaultKind.EXTRA}


def test_a_class_without_images_is_named(folders: Callable[..., Path], tmp_path: Path) -> None:
    root = folders(tmp_path / "set", (4, 0, 4))
    (root / SYNSETS[1]).mkdir()
    (fault,) = check(root, synsets=SYNSETS, subset=True)[1]
    assert str(fault) == f"{root / SYNSETS[1]}: a class without images: expected files *.JPEG"


def test_a_name_of_other_bytes_is_named(folders: Callable[..., Path], tmp_path: Path) -> None:
    root = folders(tmp_path / "set")
    odd = os.fsencode(root / SYNSETS[1]) + b"/caf\xe9.JPEG"
    Path(os.fsdecode(odd)).write_bytes(jpeg(9))
    (fault,) = check(root, synsets=SYNSETS, subset=True)[1]
    assert str(fault).endswith("caf\\xe9.JPEG: malformed: its name is not UTF-8")
    str(fault).encode()
    with pytest.raises(HarnessError, match="its name is not UTF-8"):
        open_dataset(root, synsets=SYNSETS)


def test_headers_alone_miss_a_cut_file(page_layout: Path) -> None:
    SPOILS[FaultKind.UNREADABLE](page_layout)
    assert kinds(page_layout, decode=False) == set()


@pytest.mark.parametrize("jobs", [1, 3])
def test_faults_do_not_depend_on_threads(page_layout: Path, jobs: int) -> None:
    SPOILS[FaultKind.DUPLICATED](page_layout)
    fault = check(page_layout, synsets=SYNSETS, subset=True, jobs=jobs)[1][0]
    assert fault.where.endswith("d.JPEG")
    assert fault.text.endswith("a.JPEG")


def picture(form: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, form)
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "damage"),
    [
        (b"", "is empty, expected an image"),
        (b"text", "begins with b'text', expected one of BMP, GIF, JPEG, PNG, PPM, TIFF, WEBP"),
    ],
    ids=["empty", "text"],
)
def test_what_is_no_image_is_said_to_be_none(data: bytes, damage: str) -> None:
    assert content.damage_of(data) == damage


@pytest.mark.parametrize("form", ["PNG", "GIF", "BMP"])
def test_what_is_evaluated_under_a_jpeg_name_is_an_image_here_too(form: str) -> None:
    assert content.damage_of(picture(form)) == ""
    decode(picture(form))


def test_reading_is_bounded(page_layout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = page_layout / "val/a.JPEG"
    decode = functools.partial(decoding.decode, limits=Limits(max_pixels=16 * 24 - 1))
    monkeypatch.setattr(content, "decoded", decode)
    said = "24×16 pixels, expected at most 383 in all"
    assert content.examine([path])[0].damage == said
    monkeypatch.setattr(content, "MAX_BYTES", 100)
    assert content.examine([path])[0].damage == "cannot be read: larger than 100 bytes"


def test_faulty_set_is_not_opened(page_layout: Path) -> None:
    SPOILS[FaultKind.MISSING](page_layout)
    with pytest.raises(HarnessError, match=r"cannot be used.*\n.*c\.JPEG: missing"):
        open_dataset(page_layout, synsets=SYNSETS)


def test_nothing_is_not_a_data_set(tmp_path: Path) -> None:
    for root in (tmp_path, tmp_path / "absent"):
        with pytest.raises(MissingDataset, match="no data set at"):
            open_dataset(root, synsets=SYNSETS)
