"""Result files are read as they were written, whatever the paths, and malformed ones by no one."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from harness.accuracy.vendor_results.decoding import decode
from harness.accuracy.vendor_results.files import Result, read_results, write_results
from harness.accuracy.vendor_results.lines import Guess, parse_line, render_line
from harness.errors import MeasureError

quiet = settings(max_examples=80, deadline=None, derandomize=True, database=None)

LINE = "/npz/n01440764/a.npz: Relay top-0 id: 7, prob: 0.25000000, class name: cock"

ODD_PATHS = [
    "C:/npz/n01440764/a.npz",
    "/npz/a: b/n01440764/a.npz",
    "/npz with spaces/n01440764/ a .npz",
    "/图像/n01440764/é.npz",
    "/npz/Relay top-0 id: 3/n01440764/a.npz",
    f"/npz/{LINE}/n01440764/a.npz",
    "/npz/n01440764/carriage\rreturn.npz",
    "/npz/n01440764/next\x85line\u2028.npz",
    os.fsdecode(b"/npz/n01440764/not utf-8 \xff\xfe.npz"),
    " leading/n01440764/a.npz",
]

paths = st.text(st.characters(codec="utf-8", exclude_characters="\n"), min_size=1)


def one(image: str, label: str = "cock") -> list[Result]:
    """A result of one guess."""
    return [Result(image, (Guess(7, 0.25, label),))]


def test_the_vendors_form_is_written_to_the_letter(
    spoiled: Callable[..., Path], tmp_path: Path
) -> None:
    write_results(tmp_path / "again.txt", read_results(spoiled()))
    assert (tmp_path / "again.txt").read_bytes() == spoiled().read_bytes()


def test_outputs_become_results_in_the_vendors_form(tmp_path: Path, labels: list[str]) -> None:
    logits = np.log(np.array([[0.25, 0.125, 0.0625, 0.25, 0.1875, 0.125]]))
    write_results(tmp_path / "r.txt", decode(["/n01440764/a.npz"], logits, labels))
    assert (tmp_path / "r.txt").read_text().splitlines() == [
        "/n01440764/a.npz: Relay top-0 id: 0, prob: 0.25000000, class name: tench, Tinca tinca",
        "/n01440764/a.npz: Relay top-1 id: 3, prob: 0.25000000, class name: crane",
        "/n01440764/a.npz: Relay top-2 id: 4, prob: 0.18750000, class name: crane",
        "/n01440764/a.npz: Relay top-3 id: 1, prob: 0.12500000, class name: goldfish",
        "/n01440764/a.npz: Relay top-4 id: 5, prob: 0.12500000, class name: maillot",
    ]


def test_outputs_of_other_images_or_labels_are_refused(labels: list[str]) -> None:
    with pytest.raises(MeasureError, match=r"shape \(2, 6\), expected 1 images and 6 labels"):
        decode(["a"], np.zeros((2, 6)), labels)
    with pytest.raises(MeasureError, match=r"image 0 \(n01440764/a.npz\) has NaN for class 0"):
        decode(["n01440764/a.npz"], np.full((1, 6), np.nan), labels)


@pytest.mark.parametrize("image", ODD_PATHS)
def test_odd_paths_come_back_as_they_were(tmp_path: Path, image: str) -> None:
    write_results(tmp_path / "r.txt", one(image), ranks=1)
    assert read_results(tmp_path / "r.txt", ranks=1) == tuple(one(image))


@quiet
@given(paths, st.integers(0, 4), st.integers(0, 999), st.floats(-1e6, 1e6), paths)
@example(LINE, 0, 7, -0.0, "cock")
def test_any_line_is_read_back(
    path: str, rank: int, class_id: int, score: float, label: str
) -> None:
    label = label.replace(": Relay top-", "").strip()
    guess = Guess(class_id, float(f"{score:.8f}"), label)
    assert parse_line(render_line(path, rank, guess)) == (path, rank, guess)


def test_cutting_at_the_first_mark_would_lose_such_a_path() -> None:
    """The wrong stand-in: the path ends where the mark first stands."""
    line = render_line(ODD_PATHS[4], 0, Guess(7, 0.25, "cock"))
    assert line.split(" top-")[0] != f"{ODD_PATHS[4]}: Relay"
    assert parse_line(line) == (ODD_PATHS[4], 0, Guess(7, 0.25, "cock"))


@pytest.mark.shows("a result file is cut off or out of order", by="read strictly, refused by line")
@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("top-1 id: 3", "top-1 id 3", r"results\.txt:2: .* is not of the form <npz path>: Relay"),
        ("0.20000000", "0.2", r":2: .* is not of the form"),
        ("0.20000000", "nan", r":2: .* is not of the form"),
        ("0.20000000", "0.80000000", r":2: the score rises from 0.70000000 to 0.80000000"),
        ("id: 3", "id: -3", r":2: .* is not of the form"),
        ("id: 3", "id: ３", r":2: .* is not of the form"),
        ("top-2 id: 4", "top-3 id: 4", r":3: top-3 stands where top-2 is expected"),
        ("top-2 id: 4", "top-2 id: 3", r":3: class 3 is named twice"),
        ("a.npz: Relay top-2", "c.npz: Relay top-2", r":3: top-2 is of .*c\.npz', the lines bef"),
        ("/npz/n01443537/b.npz: Relay top-0", "\n/npz: Relay top-0", r":6: '' is not of the form"),
        ("-7.00000000, class name: maillot\n", "-7.00000000, class", r":10: the line has no end"),
        ("id: 5", "id: 6", r":10: there is no class 6, the label list has 6"),
        ("id: 4, prob: 0.05000000, class name: crane", "id: 4, prob: 0.05000000, class name: hen",
         r":3: class 4 is called 'hen', in the label list 'crane'"),
    ],
)  # fmt: skip
def test_malformed_file_is_refused_by_line(
    spoiled: Callable[..., Path], labels: list[str], old: str, new: str, message: str
) -> None:
    assert len(read_results(spoiled(), labels=labels)) == 2
    with pytest.raises(MeasureError, match=message):
        read_results(spoiled(old, new), labels=labels)


@pytest.mark.shows("a result file is cut off or out of order")
def test_file_that_ends_within_an_image_or_repeats_one_is_refused(
    spoiled: Callable[..., Path],
) -> None:
    path = spoiled()
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:8]))
    with pytest.raises(MeasureError, match=r":8: the file ends after 3 of 5 lines of an image"):
        read_results(path)
    path.write_bytes(b"".join(lines + lines[:5]))
    with pytest.raises(MeasureError, match=r":11: '/npz/n01440764/a.npz' stands at line 1 too"):
        read_results(path)


def test_missing_or_empty_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MeasureError, match=r"cannot read .*r\.txt: No such file"):
        read_results(tmp_path / "r.txt")
    (tmp_path / "r.txt").touch()
    with pytest.raises(MeasureError, match=r"r\.txt is empty, expected lines of the form"):
        read_results(tmp_path / "r.txt")


def test_windows_line_ends_are_read(spoiled: Callable[..., Path]) -> None:
    path = spoiled()
    expected = read_results(path)
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert read_results(path) == expected


@pytest.mark.parametrize(
    ("results", "message"),
    [
        (one("a\nb"), "would not be read back"),
        (one(""), "would not be read back"),
        (one("\udcc3\udca9"), "would not be read back"),  # the bytes of an é, taken apart
        (one("\ud800"), "would not be read back"),
        (one("a", " cock"), "would not be read back"),
        (one("a", "cock\nhen"), "would not be read back"),
        (one("a", LINE), "would not be read back"),
        ([Result("a", (Guess(7, float("nan"), "cock"),))], "would not be read back"),
        ([Result("a", (Guess(7, float("inf"), "cock"),))], "would not be read back"),
        ([Result("a", ())], "'a': 0 classes are named, expected 1"),
        ([*one("a"), *one("a")], "'a': it stands there twice"),
        ([], "there is no result"),
    ],
)
def test_what_would_not_be_read_back_is_not_written(
    tmp_path: Path, results: list[Result], message: str
) -> None:
    path = tmp_path / "r.txt"
    path.write_text("what was there before")
    with pytest.raises(MeasureError, match=message):
        write_results(path, results, ranks=1)
    assert [file.read_text() for file in tmp_path.iterdir()] == ["what was there before"]
