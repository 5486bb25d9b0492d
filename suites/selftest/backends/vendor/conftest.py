"""A tiny network, compiled once in each precision by the stand-in, and images to run on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import vendor_stand_in as tiny
from PIL import Image

from harness.backends.vendor import (
    CalibrationFolder,
    Cards,
    Compiled,
    CompiledModel,
    build_config,
    compile_model,
    runtime_text,
)
from harness.expected.buildconfig import BuildConfig, DatasetSection
from harness.images.datasets.npz import write_npz

IMAGES = 6
RunnerOf = Callable[..., CompiledModel]
ConfigOf = Callable[..., BuildConfig]


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a space, an accent and a quote in its name."""
    folder = tmp_path_factory.mktemp("vendor") / "zoo of 'models' é"
    folder.mkdir()
    return folder


@pytest.fixture(scope="session")
def network(place: Path) -> Path:
    tiny.write_network(place / "tiny net.onnx")
    return place / "tiny net.onnx"


@pytest.fixture(scope="session")
def photographs(place: Path) -> CalibrationFolder:
    folder = place / "calibration images"
    folder.mkdir()
    for index in range(4):
        Image.fromarray(tiny.picture(50 + index)).save(folder / f"{index}.png")
    return CalibrationFolder(folder, "png", 4)


@pytest.fixture(scope="session")
def config_of(network: Path, photographs: CalibrationFolder) -> ConfigOf:
    """The build config of the tiny network in a precision, with changes."""
    dataset = DatasetSection("scenes", 4, tiny.STEPS)
    recipe = replace(tiny.RECIPE, dataset=dataset)

    def config(precision: str, **changes: object) -> BuildConfig:
        made = build_config(
            recipe, name="tiny", model=network, precision=precision, calibration=photographs
        )
        return replace(made, **changes)

    return config


@pytest.fixture(scope="session")
def fp16(place: Path, config_of: ConfigOf) -> Compiled:
    target = place / "compiled fp16"
    return compile_model(tiny.stand_in(), config_of("fp16"), target, timeout_s=tiny.LONG_S)


@pytest.fixture(scope="session")
def int8(place: Path, config_of: ConfigOf) -> Compiled:
    target = place / "compiled int8"
    return compile_model(tiny.stand_in(), config_of("int8"), target, timeout_s=tiny.LONG_S)


@pytest.fixture(scope="session")
def files(place: Path) -> tuple[Path, ...]:
    """Npz files whose names sort in another order than they are given in."""
    folder = place / "npz files"
    folder.mkdir()
    paths = tuple(folder / f"{(5 * index) % 7}.npz" for index in range(IMAGES))
    for index, path in enumerate(paths):
        write_npz(path, tiny.picture(index).transpose(2, 0, 1).copy())
    return paths


@pytest.fixture(scope="session")
def runtime_file(place: Path) -> Path:
    path = place / "tiny vdsp_params.json"
    path.write_text(runtime_text(tiny.STEPS), encoding="utf-8")
    return path


@pytest.fixture
def runner_of(fp16: Compiled, runtime_file: Path, tmp_path: Path) -> RunnerOf:
    """The fp16 model on a stand-in that misbehaves, in a folder that a test can look into."""
    scratch = tmp_path / "scratch space"
    scratch.mkdir()

    def runner(fault: str = "", **changes: object) -> CompiledModel:
        model = CompiledModel(
            toolchain=tiny.stand_in(fault),
            cards=Cards(tmp_path / "cards"),
            prefix=fp16.prefix,
            runtime_file=runtime_file,
            timeout_s=tiny.LONG_S,
            card_timeout_s=tiny.LONG_S,
            classes=tiny.CLASSES,
            scratch=scratch,
            case="tiny/row",
        )
        return replace(model, **changes)

    return runner
