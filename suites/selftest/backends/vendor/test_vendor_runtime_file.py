"""The run-time file that goes with a build config does what the zoo's own does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.backends.vendor import runtime_text
from harness.errors import ExpectationError
from harness.expected.buildconfig import (
    CenterCrop,
    DecodeImage,
    Normalize,
    ProcessOp,
    Resize,
    ToTensor,
    read_build_config,
)
from harness.images.vdsp import read_vdsp_params

ZOO = Path(__file__).resolve().parents[4] / "../shared/zoo/resnext"
NORMALIZE = Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))

pytestmark_zoo = pytest.mark.skipif(not ZOO.is_dir(), reason="the zoo's own files are not here")


@pytestmark_zoo
@pytest.mark.parametrize("source", ["timm", "torchvision", "mmcls", "ppcls"])
def test_file_is_the_zoos_own_for_its_config(source: str) -> None:
    config = read_build_config(ZOO / f"build/{source}_resnext.yaml")
    written = json.loads(runtime_text(config.process_ops))
    files = sorted((ZOO / "vdsp_params").glob(f"{source}-*.json"))
    assert files
    assert all(json.loads(file.read_text(encoding="utf-8")) == written for file in files)


def test_file_is_read_back_with_the_sizes_asked_for(tmp_path: Path) -> None:
    steps = (DecodeImage(), Resize((50, 60)), CenterCrop((32, 41)), NORMALIZE, ToTensor())
    (tmp_path / "vdsp.json").write_text(runtime_text(steps), encoding="utf-8")
    params = read_vdsp_params(tmp_path / "vdsp.json")
    assert (params.resize, params.crop, params.origin) == ((50, 60), (32, 41), (9, 9))
    assert params.div255
    assert params.mean == pytest.approx(NORMALIZE.mean, abs=2e-4)


def test_no_crop_is_the_whole_image(tmp_path: Path) -> None:
    (tmp_path / "vdsp.json").write_text(runtime_text((Resize((32, 32)), NORMALIZE)), "utf-8")
    params = read_vdsp_params(tmp_path / "vdsp.json")
    assert (params.resize, params.crop, params.origin) == ((32, 32), (32, 32), (0, 0))


@pytest.mark.parametrize(
    "steps",
    [
        (Resize((256,)), CenterCrop((224, 224)), NORMALIZE),  # keeps the aspect ratio
        (CenterCrop((224, 224)), Resize((256, 256)), NORMALIZE),
        (NORMALIZE,),
    ],
)
def test_what_the_fused_operator_cannot_do_is_refused(steps: tuple[ProcessOp, ...]) -> None:
    with pytest.raises(ExpectationError, match="fused operator takes Resize to"):
        runtime_text(steps)
