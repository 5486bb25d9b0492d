"""The vendor's build configs: how a model is compiled, and on what it is calibrated.

One YAML file a model: ``frontend`` says what is compiled, ``backend`` how, ``dataset`` which images
calibrate it and how they are preprocessed. Everything in a file is read or refused by name: a key
that nobody reads would be a setting that silently does nothing.
"""

from harness.expected.buildconfig.config import (
    BackendSection,
    BuildConfig,
    DatasetSection,
    Frontend,
    Quantize,
    render,
)
from harness.expected.buildconfig.process_ops import (
    CenterCrop,
    DecodeImage,
    Normalize,
    ProcessOp,
    Resize,
    ToTensor,
)
from harness.expected.buildconfig.reading import read_build_config

__all__ = [
    "BackendSection",
    "BuildConfig",
    "CenterCrop",
    "DatasetSection",
    "DecodeImage",
    "Frontend",
    "Normalize",
    "ProcessOp",
    "Quantize",
    "Resize",
    "ToTensor",
    "read_build_config",
    "render",
]
