"""The rules of fvcore and of mmengine, which was made from it: operators of a traced run.

Tracing needs a run on numbers: the twin has memory, whose content is never looked at.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from harness.complexity.counts import Counts, exact
from harness.complexity.meta_twin import meta_twin


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
    twin = meta_twin(module).to_empty(device="cpu").eval()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # a trace warns of every Python value that it keeps
        analyser = analysis(twin, torch.zeros(1, *input_shape))
        analyser.unsupported_ops_warnings(False)
        analyser.uncalled_modules_warnings(False)
        total = analyser.total()
    return Counts(
        operations=exact(float(total), what="traced operations"),
        params=sum(parameter.numel() for parameter in module.parameters()),
    )
