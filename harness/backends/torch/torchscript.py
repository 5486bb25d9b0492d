"""TorchScript files, run by torch: in float32 and half precision, on the CPU or on CUDA.

How many threads torch uses on the CPU is the process's affair: one in the children that run the
suite's steps (``CHILD_ENVIRONMENT`` in ``harness/runtime/isolation.py``).
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from torch.jit import optimized_execution  # type: ignore[attr-defined]

from harness.backends.backend import Precision
from harness.backends.torch import precisions as torch_precisions
from harness.errors import OutOfDeviceMemory, RunError

Floats = npt.NDArray[np.float32]

ALLOW_TF32: Final = 12
"""Which argument of ``aten::_convolution`` it is."""


def load(path: Path) -> torch.jit.ScriptModule:
    """The module of a file, on the CPU, without TF32.

    Raises RuntimeError or ValueError where it is none.
    """
    with warnings.catch_warnings():
        for deprecated in (FutureWarning, DeprecationWarning):  # by the version of torch
            warnings.simplefilter("ignore", deprecated)
        module: torch.jit.ScriptModule = torch.jit.load(str(path), map_location="cpu")
    _forbid_tf32(module)
    return module


def _forbid_tf32(module: torch.jit.ScriptModule) -> None:
    """Have convolutions compute float32 in float32, whatever the file says of TF32.

    Tracing writes the switch of its own process into each convolution, and that goes before the
    switches of :func:`settle_cuda`. Before the module is run or looked at: what torch has inlined
    once stays.
    """
    for part in module.modules():
        compiled: Any = part._c
        for method in compiled._method_names():
            graph = compiled._get_method(method).graph
            for node in graph.findAllNodes("aten::_convolution"):
                arguments = len(list(node.inputs()))
                if arguments <= ALLOW_TF32:  # written before there was TF32
                    continue
                with graph.insert_point_guard(node):
                    never = graph.insertConstant(False)
                node.replaceInput(ALLOW_TF32, never)


class TorchScriptSession:
    """A TorchScript model ready to run.

    Raises:
        RunError: the file cannot be loaded, or not be cast to the precision.
        OutOfDeviceMemory: it does not fit into the device.
    """

    def __init__(self, model: Path, *, precision: Precision = "fp32", device: str = "cpu") -> None:
        """``device``: as torch names it, ``cpu`` or ``cuda:0``."""
        self._precision: Precision = precision
        self._dtype = torch_precisions.dtype_of(precision)
        self._device = torch.device(device)
        self._watched = False
        if self._device.type == "cuda":
            settle_cuda()
        try:
            self._module = load(model)
            torch_precisions.cast(self._module, precision)
            self._module.to(self._device)
        except torch.OutOfMemoryError as error:
            raise OutOfDeviceMemory(f"{model.name} on {device}: {error}") from error
        except (RuntimeError, ValueError, OSError) as error:
            raise RunError(f"torch cannot load {model.name}: {error}") from error

    def logits(self, images: Floats) -> Floats:
        """Run images (n, 3, height, width) as one batch: float32 (n, classes).

        They are cast to the session's precision, and what comes out is cast back.

        Raises:
            RunError: torch refuses the images or has no kernel for an operator in this precision,
                or the module computes in another precision than asked for.
            OutOfDeviceMemory: the batch does not fit into the device.
        """
        batch = as_batch(images)
        try:
            # the optimizing executor fuses on CUDA from the second call on, and rounds otherwise
            optimized = self._device.type == "cpu"
            with torch.inference_mode(), optimized_execution(optimized):
                outputs = self._run(batch.to(self._device, self._dtype))
        except torch.OutOfMemoryError as error:
            raise OutOfDeviceMemory(f"batch of {len(images)}: {error}") from error
        except RuntimeError as error:
            why = torch_precisions.reason(error)
            raise RunError(f"torch, {self._precision}, batch of {len(images)}: {why}") from error
        return as_logits(outputs, self._precision)

    def _run(self, batch: torch.Tensor) -> object:
        """Run a batch; the first one of a session is watched."""
        if self._watched:
            return self._module(batch)
        seen = torch_precisions.HeavyOperators()
        try:
            with seen:
                outputs = self._module(batch)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            seen.require(self._precision)  # two precisions that meet are often what is refused
            raise RuntimeError(seen.refusal or torch_precisions.reason(error)) from error
        seen.require(self._precision)
        self._watched = True
        return outputs


def as_batch(images: Floats) -> torch.Tensor:
    """Images as a tensor; only what torch cannot refer to (views, read-only) is copied.

    Raises:
        RunError: they are not float32 of four dimensions.
    """
    if images.dtype != np.float32 or images.ndim != 4:
        raise RunError(
            f"images are {images.dtype} of shape {images.shape}, expected float32 "
            "(n, 3, height, width)"
        )
    return torch.from_numpy(np.require(images, requirements=["C", "W"]))


def as_logits(outputs: object, precision: Precision) -> Floats:
    """A module's one output as an array of its own, float32 (n, classes).

    Raises:
        RunError: there is not one tensor of two dimensions, in that precision.
    """
    if not isinstance(outputs, torch.Tensor):
        raise RunError(f"the model gives a {type(outputs).__name__}, expected one tensor")
    if outputs.ndim != 2:
        raise RunError(f"the model gives shape {tuple(outputs.shape)}, expected (n, classes)")
    torch_precisions.require_dtype(outputs, precision)
    return np.array(outputs.to("cpu", torch.float32).numpy(), order="C")


def settle_cuda() -> None:
    """Have CUDA compute float32 in float32, and the same twice: for the whole process, for good.

    TF32 keeps ten bits of a mantissa, and is what torch takes for convolutions unless told. The
    switches are the process's, so going back after each run would change another thread's. What a
    traced file says of its own convolutions :func:`load` takes out.
    """
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction = False
    torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False
