"""Parameters kept beside an ONNX model, where they are too large to be inside."""

from __future__ import annotations

from pathlib import Path

DATA_SUFFIX = ".data"
"""Added to the model's file name."""

LARGEST_INLINE_BYTES = 2**31 - 2**24
"""Of parameters inside a model: protobuf's limit, less some for the graph itself."""


def refer_to(model: Path, data_name: str, target: Path) -> None:
    """Write the model to ``target``, its parameters looked for in a file called ``data_name``."""
    import onnx  # this module is read by the pipeline, which holds no framework

    loaded = onnx.load(str(model), load_external_data=False)
    for tensor in loaded.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = data_name
    target.write_bytes(loaded.SerializeToString())
