"""The small network and what is compiled of it, made once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from openvino_networks import Floats, images, write_network

from harness.backends.backend import Backend, Build
from harness.expected.buildconfig import Quantize, read_build_config
from harness.pipeline.catalogue import EXPECTED


@dataclass(frozen=True)
class Compiled:
    """The main file of a compiled model, and what was said of it."""

    path: Path
    facts: Mapping[str, Any]


@pytest.fixture(scope="session")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_network(tmp_path_factory.mktemp("network") / "model.onnx")


@pytest.fixture(scope="session")
def calibration(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("calibration") / "calibration.npy"
    np.save(path, images(8))
    return path


@pytest.fixture(scope="session")
def evaluation() -> Floats:
    return images(12, seed=2)


@pytest.fixture(scope="session")
def build(network: Path, calibration: Path) -> Build:
    """The network to int8, as the embedded build config says."""
    config = read_build_config(EXPECTED / "build" / "embedded.yaml")
    return Build(model=network, precision="int8", config=config, calibration=calibration)


@pytest.fixture
def asked(build: Build) -> Callable[..., Build]:
    """The same build with another mode, or scales for each tensor."""

    def change(*, mode: str = "max", per_channel: bool = True) -> Build:
        backend = replace(build.config.backend, quantize=Quantize(mode, per_channel))
        return replace(build, config=replace(build.config, backend=backend))

    return change


@pytest.fixture
def compiled(tmp_path: Path) -> Callable[[Backend, Build], Compiled]:
    """Compiles into a new folder."""

    def compile_in_new_folder(backend: Backend, build: Build) -> Compiled:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        facts = backend.compile(build, folder)
        name = backend.compiles("int8")
        assert name is not None
        return Compiled(folder / name, facts)

    return compile_in_new_folder
