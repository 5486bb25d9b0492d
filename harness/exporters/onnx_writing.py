"""Writing an ONNX model weight by weight, without a second copy of it in memory."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from onnx import GraphProto, ModelProto

from harness.errors import ExportError
from harness.exporters.onnx_files import LARGEST_MESSAGE_BYTES

_LENGTH_DELIMITED = 2  # wire type of nested messages (protobuf.dev/programming-guides/encoding)


def write_model(model: ModelProto, path: Path) -> None:
    """Write a model, which is used up; the file is there whole or not at all.

    Raises:
        ExportError: the model is larger than 2 GiB, or the file cannot be written.
    """
    partial = path.with_name(f".{path.name}.{secrets.token_hex(8)}.partial")
    try:
        try:
            with open(partial, "xb") as file:
                file.writelines(_pieces(model))
                file.flush()
                os.fsync(file.fileno())
            os.replace(partial, path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ExportError(f"cannot write {path}: {error.strerror or error}") from error


def _pieces(model: ModelProto) -> Iterator[bytes]:
    """The serialized model: first all about the graph, then the graph, its initializers last."""
    graph = model.graph
    weights = list(graph.initializer)
    del graph.initializer[:]
    body = graph.SerializeToString(deterministic=True)
    model.ClearField("graph")
    head = model.SerializeToString(deterministic=True)
    sizes = [weight.ByteSize() for weight in weights]
    starts = [_start(GraphProto.INITIALIZER_FIELD_NUMBER, size) for size in sizes]
    graph_size = len(body) + sum(sizes) + sum(map(len, starts))
    if len(head) + graph_size + 16 > LARGEST_MESSAGE_BYTES:  # 16 bytes: the graph's own start
        raise ExportError(f"the model is {graph_size} bytes, more than one file can hold, 2 GiB")
    yield head
    yield _start(ModelProto.GRAPH_FIELD_NUMBER, graph_size)
    yield body
    for start, weight in zip(starts, weights, strict=True):
        yield start
        yield weight.SerializeToString(deterministic=True)


def _start(number: int, size: int) -> bytes:
    """What precedes a nested message: its field number, wire type and length."""
    return _varint(number << 3 | _LENGTH_DELIMITED) + _varint(size)


def _varint(value: int) -> bytes:
    digits = []
    while value > 0x7F:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*digits, value])
