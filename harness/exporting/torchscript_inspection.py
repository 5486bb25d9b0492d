"""What a TorchScript file is, as facts in plain JSON.

Looking never fails: a file that is no model is described as one that is not complete.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

_HAVE_A_MODE = re.compile(r"aten::\w*(norm|dropout|rrelu)")
_MODE_ARGUMENTS = ("training", "train", "use_input_stats")  # what ATen's schemas call it


def inspect_torchscript(path: Path) -> dict[str, Any]:
    """Describe a TorchScript file.

    Always there: ``format``, ``bytes``, ``complete`` and ``reason`` (why not, or ""). Of a complete
    one also ``training`` (what computes as in training), ``parameters`` (elements), ``dtypes`` of
    the parameters, and the number of ``inputs`` and ``outputs``.
    """
    facts: dict[str, Any] = {"format": "torchscript", "complete": False, "reason": ""}
    facts["bytes"] = path.stat().st_size if path.is_file() else 0
    if not facts["bytes"]:
        return facts | {"reason": f"{path} is missing or empty"}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the deprecation of TorchScript
            module = torch.jit.load(str(path), map_location="cpu")  # type: ignore[no-untyped-call]
            graph = module.inlined_graph
    except Exception as error:  # whatever torch raises on a damaged archive is the reason
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        return facts | {"reason": f"{path} is damaged or not TorchScript: {first}"}
    return facts | {
        "complete": True,
        "training": [*_training_modules(module), *_training_calls(graph)],
        "parameters": sum(parameter.numel() for parameter in module.parameters()),
        "dtypes": sorted({str(one.dtype).removeprefix("torch.") for one in module.parameters()}),
        "inputs": len(list(graph.inputs())) - 1,  # the first is the module itself
        "outputs": len(list(graph.outputs())),
    }


def _training_modules(module: torch.jit.ScriptModule) -> list[str]:
    return [f"module {name or 'itself'}" for name, one in module.named_modules() if one.training]


def _training_calls(graph: torch.Graph) -> list[str]:
    """Calls whose mode is fixed to training: a trace keeps it, whatever its modules say later.

    A mode that is no constant is the module's own, which is looked at by itself.
    """
    found = []
    for node in _walk(graph):
        if _HAVE_A_MODE.match(node.kind()):
            arguments = torch._C.parse_schema(node.schema()).arguments
            modes = {
                argument.name: value.toIValue()
                for argument, value in zip(arguments, node.inputs(), strict=True)
            }
            if any(modes.get(name) is True for name in _MODE_ARGUMENTS):
                found.append(f"{node.kind()} {node.outputsAt(0).debugName()}")
    return found


def _walk(block: Any) -> Iterator[Any]:
    """Every node of a graph, those in branches and loops too."""
    for node in block.nodes():
        yield node
        for inner in node.blocks():
            yield from _walk(inner)
