"""What a weights file says that it holds is held against the network before anything is read."""

from __future__ import annotations

import json
import os
import pickle
import struct
import subprocess
import sys
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from weights_files import write_pdparams, write_torch

from harness.errors import BuildError
from harness.sources import pickles, torch_checkpoints
from harness.sources.fitting import Requirement, needed_by
from harness.sources.network import Network
from harness.sources.weights import load

pytestmark = [pytest.mark.shows("a hostile file hangs or floods a run, which is then cut short")]

MANY = 2**33
ROOM = 256  # MiB that reading may take beyond what is there; the file claims 16 GiB and more
NEEDED = {"a": Requirement((4,), True)}

# Prints what reading a file comes to, in a process that is given so much room and no more.
BOUNDED = """
import resource, sys
from pathlib import Path
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from harness.errors import BuildError
from harness.sources.torch_checkpoints import read_checkpoint
from harness.sources.weights import load
with FakeTensorMode():
    torch.load(sys.argv[2], weights_only=True)  # imports what it needs
pages = int(Path("/proc/self/statm").read_text().split()[0])
room = pages * resource.getpagesize() + int(sys.argv[3]) * 2**20
resource.setrlimit(resource.RLIMIT_AS, (room, room))
try:
    load(Path(sys.argv[1]), framework="torch")
    print("read")
except (BuildError, MemoryError) as error:
    print(type(error).__name__, error)
"""


def read_in(path: Path, room: int) -> str:
    small = write_torch(path.with_name("small.pth"), {"a": torch.ones(1)})
    command = [sys.executable, "-c", BOUNDED, str(path), str(small), str(room)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.int64])
def test_a_tensor_of_few_bytes_is_not_spread_over_gigabytes(tmp_path, legacy, dtype):
    path = tmp_path / "net.pth"
    write_torch(path, {"a": torch.zeros(1, dtype=dtype).expand(MANY)}, legacy=legacy)
    said = read_in(path, ROOM)
    assert "net.pth: 'a' claims 8,589,934,592 values of" in said
    assert "the file has" in said


def test_the_room_is_a_bound(tmp_path):
    """A file that honestly has more is read where there is room for it, and only there."""
    path = write_torch(tmp_path / "net.pth", {"a": torch.ones(2**27, dtype=torch.float16)})
    assert "read" in read_in(path, 8 * ROOM)
    assert "read" not in read_in(path, ROOM)


def test_a_storage_larger_than_its_file_is_not_made(tmp_path):
    """In torch's old format the pickle says how large a storage is, before its bytes come."""
    path = write_torch(tmp_path / "net.pth", {"a": torch.ones(4)}, legacy=True)
    whole = path.read_bytes()
    short, long = b"K\x04N", b"\x8a\x05" + MANY.to_bytes(5, "little") + b"N"
    assert short in whole
    path.write_bytes(whole.replace(short, long, 1))
    assert "BuildError" in read_in(path, ROOM)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"a": torch.ones(5)}, r"a has shape \(5,\), the network's has \(4,\)"),
        ({"b": torch.ones(4)}, "a is missing; b is not the network's"),
        ({"a": torch.ones(4), "b": torch.ones(1)}, "b is not the network's"),
        ({"a": torch.ones(1).expand(MANY)}, r"a has shape \(8589934592,\)"),
        ({"a": torch.ones(4, dtype=torch.int8)}, "'a' is of type int8, the network needs a float"),
        ({"a": torch.ones(1).expand(4)}, "'a' claims 4 values of float32, and the file has 4 byt"),
    ],
)
def test_what_the_network_has_not_is_refused(tmp_path, content, message):
    path = write_torch(tmp_path / "net.pth", content)
    with pytest.raises(BuildError, match=rf"net\.pth: .*{message}"):
        load(path, framework="torch", needed=NEEDED)


def test_what_the_network_needs_is_read(tmp_path):
    whole = torch.arange(8.0)
    module = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
    needed = needed_by(Network("torch", module, module, (3, 1, 1)))
    state = {name: torch.ones(one.shape) for name, one in needed.items()}
    del state["1.num_batches_tracked"]
    state["0.weight"], state["0.bias"] = whole[:4].view(2, 2).T, whole[6:]  # views of one storage
    path = write_torch(tmp_path / "net.pth", state)
    with pytest.raises(BuildError, match=r"0\.bias is not the network's"):
        load(path, framework="torch", needed={"0.weight": needed["0.weight"]})
    loaded = load(path, framework="torch", needed=needed)
    assert loaded["0.weight"].tolist() == [[0.0, 2.0], [1.0, 3.0]]
    assert loaded["0.bias"].tolist() == [6.0, 7.0]


FLOATS = "expected float16, bfloat16, float32"


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda: torch.ones(4).to(torch.float8_e4m3fn), f"of type float8_e4m3fn, {FLOATS}"),
        (lambda: torch.ones(4).to(torch.float8_e5m2), f"of type float8_e5m2, {FLOATS}"),
        (lambda: torch.ones(4, dtype=torch.complex64), f"of type complex64, {FLOATS}"),
        (lambda: torch.eye(4).to_sparse(), "a sparse tensor, expected a dense one of type float16"),
        (lambda: torch.eye(4).to_sparse_csr(), "a sparse tensor, expected a dense one"),
        (lambda: torch.quantize_per_tensor(torch.ones(4), 1.0, 0, torch.quint8), "a quantized te"),
        (lambda: torch.empty(4, device="meta"), "a tensor without values, expected a dense one"),
    ],
    ids=["float8", "float8 too", "complex", "sparse", "rows", "quantized", "meta"],
)
@pytest.mark.parametrize("legacy", [False, True])
def test_a_tensor_that_is_no_plain_one_is_named_with_its_type(tmp_path, made, message, legacy):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = write_torch(tmp_path / "net.pth", {"fc.weight": made()}, legacy=legacy)
    with pytest.raises(BuildError, match=rf"net\.pth: 'fc\.weight' is {message}"):
        load(path, framework="torch")


