"""The steps of a case, declared: what each runs, what it may take, and how it fails.

===========  =================================  ============================================
step         from                               to
===========  =================================  ============================================
published    the source's package               accuracies that it publishes
count        network                            operations and parameters under each rule
fit          reference network, images          what its seeded weights owe to the images
reference    network, weights, images           its own logits, in float32 and float64
export       network, weights                   a TorchScript or ONNX file
compile      export, calibration images         the model of a backend in a precision
run          export or model, images            logits
===========  =================================  ============================================

``Pipeline`` gives each its inputs and its key; ``Builder`` looks it up, or runs it in the child.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from harness.errors import (
    BuildError,
    CompileError,
    CountError,
    ExportError,
    MeasureError,
    RunError,
    StageError,
)
from harness.pipeline import steps
from harness.pipeline.limits import RUN_COPIES


@dataclass(frozen=True, slots=True)
class Step:
    """Work of one kind, done in the child.

    Attributes:
        name: as keys and messages have it.
        function: what runs. Of a step that is kept, it gets the folder to write to, then the
            inputs, and returns the facts.
        error: what is raised where it fails, hangs or dies.
        copies: times the parameters' size that it needs at its peak, measured on the largest
            network.
        checked: whether its files are looked at whenever it is used, and built once more where
            they are not what was written. Models are looked at by who opens them.
        recycles: whether frameworks have to give their memory back before, for a large network.
    """

    name: str
    function: Callable[..., Any]
    error: type[StageError]
    copies: float
    checked: bool = False
    recycles: bool = False


PUBLISHED = Step("published", steps.published, MeasureError, copies=0.0)
COUNT = Step("count", steps.count, CountError, copies=0.0)
FIT = Step("fit", steps.fit, BuildError, copies=2.5)
REFERENCE = Step("reference", steps.reference, BuildError, copies=2.5, checked=True)
TORCHSCRIPT = Step("export", steps.export_torchscript, ExportError, copies=5.0)
ONNX = Step("export", steps.export_onnx, ExportError, copies=5.0)
COMPILE = Step("compile", steps.compile_model, CompileError, copies=4.0, recycles=True)
RUN = Step("run", steps.run, RunError, copies=RUN_COPIES, checked=True, recycles=True)
