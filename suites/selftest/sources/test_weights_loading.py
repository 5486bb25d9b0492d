"""Every format gives the same tensors, and no file gets to run anything."""

from __future__ import annotations

import codecs
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from weights_files import (
    TENSORS,
    state,
    write_attack,
    write_pdparams,
    write_safetensors,
    write_torch,
)

from harness.errors import BuildError
from harness.sources.network import Framework
from harness.sources.weights import load

SHARED = Path(__file__).resolve().parents[3] / "../shared"


def framework_of(path: Path) -> Framework:
    return "paddle" if path.suffix == ".pdparams" else "torch"


def assert_are_tensors(loaded: dict[str, npt.NDArray[Any]]) -> None:
    assert list(loaded) == list(TENSORS)
    for name, values in TENSORS.items():
        np.testing.assert_array_equal(loaded[name], values)
        assert loaded[name].dtype == values.dtype


@pytest.mark.parametrize("legacy", [False, True])
def test_torch_files_are_read(tmp_path: Path, legacy: bool) -> None:
    path = write_torch(tmp_path / "net.pth", legacy=legacy)
    assert_are_tensors(load(path, framework="torch"))


def test_safetensors_are_read(tmp_path: Path) -> None:
    loaded = load(write_safetensors(tmp_path / "net.safetensors"), framework="torch")
    assert_are_tensors({name: loaded[name] for name in TENSORS})


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_pdparams_are_read(tmp_path: Path, protocol: int) -> None:
    path = write_pdparams(tmp_path / "net.pdparams", protocol=protocol)
    assert_are_tensors(load(path, framework="paddle"))


def test_what_paddle_itself_writes_is_read(tmp_path: Path) -> None:
    paddle = pytest.importorskip("paddle")
    with paddle.utils.unique_name.guard():
        layer = paddle.nn.Sequential(paddle.nn.Conv2D(3, 4, 3), paddle.nn.BatchNorm2D(4))
    paddle.save(layer.state_dict(), str(tmp_path / "net.pdparams"))
    loaded = load(tmp_path / "net.pdparams", framework="paddle")
    for name, value in layer.state_dict().items():
        np.testing.assert_array_equal(loaded.pop(name), value.numpy())
    assert not loaded


def test_mmcls_checkpoints_and_parallel_training_are_unwrapped(tmp_path: Path) -> None:
    inner = {f"module.{name}": value for name, value in state().items()}
    content = {"meta": {"CLASSES": ["tench"], "epoch": 100}, "state_dict": inner}
    path = write_torch(tmp_path / "net.pth", content)
    assert_are_tensors(load(path, framework="torch"))


def test_a_module_called_module_keeps_its_name(tmp_path: Path) -> None:
    content = state() | {"module.weight": torch.zeros(1)}
    loaded = load(write_torch(tmp_path / "net.pth", content), framework="torch")
    assert list(loaded) == [*TENSORS, "module.weight"]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_floats_come_as_float32(tmp_path: Path, dtype: torch.dtype) -> None:
    path = write_torch(tmp_path / "net.pth", {"a": torch.tensor([0.5, -2.0], dtype=dtype)})
    loaded = load(path, framework="torch")["a"]
    assert loaded.dtype == np.float32
    assert loaded.tolist() == [0.5, -2.0]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("net.pth", "zip"),
        ("net.pth", "legacy"),
        ("net.pth", "pickle"),
        ("net.pth", "old pickle"),
        ("net.safetensors", "pickle"),
        ("net.pdparams", "pickle"),
        ("net.pdparams", "old pickle"),
    ],
)
def test_no_file_gets_to_run_anything(tmp_path: Path, name: str, kind: str) -> None:
    path = write_attack(tmp_path / name, tmp_path / "trace", kind=kind)
    with pytest.raises(BuildError, match=rf"{name} is .*(refused|damaged)"):
        load(path, framework=framework_of(path))
    assert not (tmp_path / "trace").exists()


@pytest.mark.parametrize("kind", ["zip", "pickle"])
def test_the_attacks_are_real(tmp_path: Path, kind: str) -> None:
    path = write_attack(tmp_path / "net", tmp_path / "trace", kind=kind)
    if kind == "pickle":
        pickle.loads(path.read_bytes())
    else:
        torch.load(path, weights_only=False)
    assert (tmp_path / "trace").is_dir()


@pytest.mark.parametrize("kind", ["zip", "legacy", "pickle"])
def test_the_refused_call_is_named(tmp_path: Path, kind: str) -> None:
    path = tmp_path / ("net.pdparams" if kind == "pickle" else "net.pth")
    write_attack(path, tmp_path / "trace", kind=kind)
    with pytest.raises(BuildError, match=r"posix\.mkdir"):
        load(path, framework=framework_of(path))


class Call:
    """Pickled as a call of ``function``, and then the setting of ``state``."""

    def __init__(self, function: object, *arguments: object, state: object = None) -> None:
        self.call = (function, arguments, state)

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (Call(np.ndarray, (10**9,)), "damaged or not a .pdparams file: TypeError"),
        (Call(codecs.encode, "a", "hex"), "it encodes text in 'hex', expected 'latin1'"),
        (Call(np._core.multiarray._reconstruct, np.ndarray, (10**9,), b"d"), "out of nothing"),
        (np.array([{}], dtype=object), "an array of type 'O8', expected numbers"),
        (np.array([(1, 2)], dtype="i4,i4"), "expected numbers"),
        (np.float32(1), "it calls numpy._core.multiarray.scalar"),
        (Call(eval, "1"), "it calls builtins.eval"),
        (1, "'a' is a int, expected an array"),
    ],
)
def test_pdparams_hold_plain_arrays_alone(tmp_path: Path, value: object, message: str) -> None:
    path = write_pdparams(tmp_path / "net.pdparams", {"a": value})
    with pytest.raises(BuildError, match=rf"net\.pdparams.*{message}"):
        load(path, framework="paddle")