def test_types_of_safetensors_are_named_too(tmp_path):
    save_file({"fc.weight": torch.ones(4).to(torch.float8_e4m3fn)}, tmp_path / "net.safetensors")
    with pytest.raises(BuildError, match=rf"'fc\.weight' is of type F8_E4M3, {FLOATS}"):
        load(tmp_path / "net.safetensors", framework="torch")


@pytest.mark.parametrize("dtype", [torch.int32, torch.uint8, torch.bool, torch.bfloat16])
def test_all_plain_types_of_safetensors_are_read(tmp_path, dtype):
    save_file({"a": torch.ones(4).to(dtype)}, tmp_path / "net.safetensors")
    assert load(tmp_path / "net.safetensors", framework="torch")["a"].tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize(
    ("length", "shape", "end"),
    [(2**40, [4], 16), (None, [MANY], 16), (None, [MANY], 4 * MANY), (None, [4], 99)],
    ids=["a long header", "a large shape", "a large offset", "another offset"],
)
def test_safetensors_that_claim_more_than_they_have_are_refused(tmp_path, length, shape, end):
    entry = {"dtype": "F32", "shape": shape, "data_offsets": [0, end]}
    header = json.dumps({"a": entry}).encode()
    path = tmp_path / "net.safetensors"
    path.write_bytes(struct.pack("<Q", length or len(header)) + header + b"\0" * 16)
    with pytest.raises(BuildError, match=r"net\.safetensors is damaged or not safetensors"):
        load(path, framework="torch", needed=NEEDED)


def test_a_checkpoint_that_is_packed_is_not_unpacked(tmp_path):
    path = write_torch(tmp_path / "net.pth", {"a": torch.zeros(2**20)})
    packed = tmp_path / "packed.pth"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new:
        for one in old.infolist():
            new.writestr(one.filename, old.read(one))
    assert packed.stat().st_size < path.stat().st_size / 100
    with pytest.raises(BuildError, match=r"packed\.pth .*'net/data\.pkl' is compressed"):
        load(packed, framework="torch")


@pytest.mark.parametrize("name", ["net.pth", "net.pdparams"])
@pytest.mark.parametrize("legacy", [False, True])
def test_a_pickle_with_too_much_to_do_is_not_begun(tmp_path, monkeypatch, name, legacy):
    monkeypatch.setattr(pickles, "MOST_OPERATIONS", 1000)
    many = [[] for _ in range(1000)]
    if name.endswith(".pth"):
        path = write_torch(tmp_path / name, {"a": torch.ones(4), "b": many}, legacy=legacy)
    else:
        path = write_pdparams(tmp_path / name, {"a": np.ones(4, "f4"), "b": many})
    with pytest.raises(BuildError, match="more than 1,000 operations in a pickle"):
        load(path, framework="paddle" if name.endswith(".pdparams") else "torch")


def test_a_large_pickle_in_a_checkpoint_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(torch_checkpoints, "LARGEST_OUTLINE", 1000)
    path = write_torch(tmp_path / "net.pth", {"a": torch.ones(4), "b": "x" * 1000})
    with pytest.raises(BuildError, match=r"data\.pkl' has 1,\d+ bytes, expected at most 1,000"):
        load(path, framework="torch")


def test_an_archive_with_a_long_list_of_members_is_not_listed(tmp_path, monkeypatch):
    monkeypatch.setattr("harness.runtime.foreign.LARGEST_DIRECTORY", 100)
    path = write_torch(tmp_path / "net.pth", {"a": torch.ones(4)})
    with pytest.raises(BuildError, match="its list of members is larger than 100 bytes"):
        load(path, framework="torch")


def test_a_checkpoint_that_holds_itself_ends(tmp_path):
    content: dict[str, object] = {}
    content["state_dict"] = content
    path = write_torch(tmp_path / "net.pth", content)
    with pytest.raises(BuildError, match="in more than 4 dictionaries, or in itself"):
        load(path, framework="torch")


def test_a_long_name_makes_a_short_error(tmp_path):
    path = write_torch(tmp_path / "net.pth", {"x" * 10**6: torch.ones(4)})
    with pytest.raises(BuildError, match=r"x…' \(of 1,000,000 characters\) is not the ne") as error:
        load(path, framework="torch", needed=NEEDED)
    assert len(str(error.value)) < 1000


@pytest.mark.parametrize("suffix", [".pth", ".safetensors", ".pdparams"])
def test_a_fifo_is_not_waited_for(tmp_path, suffix):
    path = tmp_path / f"net{suffix}"
    os.mkfifo(path)
    with pytest.raises(BuildError, match="a FIFO, expected a file"):
        load(path, framework="paddle" if suffix == ".pdparams" else "torch")


def test_pdparams_of_other_types_than_the_network_has_are_refused(tmp_path):
    """Paddle writes bfloat16 as uint16, which would be taken for whole numbers."""
    path = tmp_path / "net.pdparams"
    path.write_bytes(pickle.dumps({"a": np.ones(4, np.uint16)}, 4))
    with pytest.raises(BuildError, match="'a' is of type uint16, the network needs a floating-p"):
        load(path, framework="paddle", needed=NEEDED)
