"""What is wrong with an ONNX file is seen and said; what is right is left alone."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
import torch
from onnx import helper
from onnx_models import FUNCTION, NETWORK, model, write

from harness.exporting.canonical import canonical_digest
from harness.exporting.faults import faults
from harness.exporting.inspection import inspect_onnx

GOOD = (
    NETWORK.replace("float[batch,4] second)", ")")
    .replace(", )", ")")
    .replace("second = Neg (flat)", "")
)
SHAPE = (None, 3, 8, 8)
TRAINING = """
<ir_version: 8, opset_import: ["" : 13, "ai.onnx.preview.training" : 1]>
network (float[batch,4] input, bool flag) => (float[batch,4] output)
<float[4] a = {1, 1, 1, 1}, float[4] b = {1, 1, 1, 1}, float r = {0.5},
 bool on = {1}, bool off = {0}>
{
    NODES
}
"""


def faults_of(path: Path, text: str) -> list[str]:
    facts = inspect_onnx(write(path / "model.onnx", model(text)))
    return faults(
        facts, opset=13, input_name="input", output_name="output", input_shape=SHAPE, classes=4
    )


def test_a_good_model_has_no_faults(tmp_path: Path) -> None:
    assert faults_of(tmp_path, GOOD) == []


@pytest.mark.shows(
    "another opset, name, shape or type is written", by="`faults`, from the file's own facts"
)
@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('"" : 13', '"" : 14', "opset 14 was written, 13 was asked for"),
        ("batch,3,8,8", "1,3,8,8", "input 'input' has shape [1, 3, 8, 8], expected [symbolic, 3"),
        ("batch,3,8,8", "batch,8,8,3", "expected [symbolic, 3, 8, 8]"),
        ("[batch,4] output", "[2,4] output", "output 'output' has shape [2, 4]"),
        ("[batch,4] output", "[batch,5] output", "expected [symbolic, 4]"),
        ("(float[batch,4] output", "(double[batch,4] output", "type DOUBLE, expected FLOAT"),
        ("(float[batch,4] output", "(float[batch,4] output", ""),
        ("float[batch,3,8,8] input", "float[batch,3,8,8] input, float more", "2 inputs"),
        (" output)", " output, float[batch,4] flat)", "2 outputs ['output', 'flat']"),
        ("input", "image", "the input is called 'image', expected 'input'"),
        ("Relu (conv)", "Nonesuch (conv)", "the checker refuses it: No Op registered"),
        ("Flatten (joined)", "Relu (joined)", "the checker refuses it: "),
    ],
)
def test_each_fault_is_said(tmp_path: Path, old: str, new: str, fault: str) -> None:
    assert old in GOOD
    found = faults_of(tmp_path, GOOD.replace(old, new))
    assert fault in "\n".join(found)
    assert bool(found) == bool(fault)


@pytest.mark.shows(
    "a model is exported in training mode",
    by="training nodes are named; the probes run alone and in a batch",
)
@pytest.mark.parametrize(
    ("opset", "node", "training"),
    [
        (13, "output = BatchNormalization (input, a, b, a, b)", []),
        (13, "output, c, d = BatchNormalization (input, a, b, a, b)", ["2 outputs of training"]),
        (15, "output = BatchNormalization (input, a, b, a, b)", []),
        (
            15,
            "output, c, d = BatchNormalization <training_mode = 1> (input, a, b, a, b)",
            ["training_mode is 1"],
        ),
        (6, "output = BatchNormalization (input, a, b, a, b)", ["is_test is 0"]),
        (6, "output = Dropout <is_test = 1> (input)", []),
        (11, "output = Dropout (input)", []),
        (11, "output, mask = Dropout (input)", ["1 outputs of training"]),
        (13, "output, mask = Dropout (input, r)", []),
        (13, "yes = Constant <value = bool {1}> () output = Dropout (input, r, yes)", ["is true"]),
        (13, "no = Constant <value = bool {0}> () output = Dropout (input, r, no)", []),
        (13, "output = Dropout (input, r, on)", ["training_mode is true"]),
        (13, "output = Dropout (input, r, off)", []),
        (13, "output = Dropout (input, r, flag)", ["training_mode is computed"]),
        (13, "output = ai.onnx.preview.training.Adam (input)", ["an operator of ai.onnx.preview"]),
    ],
)
def test_training_mode_is_seen(tmp_path: Path, opset: int, node: str, training: list[str]) -> None:
    text = TRAINING.replace("NODES", node).replace('"" : 13', f'"" : {opset}')
    found = inspect_onnx(write(tmp_path / "model.onnx", model(text)))["training"]
    assert len(found) == len(training)
    assert all(part in whole for part, whole in zip(training, found, strict=True))


def test_training_mode_of_a_whole_network_is_one_fault(tmp_path: Path) -> None:
    facts = inspect_onnx(write(tmp_path / "model.onnx", model(GOOD)))
    facts["training"] = [f"BatchNormalization 'b{place}'" for place in range(9)]
    found = faults(
        facts, opset=13, input_name="input", output_name="output", input_shape=SHAPE, classes=4
    )
    assert len(found) == 1
    assert found[0].endswith("'b1'; BatchNormalization 'b2'; and 6 more")


def test_training_graphs_are_a_fault(tmp_path: Path) -> None:
    trained = model(GOOD)
    trained.training_info.add().algorithm.name = "training"
    facts = inspect_onnx(write(tmp_path / "model.onnx", trained))
    assert facts["training"] == ["the model carries training graphs"]
    assert facts["canonical_digest"] is None
    assert "no canonical form" in facts["canonical_fault"]


def test_a_model_without_weights_is_said_to_be(tmp_path: Path) -> None:
    facts = inspect_onnx(write(tmp_path / "model.onnx", model(FUNCTION)))
    found = faults(facts, opset=13, input_name="input", output_name="output", input_shape=(None, 4))
    assert "it has no weights" in found


def test_weights_listed_as_inputs_are_no_inputs(tmp_path: Path) -> None:
    """As every model before IR version 4 lists them."""
    listed = model()
    listed.graph.input.append(helper.make_tensor_value_info("fc_w", onnx.TensorProto.FLOAT, [4, 4]))
    facts = inspect_onnx(write(tmp_path / "model.onnx", listed))
    assert [value["name"] for value in facts["inputs"]] == ["input"]
    assert facts["canonical_digest"]


def test_facts_are_those_of_the_model(tmp_path: Path) -> None:
    path = write(tmp_path / "model.onnx", model())
    facts = inspect_onnx(path)
    assert facts["bytes"] == path.stat().st_size
    assert facts["parameters"] == 4 * 3 * 3 * 3 + 4 + 4 * 4
    assert facts["nodes"]["GlobalMaxPool"] == 1
    assert facts["inputs"] == [{"name": "input", "dtype": "FLOAT", "shape": ["batch", 3, 8, 8]}]
    assert facts["canonical_digest"] == canonical_digest(path)


def test_operators_inside_functions_are_counted(tmp_path: Path) -> None:
    facts = inspect_onnx(write(tmp_path / "model.onnx", model(FUNCTION)))
    assert facts["nodes"] == {"Add": 1, "local::twice": 1}


@pytest.mark.shows(
    "an exporter succeeds and leaves an empty or cut file",
    by="the file is inspected, and not the exporter believed",
)
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "cannot read"),
        (b"", "is empty"),
        (b"<!DOCTYPE html>", "damaged or not an ONNX model"),
        (model().SerializeToString()[:-100], "damaged or not an ONNX model"),
        (onnx.ModelProto(graph=onnx.GraphProto(name="g")).SerializeToString(), "has no nodes"),
    ],
)
def test_an_incomplete_file_is_said_to_be(
    tmp_path: Path, content: bytes | None, reason: str
) -> None:
    path = tmp_path / "model.onnx"
    if content is not None:
        path.write_bytes(content)
    facts = inspect_onnx(path)
    assert not facts["complete"]
    assert reason in facts["reason"]
    found = faults(facts, opset=13, input_name="input", output_name="output")
    assert found == [f"the file is not a complete model: {facts['reason']}"]


@pytest.mark.parametrize("damage", ["none", "missing", "short"])
def test_external_data_has_to_be_there(tmp_path: Path, damage: str) -> None:
    path, weights = tmp_path / "model.onnx", tmp_path / "weights"
    onnx.save(model(), path, save_as_external_data=True, location="weights", size_threshold=0)
    content = weights.read_bytes()
    if damage == "missing":
        weights.unlink()
    elif damage == "short":
        weights.write_bytes(content[:-4])
    facts = inspect_onnx(path)
    assert facts["complete"] == (damage == "none")
    assert ("'weights', which has" in facts["reason"]) == (damage != "none")
    assert facts["bytes"] >= path.stat().st_size + (len(content) if damage == "none" else 0)


@pytest.mark.filterwarnings("ignore")  # of torch, about its own exporters
@pytest.mark.parametrize("opset", [11, 17])
@pytest.mark.parametrize("train", [False, True])
def test_a_network_exported_in_training_mode_is_found_out(
    tmp_path: Path, train: bool, opset: int
) -> None:
    layers = (torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.Dropout(0.5))
    network = torch.nn.Sequential(*layers).train(train)
    path = tmp_path / "model.onnx"
    torch.onnx.export(
        network,
        (torch.zeros(2, 3, 8, 8),),
        str(path),
        opset_version=opset,
        dynamo=False,
        training=torch.onnx.TrainingMode.PRESERVE,
    )
    assert len(inspect_onnx(path)["training"]) == (2 if train else 0)
