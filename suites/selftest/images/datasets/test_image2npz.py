"""npz files and datalists are the vendor's, to the byte, and survive odd paths."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from small_datasets import SYNSETS, jpeg

from harness.errors import HarnessError, MissingDataset
from harness.images.datasets import npz, open_dataset, read_datalist, read_npz
from harness.images.datasets.image2npz import image2npz, image_planes
from harness.images.datasets.npz import line_problem, write_datalist, write_npz


def vendor_bytes(path: Path) -> bytes:
    """What the vendor's tool writes for an image, step by step as it does it."""
    levels = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB).transpose(2, 0, 1)
    file = io.BytesIO()
    np.savez(file, input_0=levels)
    return file.getvalue()


def packed(root: Path, target: Path) -> tuple[Path, ...]:
    images = open_dataset(root, synsets=SYNSETS).images
    return image2npz(images, target / "npz", target / "list.txt", synsets=SYNSETS)


def test_files_are_the_vendors_to_the_byte(folders: Callable[..., Path], tmp_path: Path) -> None:
    root = folders(tmp_path / "set")
    for file in packed(root, tmp_path):
        image = root / file.parent.name / f"{file.stem}.JPEG"
        assert file.read_bytes() == vendor_bytes(image)
        assert read_npz(file).shape == (3, 16, 24)


def test_real_photographs_are_the_vendors_to_the_byte(shared: Path, tmp_path: Path) -> None:
    for path in sorted((shared / "imagenet-calib-1000").glob("*/*.JPEG"))[::100]:
        write_npz(tmp_path / "one.npz", image_planes(path))
        assert (tmp_path / "one.npz").read_bytes() == vendor_bytes(path)


def test_orientation_is_applied_as_the_vendor_does(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: turn by 90°
    Image.open(io.BytesIO(jpeg(1))).save(tmp_path / "turned.JPEG", exif=exif)
    assert image_planes(tmp_path / "turned.JPEG").shape == (3, 24, 16)


def test_page_layout_goes_into_synsets_in_order_of_the_list(
    page_layout: Path, tmp_path: Path
) -> None:
    files = packed(page_layout, tmp_path)
    assert [f"{file.parent.name}/{file.name}" for file in files] == [
        f"{SYNSETS[place % 3]}/{name}.npz" for place, name in enumerate("abcdef")
    ]
    assert read_datalist(tmp_path / "list.txt") == files
    assert (tmp_path / "list.txt").read_text() == "".join(f"{file}\n" for file in files)


@pytest.mark.parametrize("folder", ["a b", "c:d", "Bär 日本", "e\u2028f", " g ", "#%[h]"])
def test_odd_paths_survive(page_layout: Path, tmp_path: Path, folder: str) -> None:
    target = tmp_path / folder
    files = packed(page_layout, target)
    assert read_datalist(target / "list.txt") == files
    assert [read_npz(file).tobytes() for file in files] == [
        image_planes(page_layout / f"val/{name}.JPEG").tobytes() for name in "abcdef"
    ]


@pytest.mark.parametrize("folder", ["a\nb", "a\rb", os.fsdecode(b"a\xff")])
def test_paths_that_fit_no_line_are_refused_before_anything_is_written(
    page_layout: Path, tmp_path: Path, folder: str
) -> None:
    with pytest.raises(HarnessError, match="no npz file was written"):
        packed(page_layout, tmp_path / folder)
    assert not (tmp_path / folder).exists()


def test_images_that_would_share_a_file_are_refused(page_layout: Path, tmp_path: Path) -> None:
    shutil.copy(page_layout / "val/a.JPEG", page_layout / "val/a.JPG")
    with open(page_layout / "val_label.txt", "r+") as file:
        text = file.read()
        file.seek(0)
        file.write(text.replace("a.JPEG 0\n", "a.JPEG 0\na.JPG 0\n"))
    with pytest.raises(HarnessError, match=r"a\.JPG: duplicated: .*as would .*a\.JPEG"):
        packed(page_layout, tmp_path)


def test_damaged_image_is_refused_and_no_list_written(page_layout: Path, tmp_path: Path) -> None:
    (page_layout / "val/c.JPEG").write_bytes(jpeg(2)[:-200])
    assert cv2.imread(str(page_layout / "val/c.JPEG")) is not None  # grey from there on
    with pytest.raises(HarnessError, match=r"c\.JPEG: damaged: image file is truncated"):
        packed(page_layout, tmp_path)
    assert not (tmp_path / "list.txt").exists()


lines = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n\r\0"), max_size=20)


@settings(derandomize=True, max_examples=50, deadline=None)
@given(names=st.lists(lines, unique=True, max_size=5))
def test_datalist_survives_a_round_trip(
    tmp_path_factory: pytest.TempPathFactory, names: list[str]
) -> None:
    path = tmp_path_factory.getbasetemp() / "round_trip.txt"
    files = tuple(dict.fromkeys(Path(f"/data/{name}.npz") for name in names))
    write_datalist(path, files)
    assert read_datalist(path) == files


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("/a.npz\nb.npz\n", ":2: 'b.npz' is not absolute"),
        ("/a.npz\n\n", ":2: '' is not absolute"),
        ("/a.npz\r\n", ":1: .* holds a line break"),
        ("/a.jpg\n", ":1: .* does not end in .npz"),
        ("/a.npz\n/a.npz\n", ":2: /a.npz also stands on line 1"),
    ],
)
def test_malformed_datalist_is_refused_by_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "list.txt"
    path.write_bytes(text.encode())
    with pytest.raises(HarnessError, match=said):
        read_datalist(path)


def test_line_breaks_cannot_be_written(tmp_path: Path) -> None:
    assert line_problem("/a\nb.npz") == "holds a line break"
    with pytest.raises(HarnessError, match="holds a line break"):
        write_datalist(tmp_path / "list.txt", [Path("/a\nb.npz")])


IMAGE = np.zeros((3, 2, 2), np.uint8)


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"image": IMAGE}, "holds image.npy, expected input_0"),
        ({"input_0": IMAGE, "input_1": IMAGE}, "holds input_0.npy, input_1.npy"),
        ({"input_0": IMAGE.astype(np.float32)}, "input_0 is float32"),
        ({"input_0": IMAGE.transpose(1, 2, 0)}, r"input_0 is uint8 \(2, 2, 3\)"),
        ({"input_0": np.array([None])}, "cannot read"),
    ],
    ids=["key", "two", "dtype", "hwc", "pickled"],
)
def test_other_npz_files_are_refused(
    tmp_path: Path, arrays: dict[str, np.ndarray], said: str
) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, **arrays)
    with pytest.raises(HarnessError, match=said):
        read_npz(path)


def test_npz_larger_than_any_image_is_not_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(npz, "PILLOWS_PIXELS", 100)
    np.savez_compressed(tmp_path / "a.npz", input_0=np.zeros((3, 100, 100), np.uint8))
    with pytest.raises(HarnessError, match="input_0 has 30,128 bytes, expected at most 4,396"):
        read_npz(tmp_path / "a.npz")


def test_damaged_npz_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    write_npz(path, IMAGE)
    whole = path.read_bytes()
    for data in (b"", whole[:100], whole[:140] + b"\1" + whole[141:]):
        path.write_bytes(data)
        with pytest.raises(HarnessError, match="cannot read"):
            read_npz(path)
    with pytest.raises(MissingDataset, match="does not exist"):
        read_npz(tmp_path / "absent.npz")
