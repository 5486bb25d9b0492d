"""Compiling and running exported models, on whatever backend."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from harness.backends.backend import Build, Host, Precision
from harness.backends.registry import backend
from harness.backends.session import run_batches
from harness.expected.buildconfig import BuildConfig
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
    build = Build(model=model, precision=precision, config=config, calibration=calibration)
    return backend(name, host).compile(build, folder)


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
    given = target.runner.prepare(load(images), config.process_ops)
    np.save(folder / "logits.npy", run_batches(session, given, batches=batches))
    return {"batches": [list(batch) for batch in batches]}
