"""Conversion into folders: whole files only, continued where it stopped, nothing ever lost."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from small_datasets import SYNSETS, jpeg

from harness.errors import HarnessError
from harness.images.datasets import open_dataset, preparing
from harness.images.datasets.preparing import PreparedFiles, prepare


def content(root: Path) -> dict[str, bytes]:
    files = (path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in files}


@pytest.mark.parametrize("link", [False, True], ids=["copy", "link"])
def test_every_image_lands_in_its_synset(page_layout: Path, tmp_path: Path, link: bool) -> None:
    before = content(page_layout)
    assert prepare(page_layout, tmp_path / "out", synsets=SYNSETS, link=link) == PreparedFiles(6, 0)
    found = open_dataset(tmp_path / "out", synsets=SYNSETS)
    assert {(i.file, i.class_id): i.path.read_bytes() for i in found.images} == {
        (f"{name}.JPEG", place % 3): jpeg(place) for place, name in enumerate("abcdef")
    }
    assert content(page_layout) == before
    assert found.images[0].path.samefile(page_layout / "val/a.JPEG") == link


def test_interrupted_run_is_continued(
    page_layout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, data: bytes) -> None:
        if path.name == "d.JPEG":
            raise HarnessError("no space left on device")
        path.write_bytes(data)

    monkeypatch.setattr(preparing, "write_bytes", full)
    with pytest.raises(HarnessError, match="no space"):
        prepare(page_layout, tmp_path / "out", synsets=SYNSETS)
    monkeypatch.undo()
    assert prepare(page_layout, tmp_path / "out", synsets=SYNSETS) == PreparedFiles(made=3, kept=3)
    assert prepare(page_layout, tmp_path / "out", synsets=SYNSETS) == PreparedFiles(made=0, kept=6)


def test_what_is_there_is_never_overwritten(page_layout: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for file in (f"{SYNSETS[0]}/a.JPEG", f"{SYNSETS[2]}/f.JPEG"):
        (out / file).parent.mkdir(parents=True)
        (out / file).write_bytes(b"mine")
    before = content(out)
    with pytest.raises(HarnessError, match=r"nothing was written.*\n.*a\.JPEG.*\n.*f\.JPEG"):
        prepare(page_layout, out, synsets=SYNSETS)
    assert content(out) == before


def test_a_file_that_only_looks_the_same_is_a_conflict(page_layout: Path, tmp_path: Path) -> None:
    original, place = page_layout / "val/a.JPEG", tmp_path / "out" / SYNSETS[0] / "a.JPEG"
    prepare(page_layout, tmp_path / "out", synsets=SYNSETS)
    times = (original.stat().st_atime_ns, original.stat().st_mtime_ns)
    place.write_bytes(bytes(len(original.read_bytes())))
    os.utime(place, ns=times)
    with pytest.raises(HarnessError, match=r"a\.JPEG: already there with other content"):
        prepare(page_layout, tmp_path / "out", synsets=SYNSETS)


def test_faulty_source_is_refused_before_anything_is_written(
    page_layout: Path, tmp_path: Path
) -> None:
    (page_layout / "val/c.JPEG").unlink()
    with pytest.raises(HarnessError, match=r"c\.JPEG: missing"):
        prepare(page_layout, tmp_path / "out", synsets=SYNSETS)
    assert not (tmp_path / "out").exists()


def test_target_within_the_images_is_refused(page_layout: Path) -> None:
    with pytest.raises(HarnessError, match="lies within"):
        prepare(page_layout, page_layout / "val/folders", synsets=SYNSETS)


def test_folders_are_not_converted_again(page_layout: Path, tmp_path: Path) -> None:
    prepare(page_layout, tmp_path / "out", synsets=SYNSETS)
    with pytest.raises(HarnessError, match="already"):
        prepare(tmp_path / "out", tmp_path / "again", synsets=SYNSETS)
