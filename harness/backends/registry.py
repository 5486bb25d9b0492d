"""The backends by name: the suite's own, and those of installed packages."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Protocol, cast

from harness.backends.backend import Backend, Host
from harness.errors import MissingBackend, Unavailable
from harness.judging.layers import LayerTrace
from harness.runtime import entry_points


class LayerTracer(Protocol):
    """See :func:`layer_tracer`."""

    def __call__(self, path: Path, images: Any, *, scratch: Path) -> list[LayerTrace]:
        """Raises RunError: the file cannot be run."""


EMBEDDED = "onnxruntime"
"""The backend that every machine has; its fp32 is the reference of those that have none."""

BACKENDS: Mapping[str, str] = {
    EMBEDDED: "harness.backends.onnxruntime.backend:OnnxRuntime",
    "openvino": "harness.backends.openvino.backend:OpenVino",
    "openvino-qdq": "harness.backends.openvino.backend:OpenVinoQdq",
    "torch": "harness.backends.torch.backend:TorchCpu",
    "torch-compile": "harness.backends.torch.backend:TorchCompiled",
    "torch-cuda": "harness.backends.torch.backend:TorchCuda",
    "vendor": "harness.backends.vendor.backend:Vendor",
}
"""Name to ``module:class``, imported when first used and called with a :class:`Host`."""

RUNS: Mapping[str, str] = {"onnx": EMBEDDED, "torchscript": "torch"}
"""The format of an export to the backend that runs it where none is asked for."""

LAYERS: Mapping[str, str] = {
    "onnx": "harness.backends.onnxruntime.layer_traces:trace_file",
    "torchscript": "harness.backends.torch.layer_traces:trace_file",
}
"""The format of a file, ONNX in float or int8, to what runs it and tells of every layer."""

SAME_MODELS = ("openvino-qdq",)
"""Backends that run the very int8 models of the embedded one."""


def backend_names() -> tuple[str, ...]:
    """The suite's own backends, then those of installed packages; imports none of them.

    Raises:
        ExpectationError: a package adds a name that is taken.
    """
    return tuple(entry_points.joined(entry_points.BACKENDS, BACKENDS))


def layer_tracer(format: str) -> LayerTracer:
    """What takes a file of a format, images (n, 3, height, width) and a scratch folder.

    It tells of every layer what it is given and gives.
    """
    return cast(LayerTracer, entry_points.load(LAYERS[format]))


def backend(name: str, host: Host | None = None) -> Backend:
    """A backend by its name.

    Raises:
        MissingBackend: no backend has that name, or its package cannot be imported.
    """
    known = entry_points.joined(entry_points.BACKENDS, BACKENDS)
    if name not in known:
        near = get_close_matches(name, known, n=1)
        hint = f", meant {near[0]!r}?" if near else f"; there are {', '.join(known)}"
        raise MissingBackend(f"no backend {name!r}{hint}")
    try:
        return cast(Backend, entry_points.load(known[name])(host or Host()))
    except Unavailable as error:
        raise MissingBackend(f"backend {name!r} cannot be used here: {error}") from error