RECONSTRUCT = np._core.multiarray._reconstruct
MUCH = b"\0" * 4000
TEXT = "\0" * 4000


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (lambda: Call(codecs.encode, TEXT, "latin1"), "it makes more bytes than it has"),
        (
            lambda: Call(
                RECONSTRUCT,
                np.ndarray,
                (0,),
                b"b",
                state=(1, (1000,), np.dtype("f4"), False, MUCH),
            ),
            r"claims more values than its \d+ bytes can hold",
        ),
    ],
    ids=["bytes", "arrays"],
)
def test_pdparams_do_not_grow(tmp_path: Path, value: Callable[[], object], message: str) -> None:
    content = {str(place): value() for place in range(100)}  # all made of one text, or bytes
    path = write_pdparams(tmp_path / "net.pdparams", content)
    assert path.stat().st_size < 100 * len(MUCH)
    with pytest.raises(BuildError, match=message):
        load(path, framework="paddle")


def test_pdparams_refer_to_nothing_outside(tmp_path: Path) -> None:
    class Referring(pickle.Pickler):
        def persistent_id(self, value: object) -> object:
            return "elsewhere" if isinstance(value, np.ndarray) else None

    with open(tmp_path / "net.pdparams", "wb") as file:
        Referring(file).dump({"a": np.ones(1, np.float32)})
    with pytest.raises(BuildError, match="refers to an object outside, 'elsewhere'"):
        load(tmp_path / "net.pdparams", framework="paddle")


def test_byte_order_is_kept(tmp_path: Path) -> None:
    values = np.array([1, 2], ">f4")
    path = write_pdparams(tmp_path / "net.pdparams", {"a": values, "b": np.ones(2, np.float32)})
    loaded = load(path, framework="paddle")
    assert [loaded["a"].tolist(), loaded["b"].tolist()] == [[1.0, 2.0], [1.0, 1.0]]
    assert np.dtype("f4").isnative


def test_pdparams_in_parts_are_refused(tmp_path: Path) -> None:
    parts: dict[str, object] = {"a@@.0": TENSORS["fc.weight"], "UnpackBigParamInfor@@": {}}
    with pytest.raises(BuildError, match="cut into parts: save it again with protocol=4"):
        load(write_pdparams(tmp_path / "net.pdparams", parts), framework="paddle")


@pytest.mark.parametrize("length", [0x3C, 0x7B])
def test_safetensors_that_begin_like_text_are_read(tmp_path: Path, length: int) -> None:
    """The first byte is the low one of the header's length: it may be that of ``<`` or ``{``."""
    header = b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'.ljust(length + 256)
    path = tmp_path / "net.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header + struct.pack("<f", 2.5))
    assert load(path, framework="torch")["a"].tolist() == [2.5]


@pytest.mark.parametrize(
    "content",
    [
        b"\x80\x04N" + b"r" + struct.pack("<I", 2**31 - 1) + b".",  # memo index: 32 GB in C
        b"\x80\x04\x8e" + struct.pack("<Q", 2**40) + b"bytes.",  # 1 TiB of bytes announced
        b"\x80\x04]" + b"\x94" + b"h\x00" * 9,
        b"\x80\x04.",
        pickle.dumps([1, 2]),
    ],
    ids=["memo", "length", "no end", "nothing", "list"],
)
def test_pdparams_that_are_none_cost_nothing(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "net.pdparams"
    path.write_bytes(content)
    with pytest.raises(BuildError, match=r"net\.pdparams (is damaged|holds a)"):
        load(path, framework="paddle")


@pytest.mark.parametrize("name", ["net.pth", "net.safetensors", "net.pdparams"])
def test_truncated_files_are_said_to_be_damaged(tmp_path: Path, name: str) -> None:
    write = {"pth": write_torch, "safetensors": write_safetensors, "pdparams": write_pdparams}
    path = write[name.split(".")[1]](tmp_path / name)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(BuildError, match=rf"{name} is damaged"):
        load(path, framework=framework_of(path))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_values_that_are_no_numbers_are_refused(tmp_path: Path, value: float) -> None:
    path = write_torch(tmp_path / "net.pth", {"a": torch.ones(2), "b": torch.tensor([1.0, value])})
    with pytest.raises(BuildError, match=r"net\.pth: b has values that are NaN or infinite"):
        load(path, framework="torch")


@pytest.mark.parametrize("content", [{"epoch": 3}, [torch.ones(1)], {"state_dict": {}}])
def test_a_checkpoint_without_tensors_is_refused(tmp_path: Path, content: object) -> None:
    path = write_torch(tmp_path / "net.pth", content)
    with pytest.raises(BuildError, match=r"net\.pth is expected to hold tensors by name"):
        load(path, framework="torch")


def test_weights_of_another_framework_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"not a weights file for paddle: expected .*\.pdparams"):
        load(write_torch(tmp_path / "net.pth"), framework="paddle")


def test_real_weights_are_read() -> None:
    path = SHARED / "data/weights/torchvision_mobilenet_v2_dequantized_fp32.safetensors"
    if not path.is_file():
        pytest.skip("the real weights are not on this machine")
    loaded = load(path, framework="torch")
    assert sum(values.size for values in loaded.values()) > 3_000_000
    assert loaded["classifier.1.weight"].shape == (1000, 1280)
