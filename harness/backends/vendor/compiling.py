"""``vamc``: an exported model and a build config to the three files of a compiled model."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from harness.backends.vendor.diagnosis import COMPILING, cause, failure
from harness.backends.vendor.processes import Ended, run_tool
from harness.backends.vendor.toolchain import Toolchain
from harness.backends.vendor.workspaces import workspace
from harness.errors import CalibrationError, CompileError, HarnessError, PartialCompilation
from harness.expected.buildconfig import BuildConfig, DatasetSection, read_build_config, render
from harness.expected.buildconfig.reading import IMAGES_ON_DISK
from harness.runtime.atomic import write_text

Precision = Literal["fp16", "int8"]

TYPE = "tvm_vacc"  # backend.type of every public build config
FILES = 3  # of a compiled model, under one prefix
FRONTENDS = {".onnx": "onnx", ".pt": "pytorch"}  # frontend.type by the model's suffix


@dataclass(frozen=True, slots=True)
class CalibrationFolder:
    """Images on disk that calibrate: the first ``images`` with this suffix, as vamc picks them."""

    path: Path
    suffix: str
    images: int


@dataclass(frozen=True, slots=True)
class Compiled:
    """A compiled model, and what was seen while it was made.

    Attributes:
        prefix: what the runner's ``-m`` takes.
        files: the model's files.
        bytes: of all files together.
        seconds: wall time of the compiler.
        log: the end of what it printed.
    """

    prefix: Path
    files: tuple[Path, ...]
    bytes: int
    seconds: float
    log: str


def build_config(
    recipe: BuildConfig,
    *,
    name: str,
    model: Path,
    precision: Precision,
    calibration: CalibrationFolder | None = None,
) -> BuildConfig:
    """What compiles a model as a recipe says; the workspace is set when it is compiled.

    Args:
        recipe: the input, how int8 scales are found, the preprocessing, what ends the graph. Its
            own data set is not used.
        calibration: what int8 is calibrated on; fp16 needs none.

    Raises:
        CompileError: the model's suffix is none that the compiler is told about.
        CalibrationError: int8 without images.
        ExpectationError: the recipe does not say how int8 scales are found, or has no
            preprocessing.
    """
    if model.suffix not in FRONTENDS:
        raise CompileError(f"{model.name}: expected a file in {' or '.join(FRONTENDS)}")
    frontend = replace(
        recipe.frontend, type=FRONTENDS[model.suffix], checkpoint=str(model.absolute())
    )
    quantize, dataset = None, None
    if precision == "int8":
        if calibration is None:
            raise CalibrationError("int8 without calibration images")
        quantize = recipe.quantize
        dataset = DatasetSection(
            type=IMAGES_ON_DISK,
            images=calibration.images,
            process_ops=recipe.process_ops,
            path=str(calibration.path.absolute()),
            suffix=calibration.suffix,
        )
    backend = replace(recipe.backend, type=TYPE, dtype=precision, quantize=quantize)
    return replace(recipe, name=name, frontend=frontend, backend=backend, dataset=dataset)


def compile_model(
    toolchain: Toolchain,
    config: BuildConfig,
    target: Path,
    *,
    timeout_s: float,
    case: str = "",
) -> Compiled:
    """Compile a model into the folder ``target``, which comes into being whole or not at all.

    The build config is written into the workspace and read back before anything runs. Whatever
    else the compiler leaves is thrown away.

    Args:
        target: a folder that does not exist yet, or is empty; on the file system of its parent.
        timeout_s: seconds for the compiler.
        case: named in errors.

    Raises:
        Unavailable: the compiler is not here, may not be used, does not fit, or the disk is full.
        CompileError: it failed, hung or crashed, or did not leave exactly one model in three files.
        HarnessError: the config would not be read back as it is, or a file error.
    """
    _make(target.parent)
    with workspace(target.parent) as folder:
        written = folder / "build.yaml"
        made = folder / "made"
        made.mkdir()
        _write(written, replace(config, workspace=str(made)))
        ended = run_tool(
            [toolchain.vamc, toolchain.verb, written],
            folder=folder,
            environment=toolchain.environment,
            timeout_s=timeout_s,
        )
        if error := failure(ended, COMPILING, case=case):
            raise error
        files = _model_files(made, ended, case)
        kept = folder / "kept"
        kept.mkdir()
        for file in files:
            os.rename(file, kept / file.name)
        os.rename(kept, target)
    stem = files[0].stem
    final = tuple(target / file.name for file in files)
    size = sum(file.stat().st_size for file in final)
    return Compiled(target / stem, final, size, ended.seconds, ended.log)


def _write(path: Path, config: BuildConfig) -> None:
    write_text(path, render(config))
    if read_build_config(path) != config:
        raise HarnessError(f"build config {config.name!r} would not be read back as it is")


def _model_files(made: Path, ended: Ended, case: str) -> Sequence[Path]:
    """The files of the one model below a folder.

    Raises:
        PartialCompilation: there is none, or not exactly one; names all that is there.
        Unavailable: so, and the log tells why.
    """
    files = sorted(path for path in made.rglob("*") if path.is_file() and not path.is_symlink())
    models: dict[Path, list[Path]] = {}
    for file in files:
        if file.stat().st_size > 0:
            models.setdefault(file.with_suffix(""), []).append(file)
    complete = [parts for parts in models.values() if len(parts) == FILES]
    if len(complete) == 1:
        return complete[0]
    if told := cause(ended, COMPILING, case=case):
        raise told
    found = ", ".join(f"{file.relative_to(made)} ({file.stat().st_size} bytes)" for file in files)
    raise PartialCompilation(
        f"{ended.tool} ended well and left {found or 'nothing'}; "
        f"expected one model of {FILES} files with content under one prefix",
        case=case,
        log=ended.log,
    )


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise HarnessError(f"cannot make {folder}: {error.strerror or error}") from error
