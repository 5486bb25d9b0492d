"""The rules of fvcore and of mmengine, which was made from it: operators of a traced run.

Tracing needs a run on numbers, and networks index by their buffers: those have the module's values.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn

from harness.counting.counts import Counts, exact
from harness.counting.on_meta import on_meta


def count_mmengine(module: nn.Module, *, input_shape: tuple[int, int, int]) -> Counts:
    """Count a torch module as ``mmengine.analysis`` does.

    Operations are multiply-accumulates of convolutions and matrix products, elements of
    normalisation (twice where affine, layer norm five times), and pooled elements.

    Raises:
        ModuleNotFoundError: mmengine is not installed.
        CountError: the total is not a whole number.
    """
    from mmengine.analysis import FlopAnalyzer

    return _count(FlopAnalyzer, module, input_shape)


def count_fvcore(module: nn.Module, *, input_shape: tuple[int, int, int]) -> Counts:
    """As :func:`count_mmengine`, by ``fvcore.nn.FlopCountAnalysis``."""
    analysis = importlib.import_module("fvcore.nn").FlopCountAnalysis
    return _count(analysis, module, input_shape)


def _count(
    analysis: Callable[..., Any], module: nn.Module, input_shape: tuple[int, int, int]
) -> Counts:
    copy_on_meta = _with_memory(on_meta(module), module).eval()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # a trace warns of every Python value that it keeps
        analyser = analysis(copy_on_meta, torch.zeros(1, *input_shape))
        analyser.unsupported_ops_warnings(False)
        analyser.uncalled_modules_warnings(False)
        total = analyser.total()
    return Counts(
        operations=exact(float(total), what="traced operations"),
        params=sum(parameter.numel() for parameter in module.parameters()),
    )


def _with_memory(copy_on_meta: nn.Module, module: nn.Module) -> nn.Module:
    """The copy on the CPU, for a run that is the same whatever its memory held before.

    Buffers get the module's values, or zeros where it has none (on ``meta``): zero is an index into
    anything. So do parameters that are no floating-point numbers. The others stay uninitialised:
    arithmetic on them changes no shape, and memory that is not written to costs nothing.
    """
    copy_on_meta.to_empty(device="cpu")
    originals = dict(_tensors(module))
    with torch.no_grad():
        for name, tensor in _tensors(copy_on_meta):
            if isinstance(tensor, nn.Parameter) and tensor.is_floating_point():
                continue
            if originals[name].is_meta:
                tensor.zero_()
            else:
                tensor.copy_(originals[name])
    return copy_on_meta


def _tensors(module: nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    """Every parameter and buffer by each of its names."""
    yield from module.named_parameters(remove_duplicate=False)
    yield from module.named_buffers(remove_duplicate=False)
