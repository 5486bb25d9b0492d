"""The steps as they run in the isolated child process: each writes its files and returns facts.

A step never judges. What it made and what it saw goes into the artifact store, so that a judgement
can be made again, and differently, without building anything.
"""

from harness.pipeline.steps.counting import count
from harness.pipeline.steps.exporting import export_onnx, export_torchscript
from harness.pipeline.steps.networks import FITTED, Images, NetworkSpec, Weights, fit
from harness.pipeline.steps.publishing import published
from harness.pipeline.steps.referring import reference
from harness.pipeline.steps.targets import compile_model, run

__all__ = [
    "FITTED",
    "Images",
    "NetworkSpec",
    "Weights",
    "compile_model",
    "count",
    "export_onnx",
    "export_torchscript",
    "fit",
    "published",
    "reference",
    "run",
]
