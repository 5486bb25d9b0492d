"""torch's compiler, inductor, on TorchScript exports: ahead of time, to a file.

``torch.compile`` itself does not serve here: it runs a ScriptModule uncompiled, without a word
(asked for a full graph, it refuses). So the export is converted to torch's own program form
(by the converter that torch's error message names) and compiled ahead of time: what comes out is a
file with machine code in it, or an error, and never a model that runs as before.

The file holds code for this very processor, and its weights. It does not look at what it is given:
images of another shape or type would be read as if they fitted. So the session looks.
"""

from __future__ import annotations

import logging
import os
import re
import tempfile
import threading
import warnings
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from harness.backends.torch.torchscript import as_batch, as_logits
from harness.errors import CompileError, RunError

Floats = npt.NDArray[np.float32]

CACHE = "TORCHINDUCTOR_CACHE_DIR"
OPTIONS: Mapping[str, Any] = {
    "compile_threads": 1,  # else a pool of processes is left behind
    "cpp.threads": 1,
    "cpp.vec_isa_ok": True,  # else small programs are compiled to try what the processor says
    "cpp_cache_precompile_headers": False,  # they would be kept in a folder of all users
    "aot_inductor.precompile_headers": False,
}
SHAPE = "zoo_input_shape"  # under which a file remembers what it was compiled for

_KERNEL = re.compile(r"^ +(?:kernels\.)?(cpp_fused_\w+)\(", re.MULTILINE)
_LIBRARY_CALL = re.compile(r"aoti_torch_cpu_(\w+)\(")


def compile_fp32(model: Path, compiled: Path, *, input_shape: tuple[int, int, int]) -> Counter[str]:
    """Compile a TorchScript file for any number of images of one shape.

    Returns how often each kernel that inductor wrote, and each operator of torch that it left to
    be called, stands in the compiled model.

    Raises:
        CompileError: the export cannot be converted or compiled, or nothing was compiled.
    """
    with tempfile.TemporaryDirectory(dir=compiled.parent) as workspace, _quiet(Path(workspace)):
        try:
            program = _program(model, input_shape)
            options = {**OPTIONS, "aot_inductor.metadata": {SHAPE: _text(input_shape)}}
            torch._inductor.aoti_compile_and_package(
                program, package_path=str(compiled), inductor_configs=options
            )
        except Exception as error:  # torch raises classes of every kind here
            raise CompileError(
                f"inductor, {model.name}: {type(error).__name__}: {error}"
            ) from error
    return executed(compiled)


def executed(compiled: Path) -> Counter[str]:
    """What a compiled file calls, read from the code that it was compiled from.

    Raises:
        CompileError: it holds no machine code, or no kernel of inductor's own.
    """
    with zipfile.ZipFile(compiled) as package:
        names = package.namelist()
        sources = [
            package.read(name).decode(errors="replace")
            for name in names
            if name.endswith("wrapper.cpp")
        ]
    calls = Counter(call for source in sources for call in _KERNEL.findall(source))
    if not calls or not any(name.endswith(".so") for name in names):
        raise CompileError("inductor compiled nothing: the file holds no kernel of its own")
    calls.update(call for source in sources for call in _LIBRARY_CALL.findall(source))
    return calls


class InductorSession:
    """A compiled file, ready to run.

    Raises:
        RunError: it cannot be loaded, or does not say what it was compiled for.
    """

    def __init__(self, compiled: Path) -> None:
        from torch._inductor import aoti_load_package

        if not compiled.is_file():  # torch would say so, and keep a folder
            raise RunError(f"there is no compiled model {compiled.name}")
        try:
            self._run: Any = aoti_load_package(str(compiled), run_single_threaded=False)
            self._shape = self._run.get_metadata().get(SHAPE, "")
        except Exception as error:
            said = str(error).partition("\n")[0]  # then a list of all that is in the file
            raise RunError(f"torch cannot load {compiled.name}: {said}") from error
        if not self._shape:
            raise RunError(f"{compiled.name} does not say for which images it was compiled")

    def logits(self, images: Floats) -> Floats:
        """Run images (n, 3, height, width) as one batch: float32 (n, classes).

        Raises:
            RunError: the images are of another shape or type than the model was compiled for.
        """
        batch = as_batch(images)
        if _text(images.shape[1:]) != self._shape:
            raise RunError(
                f"images of {_text(images.shape[1:])}, the model was compiled for {self._shape}"
            )
        try:
            with torch.inference_mode():
                outputs = self._run(batch)
        except RuntimeError as error:
            raise RunError(f"compiled by inductor, batch of {len(images)}: {error}") from error
        return as_logits(outputs, "fp32")


def _program(model: Path, input_shape: tuple[int, int, int]) -> torch.export.ExportedProgram:
    """A TorchScript file as torch's own program form, its number of images left open."""
    from torch._export.converter import TS2EPConverter

    example = (torch.zeros(2, *input_shape),)
    module = torch.jit.load(str(model), map_location="cpu")
    converted = TS2EPConverter(module, example).convert()
    batch = torch.export.Dim("batch")
    with torch.no_grad():
        return torch.export.export(converted.module(), example, dynamic_shapes=({0: batch},))


_QUIET = threading.Lock()
"""What is set for the whole process is set back by whoever set it, and not by somebody later."""


@contextmanager
def _quiet(workspace: Path) -> Iterator[None]:
    """Keep inductor's files in a workspace, and its warnings to itself; one thread at a time."""
    with _QUIET:
        yield from _alone(workspace)


def _alone(workspace: Path) -> Iterator[None]:
    before = os.environ.get(CACHE)
    os.environ[CACHE] = str(workspace)  # read already where it is imported
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        from torch._inductor.utils import fresh_cache

        with warnings.catch_warnings(), fresh_cache(dir=str(workspace)):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
        if before is None:
            os.environ.pop(CACHE, None)
        else:
            os.environ[CACHE] = before


def _text(shape: tuple[int, ...]) -> str:
    return "x".join(str(side) for side in shape)
