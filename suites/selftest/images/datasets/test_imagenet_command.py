"""``imagenet`` from a shell."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from harness.cli import imagenet as imagenet_command
from harness.errors import CalibrationError
from harness.images.datasets import read_datalist

Command = Callable[..., tuple[int, str]]


@pytest.fixture
def command(synset_file: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    parser = argparse.ArgumentParser()
    imagenet_command.add_parser(parser.add_subparsers())

    def run(action: str, *arguments: object) -> tuple[int, str]:
        words = ["imagenet", action, "--synsets", str(synset_file), *map(str, arguments)]
        args = parser.parse_args(words)
        return args.run(args), capsys.readouterr().out

    return run


def test_prepare_says_what_was_made(command: Command, page_layout: Path, tmp_path: Path) -> None:
    assert command("prepare", page_layout, tmp_path / "out")[1].endswith(
        "out: 6 files made, 0 were there\n"
    )
    assert "0 files made, 6" in command("prepare", page_layout, tmp_path / "out", "--link")[1]


def test_check_exits_with_1_where_anything_is_wrong(command: Command, page_layout: Path) -> None:
    code, text = command("check", page_layout, "--jobs", 1)
    assert code == 1
    assert "6 images, not the validation set: 6 of 50000 images\n" in text
    assert "faults: 1 not the validation set\n" in text
    (page_layout / "val/a.JPEG").write_bytes(b"")
    assert (
        "a.JPEG: unreadable: is empty, expected an image\n"
        in command("check", page_layout, "--subset")[1]
    )


def test_check_of_a_sound_subset_exits_with_0(command: Command, page_layout: Path) -> None:
    code, text = command("check", page_layout, "--subset", "--headers")
    assert code == 0
    assert "faults: none\n" in text


def test_labels_that_no_name_shows_are_said_to_be_unchecked(
    command: Command, page_layout: Path
) -> None:
    text = command("check", page_layout, "--subset", "--headers")[1]
    assert text.endswith(
        "the labels of 6 images were not checked, since their names are none of the validation "
        "set: --with-model ROW --weights DIR looks at a sample\n"
    )


def test_a_turned_photograph_is_told_and_no_fault(command: Command, page_layout: Path) -> None:
    photograph = page_layout / "val/e.JPEG"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.open(photograph).save(photograph, "JPEG", exif=exif)
    code, text = command("check", page_layout, "--subset")
    assert code == 0
    assert "e.JPEG: EXIF turns it: OpenCV applies that and Pillow does not" in text
    assert "faults: none; EXIF turns 1 of the images\n" in text


def test_calibration_is_written_verified_and_kept_apart(
    command: Command, folders: Callable[..., Path], page_layout: Path, tmp_path: Path
) -> None:
    pool, manifest = folders(tmp_path / "pool"), tmp_path / "calibration.toml"
    text = command("calibration", pool, "--out", manifest, "--count", 4)[1]
    assert text.endswith("4 images of 3 classes\n")
    assert "4 images" in command("calibration", pool, "--verify", manifest)[1]
    command("calibration", pool, "--verify", manifest, "--apart-from", page_layout)
    with pytest.raises(CalibrationError, match="4 images are calibrated and judged on"):
        command("calibration", pool, "--verify", manifest, "--apart-from", pool)


def test_npz_writes_files_and_their_list(
    command: Command, page_layout: Path, tmp_path: Path
) -> None:
    datalist = tmp_path / "list.txt"
    code, text = command("npz", page_layout, tmp_path / "npz", "--datalist", datalist)
    assert (code, text) == (0, f"{datalist}: 6 files\n")
    assert all(path.is_file() for path in read_datalist(datalist))


def test_count_has_to_be_a_number(command: Command, tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        command("calibration", tmp_path, "--out", tmp_path / "a.toml", "--count", 0)
