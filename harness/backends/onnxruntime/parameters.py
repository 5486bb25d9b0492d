"""What an int8 model in QDQ form was quantized with, beside what that should follow from.

Computed anew from the float model and the calibration images, with nothing of the quantizer's but
its file: the range of each activation over all images, and from each weight its scales and codes.
Who judges them is :mod:`harness.judging.quantization`.

What ONNX Runtime's quantizer makes of ranges is known here as rules: what a rectifier reads is
stored in the range of what it gives, a softmax gives 0 to 1, and what only moves or pools values
may keep the parameters of what it reads.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.backends.onnxruntime.constants import constants
from harness.backends.onnxruntime.qdq_graph import Graph
from harness.backends.onnxruntime.ranges import activations

Floats = npt.NDArray[np.float32]


def read_parameters(
    model: Path, compiled: Path, *, calibration: Floats, per_channel: bool, workspace: Path
) -> dict[str, Any]:
    """The parameters of a compiled model, with what they should be, in JSON's types.

    ``model``: the float model that was quantized; ``calibration``: images (n, 3, height, width).
    ``activations``: of each tensor ``scale`` and ``zero_point``, and ``ranges``, one of which they
    follow from: (lowest, highest) over all images, None where not finite. ``constants``: of each
    weight, bias or other constant the channel whose scale is furthest from what it should be, and
    how well its codes fit. ``unknown``: what cannot be found in the float model.

    Raises:
        CompileError: a scale or zero point is no constant.
    """
    floats, codes = Graph(model), Graph(compiled)
    found, unknown = activations(floats, codes, model, calibration=calibration, workspace=workspace)
    return {
        "activations": found,
        "constants": list(constants(floats, codes, per_channel=per_channel)),
        "unknown": unknown,
    }
