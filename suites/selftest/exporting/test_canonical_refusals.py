"""What has no canonical form is refused by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from onnx_models import NETWORK, model, write

from harness.errors import ExportError
from harness.exporting.canonical import canonical_digest

Change = Callable[[onnx.ModelProto], None]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("Relu (conv)", "Relu (nothing)", "'nothing' is read but never defined"),
        ("right =", "left =", "'left' is defined twice"),
        ("second =", "fc_w =", "'fc_w' is defined twice"),
        ("(input, conv_w, conv_b)", "(act, conv_w, conv_b)", "depends on its own result"),
    ],
)
def test_a_graph_that_is_none_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = write(tmp_path / "model.onnx", model(NETWORK.replace(old, new)))
    with pytest.raises(ExportError, match=rf"model\.onnx: .*{message}"):
        canonical_digest(path)


def add_training(changed: onnx.ModelProto) -> None:
    changed.training_info.add().algorithm.name = "training"


def add_sparse_weights(changed: onnx.ModelProto) -> None:
    changed.graph.sparse_initializer.add().values.name = "sparse"


@pytest.mark.parametrize("change", [add_training, add_sparse_weights])
def test_what_has_no_form_is_refused(tmp_path: Path, change: Change) -> None:
    changed = model()
    change(changed)
    with pytest.raises(ExportError, match=r"model\.onnx: .* no canonical form"):
        canonical_digest(write(tmp_path / "model.onnx", changed))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"<html>", "damaged or not an ONNX model"),
        (model().SerializeToString()[:200], "damaged or not an ONNX model"),
        (b"\x08\x08", "has no graph"),
    ],
)
def test_a_file_that_is_no_model_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    with pytest.raises(ExportError, match=rf"model\.onnx.* {message}"):
        canonical_digest(path)


@pytest.mark.parametrize("damage", ["missing", "short"])
def test_incomplete_external_data_is_refused(tmp_path: Path, damage: str) -> None:
    path, weights = tmp_path / "model.onnx", tmp_path / "weights"
    onnx.save(model(), path, save_as_external_data=True, location="weights", size_threshold=0)
    if damage == "missing":
        weights.unlink()
    else:
        weights.write_bytes(weights.read_bytes()[:-4])
    with pytest.raises(ExportError, match=r"tensor '\w+' in .*"):
        canonical_digest(path)
