"""Files of others that are no files, have no end, or claim what they are not: refused at once."""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from harness.accuracy.folder import open_results
from harness.accuracy.vendor_results.files import read_results
from harness.accuracy.vendor_results.lists import read_labels, read_synsets
from harness.accuracy.vendor_results.vendor_rule import count_by_name
from harness.backends.vendor.outputs import read_output
from harness.errors import HarnessError
from harness.expected.buildconfig import read_build_config
from harness.expected.pages import read_expected
from harness.images.datasets import content, labels, npz
from harness.images.datasets.image2npz import image_planes
from harness.images.datasets.manifest import read_manifest
from harness.images.datasets.npz import read_datalist, read_npz
from harness.images.vdsp import read_vdsp_params
from harness.lint.results_table import read_results_table
from harness.reporting import runlog
from harness.runtime.document import ExpectedTable

pytestmark = [pytest.mark.shows("a hostile file hangs or floods a run, which is then cut short")]

READERS: dict[str, Callable[[Path], object]] = {
    "build config": read_build_config,
    "run-time file": read_vdsp_params,
    "results": read_results,
    "results, as the vendor counts": lambda path: count_by_name(path, {}),
    "labels": read_labels,
    "synsets": read_synsets,
    "synsets of a data set": labels.read_synsets,
    "label list": labels.scan_labels,
    "datalist": read_datalist,
    "npz": read_npz,
    "output": read_output,
    "image": image_planes,
    "hash": content.sha256_of,
    "manifest": lambda path: read_manifest(path, root=path.parent),
    "expectations": ExpectedTable.load,
    "expected page": read_expected,
    "results table": read_results_table,
    "run log": runlog.read,
}
NO_FILES = {
    "a FIFO, expected a file": os.mkfifo,
    "a device, expected a file": lambda path: path.symlink_to("/dev/zero"),
    "a folder, expected a file": lambda path: path.mkdir(),
    "Too many levels of symbolic links": lambda path: path.symlink_to(path.name),
}


@pytest.mark.parametrize("words", NO_FILES)
@pytest.mark.parametrize("reader", READERS)
def test_what_is_no_file_is_never_waited_for(tmp_path, reader, words):
    path = tmp_path / "file"
    NO_FILES[words](path)
    with pytest.raises(HarnessError, match=words) as error:
        READERS[reader](path)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize("reader", [name for name in READERS if name not in ("hash",)])
def test_a_file_without_end_is_not_read(tmp_path, reader):
    path = tmp_path / "file"
    with path.open("wb") as file:
        file.truncate(2**40)  # takes no room on the disk
    with pytest.raises(HarnessError, match=r"larger than \d+ bytes|not a zip archive|is not a zip"):
        READERS[reader](path)


def test_answers_in_a_fifo_are_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "identity.json")
    with pytest.raises(HarnessError, match="holds no answers"):
        open_results(tmp_path)


DIGITS = "9" * 60_000
TEXTS = {
    "deep json": '{"OpType": ' + "[" * 30_000,
    "deep yaml": "[" * 60_000,
    "json twice": json.dumps({"k" * 50_000: 1})[:-1] + ', "' + "k" * 50_000 + '": 2}',
    "a number in json": f'{{"OpType": {DIGITS}}}',
    "a number in yaml": f"name: {DIGITS}",
    "a number in base 16": f"name: 0x{'F' * 60_000}\nfrontend: 1",
    "a number in base 60": f"name: 1{':1' * 30_000}",
    "a long key": f'"{"k" * 60_000}" : 1',
    "a key that hides": '{"a\\u202eb": 1}',
    "half a character": '{"\\ud800": 1}',
    "aliases": "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]",
    "an infinity": '{"OpType": 1e999999}',
    "zero bytes": "a\0b: 1",
    "lines": "\n" * 60_000,
    "toml": f"a = {'[' * 50_000}",
    "toml digits": f"a = {DIGITS}",
    "toml number": "version = 1e999999999\nseed = 1e999999999",
    "a csv of infinities": "model,img_size,top1,top5,param_count,crop_pct,interpolation\n"
    "a,224,70,90,1,1e999999999,bicubic\n",
    "a csv of digits": "model,img_size,top1,top5,param_count,crop_pct,interpolation\n"
    f"a,{DIGITS},70,90,{DIGITS},0.9,bicubic\n",
    "a result": f"/a/b.npz: Relay top-0 id: 1, prob: {DIGITS}.00000000, class name: x\n",
    "a log": '{"kind": ' + "[" * 60_000 + "\n",
    "a log with a key twice": '{"kind": "header", "kind": "case"}\n',
    "a log of digits": '{"kind": "header", "schema": ' + "9" * 4000 + "}\n",
    "a path": f"/{DIGITS}\n",
}


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize(
    "reader", [name for name in READERS if name not in ("hash", "npz", "output", "labels")]
)
def test_hostile_text_is_one_short_error_that_can_be_printed(tmp_path, reader, text):
    """Lists of names and tables take some of these texts for what they are."""
    path = tmp_path / "file"
    path.write_text(TEXTS[text], encoding="utf-8")
    try:
        READERS[reader](path)
    except HarnessError as error:
        told = str(error)
        assert str(path) in told
        assert max(map(len, told.splitlines())) < 4200
        assert len(told) < 4200 or text == "lines"
        assert told.replace("\n", "").isprintable()


def member(array: np.ndarray, shape: str) -> bytes:
    """An array as NumPy writes it, under another shape."""
    buffer = io.BytesIO()
    np.save(buffer, array)
    before = str(array.shape)
    return buffer.getvalue().replace(before.encode(), shape.ljust(len(before)).encode())


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (lambda z: z.writestr("input_0.npy", b"\0" * 2**30), "bytes, expected at most"),
        (
            lambda z: z.writestr("input_0.npy", member(np.zeros((3, 22222, 33), "u1"), "(3,9,9)")),
            "and it has 2,199,978 bytes",
        ),
        (
            lambda z: z.writestr("input_0.npy", member(np.zeros((3, 2, 2), "u1"), "(3, 2**40, 2)")),
            "cannot read",
        ),
        (
            lambda z: z.writestr(
                "input_0.npy", member(np.zeros((300, 200, 2), "u1")[:3], "(9876543210, 9876543, 3)")
            ),
            "cannot read|and it has",
        ),
        (lambda z: z.writestr("x" * 60_000, b""), r"holds x+… \(of 60,000 characters\)|holds"),
    ],
    ids=["bomb", "shape", "expression", "large shape", "long name"],
)
def test_npz_files_that_claim_too_much_are_not_unpacked(tmp_path, write, words):
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        write(archive)
    assert (tmp_path / "a.npz").stat().st_size < 3 * 2**20
    with pytest.raises(HarnessError, match=words) as error:
        read_npz(tmp_path / "a.npz")
    assert len(str(error.value)) < 500


def test_an_npz_with_a_long_list_of_members_is_not_listed(tmp_path, monkeypatch):
    monkeypatch.setattr("harness.runtime.foreign.LARGEST_DIRECTORY", 1000)
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        for number in range(100):
            archive.writestr(f"{number}.npy", b"")
    with pytest.raises(HarnessError, match="its list of members is larger than 1000 bytes"):
        read_npz(tmp_path / "a.npz")


def test_objects_in_an_npz_are_never_made(tmp_path):
    np.savez(tmp_path / "a.npz", **{npz.KEY: np.array([{}], dtype=object)})
    with pytest.raises(HarnessError, match=r"cannot read .* an array of objects, which are never"):
        read_npz(tmp_path / "a.npz")
