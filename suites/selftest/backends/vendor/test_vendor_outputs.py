"""An output file is one image's logits, or refused."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from harness.backends.vendor.outputs import MOST_CLASSES, read_output
from harness.errors import WrongOutput


def written(folder: Path, **arrays: np.ndarray) -> Path:
    np.savez(folder / "00000000.npz", allow_pickle=True, **arrays)
    return folder / "00000000.npz"


@pytest.mark.parametrize("shape", [(5,), (1, 5), (1, 1, 1, 5)])
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_logits_are_taken_in_each_documented_form(
    shape: tuple[int, ...], dtype: type, tmp_path: Path
) -> None:
    values = np.arange(5, dtype=dtype).reshape(shape)
    logits = read_output(written(tmp_path, output_0=values), classes=5)
    assert logits.dtype == np.float32
    assert logits.tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (np.zeros((2, 5), np.float32), r"shape \(2, 5\)"),
        (np.zeros((5, 1), np.float32), r"shape \(5, 1\)"),
        (np.float32(1), r"shape \(\)"),
        (np.zeros(0, np.float32), r"shape \(0,\)"),
        (np.zeros(5, np.float64), "float64, expected float16 or float32"),
        (np.zeros(5, np.complex64), "complex64"),
        (np.full(5, np.inf, np.float16), "5 of 5 values are not finite"),
        (np.array([None] * 5), "an array of objects, which are never loaded"),
    ],
)
def test_anything_else_is_refused(values: np.ndarray, told: str, tmp_path: Path) -> None:
    with pytest.raises(WrongOutput, match=f"output 00000000.npz: .*{told}"):
        read_output(written(tmp_path, output_0=values))


def test_second_array_is_refused(tmp_path: Path) -> None:
    zeros = np.zeros(5, np.float32)
    with pytest.raises(WrongOutput, match=r"holds output_0\.npy, output_1\.npy, expected output_0"):
        read_output(written(tmp_path, output_0=zeros, output_1=zeros))


def test_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(8 * MOST_CLASSES, np.float32))
    with zipfile.ZipFile(tmp_path / "0.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("output_0.npy", buffer.getvalue())
    with pytest.raises(WrongOutput, match="3,200,128 bytes, expected at most 804,096"):
        read_output(tmp_path / "0.npz")


def test_folder_in_place_of_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WrongOutput, match=r"cannot be read: a folder, expected a file"):
        read_output(tmp_path)
