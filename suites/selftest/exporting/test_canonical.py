"""One digest for one computation, whatever it is called; another one for another."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from onnx_models import BRANCHES, FUNCTION, NETWORK, model, run, write

from harness.exporting.canonical import canonical_digest, normalize

pytestmark = [
    pytest.mark.shows(
        "different models pass as one, or one as different",
        by="the digest covers every bit that is computed with, and no name",
    )
]

FORM = """
<ir_version: 8, opset_import: ["" : 13]>
network (float[batch,4] input) => (float[batch,4] output)
<float[4] scale = {1, 2, 3, 4}>
{
    left = Neg (input)
    scaled = Mul (input, scale)
    right = Relu (scaled)
    output = Sub (right, left)
}
"""

Change = Callable[[onnx.ModelProto], None]


def digest(path: Path, text: str = NETWORK, change: Change | None = None) -> str:
    changed = model(text)
    if change:
        change(changed)
    return canonical_digest(write(path / "model.onnx", changed))


def describe(changed: onnx.ModelProto) -> None:
    changed.producer_name, changed.producer_version, changed.doc_string = "other", "2", "text"
    changed.metadata_props.add(key="made", value="today")
    changed.graph.doc_string = changed.graph.node[0].doc_string = "text"
    changed.graph.node[0].name = "first"
    changed.graph.node[0].domain = "ai.onnx"
    changed.graph.node[0].attribute[0].doc_string = "text"
    changed.graph.value_info.add(name="conv")


def name_a_constant(changed: onnx.ModelProto) -> None:
    changed.graph.node[0].attribute[0].t.name = "constant"


def store_as_numbers(changed: onnx.ModelProto) -> None:
    for tensor in changed.graph.initializer:
        values = numpy_helper.to_array(tensor).ravel().tolist()
        tensor.ClearField("raw_data")
        tensor.float_data[:] = values


def sort_initializers(changed: onnx.ModelProto) -> None:
    changed.graph.initializer.sort(key=lambda tensor: tensor.name, reverse=True)


def sort_attributes(changed: onnx.ModelProto) -> None:
    changed.graph.node[0].attribute.sort(key=lambda attribute: attribute.name, reverse=True)


def add_what_nothing_needs(changed: onnx.ModelProto) -> None:
    changed.graph.node.add(op_type="Relu", input=["conv"], output=["nowhere"])
    changed.graph.initializer.append(numpy_helper.from_array(np.ones(3, np.float32), "spare"))


@pytest.mark.parametrize(
    "change",
    [describe, store_as_numbers, sort_initializers, sort_attributes, add_what_nothing_needs],
)
def test_what_nothing_computes_with_changes_no_digest(tmp_path: Path, change: Change) -> None:
    changed = model()
    change(changed)
    assert changed.SerializeToString() != model().SerializeToString()
    assert digest(tmp_path, change=change) == digest(tmp_path)


def test_names_of_constants_change_no_digest(tmp_path: Path) -> None:
    text = FORM.replace("left = Neg (input)", "left = Constant <value = float[1] {2}> ()")
    constant = next(node for node in model(text).graph.node if node.op_type == "Constant")
    assert constant.attribute[0].t.data_type
    assert digest(tmp_path, text, name_a_constant) == digest(tmp_path, text)


@pytest.mark.parametrize("text", [NETWORK, BRANCHES, FUNCTION])
def test_names_change_no_digest(tmp_path: Path, text: str) -> None:
    renamed = text
    for name in ("input", "output", "act", "left", "conv_w", "doubled", "scale", "batch", "shift"):
        renamed = renamed.replace(f"{name}", f"z_{name}").replace(f"z_{name}_branch", "else_branch")
    renamed = renamed.replace("network", "z").replace("(x) => (y) { y", "(p) => (q) { q")
    renamed = renamed.replace("(x, x)", "(p, p)")
    assert renamed != text
    assert digest(tmp_path, renamed) == digest(tmp_path, text)


def test_order_of_independent_nodes_changes_no_digest(tmp_path: Path) -> None:
    lines = NETWORK.splitlines()
    left = next(number for number, line in enumerate(lines) if "left =" in line)
    lines[left], lines[left + 1] = lines[left + 1], lines[left]
    assert digest(tmp_path, "\n".join(lines)) == digest(tmp_path)


def test_order_of_functions_changes_no_digest(tmp_path: Path) -> None:
    other = FUNCTION[FUNCTION.index("<domain") :].replace("twice", "thrice")
    both = FUNCTION + other

    def turn(changed: onnx.ModelProto) -> None:
        changed.functions.reverse()

    assert digest(tmp_path, both, turn) == digest(tmp_path, both) != digest(tmp_path, FUNCTION)


def test_a_branch_may_repeat_names_of_the_outside(tmp_path: Path) -> None:
    repeated = BRANCHES.replace("[batch,4] a)", "[batch,4] output)").replace("{ a =", "{ output =")
    assert repeated != BRANCHES
    assert digest(tmp_path, repeated) == digest(tmp_path, BRANCHES)


def test_quantization_is_kept_and_its_names_are_not(tmp_path: Path) -> None:
    def annotate(changed: onnx.ModelProto, value: str = "act", scale: str = "conv_b") -> None:
        note = changed.graph.quantization_annotation.add(tensor_name=value)
        note.quant_parameter_tensor_names.add(key="SCALE_TENSOR", value=scale)

    renamed = NETWORK.replace("act", "z")
    annotated = digest(tmp_path, change=annotate)
    assert annotated == digest(tmp_path, renamed, lambda changed: annotate(changed, "z"))
    assert annotated != digest(tmp_path, change=lambda changed: annotate(changed, "conv"))
    assert annotated != digest(tmp_path)


def test_external_data_changes_no_digest(tmp_path: Path) -> None:
    written = model()
    onnx.save(written, tmp_path / "out.onnx", save_as_external_data=True, size_threshold=0)
    assert canonical_digest(tmp_path / "out.onnx") == digest(tmp_path)


def test_depth_is_no_limit(tmp_path: Path) -> None:
    deep = model(FUNCTION)
    del deep.graph.node[:]
    names = ["input", *(f"v{place}" for place in range(3000)), "output"]
    for before, after in pairwise(names):
        deep.graph.node.add(op_type="Relu", input=[before], output=[after])
    assert len(canonical_digest(write(tmp_path / "deep.onnx", deep))) == 64


def flip_a_weight_bit(changed: onnx.ModelProto) -> None:
    content = changed.graph.initializer[2].raw_data
    changed.graph.initializer[2].raw_data = bytes([content[0] ^ 1]) + content[1:]


def swap_two_weights_in_a_tensor(changed: onnx.ModelProto) -> None:
    content = changed.graph.initializer[2].raw_data
    changed.graph.initializer[2].raw_data = content[4:8] + content[:4] + content[8:]


def swap_outputs(changed: onnx.ModelProto) -> None:
    changed.graph.output.reverse()


def raise_the_ir_version(changed: onnx.ModelProto) -> None:
    changed.ir_version = 9


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Relu (conv)", "Sigmoid (conv)"),
        ("strides = [2,2]", "strides = [1,1]"),
        ("pads = [1,1,1,1], ", ""),
        ("Sub (left, right)", "Sub (right, left)"),
        ("GlobalMaxPool (act)", "GlobalMaxPool (conv)"),
        ('"" : 13', '"" : 14'),
        ("float[batch,3,8,8]", "float[batch,3,9,9]"),
        ("float[batch,3,8,8]", "float[1,3,8,8]"),
        ("float[batch,4] second", "float[other,4] second"),
        ("float[batch,4] output", "double[batch,4] output"),
        ("0.3, 0.4", "0.4, 0.3"),
        ("Neg (flat)", "Neg (joined)"),
    ],
)
def test_another_computation_has_another_digest(tmp_path: Path, old: str, new: str) -> None:
    assert old in NETWORK
    assert digest(tmp_path, NETWORK.replace(old, new)) != digest(tmp_path)


@pytest.mark.parametrize(
    "change", [flip_a_weight_bit, swap_two_weights_in_a_tensor, swap_outputs, raise_the_ir_version]
)
def test_a_change_of_data_has_another_digest(tmp_path: Path, change: Change) -> None:
    assert digest(tmp_path, change=change) != digest(tmp_path)


@pytest.mark.parametrize(
    ("text", "old", "new"),
    [
        (BRANCHES, "Mul (doubled, scale)", "Sub (doubled, scale)"),
        (BRANCHES, "Mul (doubled, scale)", "Mul (doubled, doubled)"),
        (BRANCHES, "{1, 1, 1, 1}", "{1, 1, 1, 2}"),
        (FUNCTION, "Add (x, x)", "Mul (x, x)"),
    ],
)
def test_a_change_deep_inside_has_another_digest(
    tmp_path: Path, text: str, old: str, new: str
) -> None:
    assert digest(tmp_path, text.replace(old, new)) != digest(tmp_path, text)


def normalized(path: Path, out: Path) -> None:
    normal = onnx.load(path)
    normalize(normal, path)
    onnx.save(normal, out)


@pytest.mark.parametrize("text", [NETWORK, BRANCHES])
def test_canonical_form_computes_the_same(tmp_path: Path, text: str) -> None:
    original = write(tmp_path / "model.onnx", model(text))
    normalized(original, tmp_path / "out.onnx")
    onnx.checker.check_model(tmp_path / "out.onnx", full_check=True)
    image = np.random.default_rng(1).standard_normal((2, 3, 8, 8), np.float32)
    inputs = (image,) if text is NETWORK else (image[0, :2, 0, :4], np.array(True))
    for ours, theirs in zip(
        run(tmp_path / "out.onnx", *inputs), run(original, *inputs), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)


def test_canonical_form_is_its_own(tmp_path: Path) -> None:
    path = write(tmp_path / "model.onnx", model())
    normalized(path, tmp_path / "once.onnx")
    normalized(tmp_path / "once.onnx", tmp_path / "twice.onnx")
    assert (tmp_path / "once.onnx").read_bytes() == (tmp_path / "twice.onnx").read_bytes()
    assert canonical_digest(path) == canonical_digest(tmp_path / "twice.onnx")


def test_the_form_is_fixed(tmp_path: Path) -> None:
    """Digests are kept in artifact keys: who changes the form on purpose counts ``_FORM`` up."""
    assert digest(tmp_path, FORM)[:12] == "cf2fbe4d6e49"
