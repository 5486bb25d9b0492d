"""Paddle networks to ONNX through Paddle2ONNX, on two routes.

The documented route converts program and parameters together. It holds the whole model in one
protobuf message, so it cannot pass 2 GiB: Paddle2ONNX then reports success and leaves an empty
file. The external route converts the program alone and adds the parameters itself, beside the
model where they are too large to be inside; it is also far leaner.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import onnx
import paddle
import paddle2onnx
from onnx.external_data_helper import set_external_data

from harness.errors import ExportError
from harness.exporting.external_data import DATA_SUFFIX, LARGEST_INLINE_BYTES

INPUT_NAME = "input"
OUTPUT_NAME = "fetch_name_0"  # what Paddle2ONNX calls the first output
_ALIGNMENT = 4096  # bytes, so that the data can be memory-mapped


def save_inference_model(
    layer: paddle.nn.Layer, folder: Path, *, input_shape: tuple[int, int, int]
) -> None:
    """Save program and parameters in Paddle's own format, as PaddleClas' export does."""
    spec = paddle.static.InputSpec([None, *input_shape], "float32", INPUT_NAME)
    paddle.jit.save(layer, str(folder / "inference"), input_spec=[spec])


def export_documented(folder: Path, path: Path, *, opset: int) -> None:
    """What the documented command does; ``folder`` is from :func:`save_inference_model`.

    The tool's graph optimizer is left out: it installs packages at run time.

    The tool reports no failure. What it left behind has to be looked at.
    """
    _convert(folder / "inference.json", folder / "inference.pdiparams", path, opset=opset)


def export_external(layer: paddle.nn.Layer, folder: Path, path: Path, *, opset: int) -> None:
    """Convert the program alone, then add the layer's parameters.

    Parameters above 2 GiB in all go into ``<path>.data``, next to the model.

    Raises:
        ExportError: paddle2onnx cannot convert it, or the program names a parameter that the layer
            does not have.
    """
    onnx.save(external_model(layer, folder, path, opset=opset), str(path))


def external_model(
    layer: paddle.nn.Layer, folder: Path, path: Path, *, opset: int
) -> onnx.ModelProto:
    """The model of :func:`export_external`, its parameters in memory or beside ``path``.

    Raises:
        ExportError: as there.
    """
    _convert(folder / "inference.json", None, path, opset=opset)
    model = onnx.load(str(path))
    parameters = {value.name: value for value in layer.state_dict().values()}
    wanted = _free_names(model.graph)
    if unknown := sorted(wanted - parameters.keys()):
        raise ExportError(f"the program names parameters the network lacks: {unknown[:5]}")
    size = 4 * sum(math.prod(parameters[name].shape) for name in wanted)  # float32
    if size <= LARGEST_INLINE_BYTES:
        for name in sorted(wanted):
            values = onnx.numpy_helper.from_array(_array(parameters[name]), name)
            model.graph.initializer.append(values)
    else:
        _write_beside(model, {name: parameters[name] for name in sorted(wanted)}, path)
    return model


def _convert(program: Path, parameters: Path | None, path: Path, *, opset: int) -> None:
    """Convert a saved program.

    Raises:
        ExportError: paddle2onnx cannot; says what it says.
    """
    try:
        paddle2onnx.export(
            str(program),
            str(parameters or ""),
            str(path),
            opset_version=opset,
            optimize_tool=None,
            enable_onnx_checker=bool(parameters),  # without any it can only find them missing
        )
    except SystemExit as stopped:  # it prints what is wrong and ends the process
        why = str(stopped.__context__ or f"ended with {stopped.code}").strip()
        raise ExportError(f"paddle2onnx cannot convert it: {why.splitlines()[0]}") from stopped


def _free_names(graph: onnx.GraphProto) -> set[str]:
    """Values that nodes use and nothing defines."""
    defined = {value.name for value in graph.input} | {value.name for value in graph.initializer}
    defined |= {name for node in graph.node for name in node.output}
    return {name for node in graph.node for name in node.input if name} - defined


def _array(parameter: paddle.Tensor) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.ascontiguousarray(parameter.numpy())


def _write_beside(model: onnx.ModelProto, parameters: dict[str, paddle.Tensor], path: Path) -> None:
    """Write parameters one after the other into the data file, and refer to them."""
    beside = path.with_name(path.name + DATA_SUFFIX)
    with beside.open("wb") as file:
        for name, parameter in parameters.items():
            array = _array(parameter)
            file.seek(-(-file.tell() // _ALIGNMENT) * _ALIGNMENT)
            tensor = onnx.TensorProto(name=name, data_type=onnx.TensorProto.FLOAT, dims=array.shape)
            offset = file.tell()
            file.write(array.tobytes())
            tensor.raw_data = b""
            set_external_data(tensor, beside.name, offset=offset, length=array.nbytes)
            tensor.ClearField("raw_data")
            model.graph.initializer.append(tensor)
