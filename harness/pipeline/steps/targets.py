"""Compiling and running exported models, on whatever backend."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from harness.backends.backend import Build, Host, Precision
from harness.backends.registry import backend
from harness.backends.session import run_batches
from harness.expected.buildconfig import BuildConfig
from harness.images.levels import levels_of
from harness.pipeline.steps.networks import load, make_room
from harness.sources.forms import Batches


def compile_model(
    folder: Path,
    name: str,
    host: Host,
    precision: Precision,
    model: Path,
    calibration: Path,
    config: BuildConfig,
) -> Mapping[str, Any]:
    """Compile an exported model on the backend of this name, calibrated on a file of images."""
    make_room()
    target = backend(name, host)
    with tempfile.TemporaryDirectory(dir=folder.parent) as workspace:
        levels = Path(workspace) / "levels.npy"
        if target.input == "levels":
            np.save(levels, levels_of(load(calibration), config.process_ops))
        build = Build(
            model=model,
            precision=precision,
            config=config,
            calibration=calibration,
            levels=levels,
        )
        return target.compile(build, folder)


def run(
    folder: Path,
    name: str,
    host: Host,
    precision: Precision,
    model: Path,
    images: Path,
    batches: Batches,
    config: BuildConfig,
) -> Mapping[str, Any]:
    """Run a model on these batches of images, one after the other: ``logits.npy``."""
    target = backend(name, host)
    session = target.session(model, precision=precision)
    given: Any = load(images)
    if target.input == "levels":
        given = levels_of(given, config.process_ops)
    np.save(folder / "logits.npy", run_batches(session, given, batches=batches))
    return {"batches": [list(batch) for batch in batches]}
