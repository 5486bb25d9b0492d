"""torch networks to TorchScript and ONNX by trace, as the zoo's own scripts export them.

The batch dimension is left open in ONNX, so that one file serves every batch size.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch.onnx.errors import UnsupportedOperatorError

from harness.errors import NoOpset

INPUT_NAME, OUTPUT_NAME = "input", "output"
_LATER = re.compile(r"operator '(.+?)' .*added in version (\d+)")


def export_torchscript(
    module: torch.nn.Module, path: Path, *, input_shape: tuple[int, int, int]
) -> None:
    """Trace ``module`` on an image of zeros and save it."""
    with torch.no_grad(), _attention_in_parts(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tracer warnings and the deprecation of TorchScript
        traced = torch.jit.trace(module, torch.zeros(1, *input_shape), check_trace=False)
        torch.jit.save(traced, str(path))


def export_onnx(
    module: torch.nn.Module, path: Path, *, opset: int, input_shape: tuple[int, int, int]
) -> None:
    """Export ``module`` at ``opset`` with torch's TorchScript-based exporter.

    torch's newer exporter does not serve: asked for the documented opset 11 it writes opset 18.

    Raises:
        NoOpset: the exporter knows an operator of the network from a later opset on.
    """
    try:
        with _attention_in_parts(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the deprecation of this exporter
            torch.onnx.export(
                module,
                (torch.zeros(1, *input_shape),),
                str(path),
                opset_version=opset,
                dynamo=False,
                input_names=[INPUT_NAME],
                output_names=[OUTPUT_NAME],
                dynamic_axes={INPUT_NAME: {0: "batch"}, OUTPUT_NAME: {0: "batch"}},
            )
    except UnsupportedOperatorError as error:
        if later := _LATER.search(str(error)):
            operator, since = later.groups()
            raise NoOpset(
                f"torch's exporter writes {operator} from opset {since} on, not at {opset}"
            ) from error
        raise


@contextmanager
def _attention_in_parts() -> Iterator[None]:
    """Keep torch from one fused operator for frozen attention, which no other runtime knows."""
    kept = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(kept)
