"""The vendor's run-time files are read whole and run, or refused by the name of what is wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from harness.errors import ExpectationError
from harness.images.pipelines.vendor import RUN_TIME_FRACTIONS, RUN_TIME_LEVELS
from harness.images.vdsp import preprocess, read_vdsp_params

VENDOR = Path(__file__).resolve().parents[4] / "../shared/zoo/resnext/vdsp_params"

WHOLE = """\
{
    "OpType": "FUSION_OP_RGB_RESIZE_CVTCOLOR_CROP_NORM_TENSOR",
    "OpConfig": {
        "IimageFormat": "RGB_PLANAR",
        "IimageWidth": 256,
        "IimageHeight": 256,
        "OimageWidth": 224,
        "OimageHeight": 224,
        "CropX": 16,
        "CropY": 16,
        "ResizeWidth": 256,
        "ResizeHeight": 256,
        "IimageWidthPitch": 256,
        "IimageHeightPitch": 256,
        "Mean": [0.485107421875, 0.4560546875, 0.406005859375],
        "Std": [0.22900390625, 0.2239990234375, 0.2249755859375],
        "NormaType": "DIV255_MINUSMEAN_DIVSTD",
        "ColorCvtCode": "NO_CHANGE",
        "ResizeType": "BILINEAR_CV"
    }
}
"""

Spoiled = Callable[[str, str], Path]


@pytest.fixture
def spoiled(tmp_path: Path) -> Spoiled:
    """Writes the vendor's file with one text replaced."""

    def write(old: str, new: str) -> Path:
        assert old in WHOLE
        path = tmp_path / "vdsp.json"
        path.write_text(WHOLE.replace(old, new, 1), encoding="utf-8")
        return path

    return write


def test_all_vendor_files_are_read_and_run() -> None:
    paths = sorted(VENDOR.glob("*.json"))
    if not paths:
        pytest.skip(f"the vendor's run-time files are not here: {VENDOR}")
    image = np.random.default_rng(1).integers(0, 256, (90, 70, 3), np.uint8)
    for path in paths:
        params = read_vdsp_params(path)
        assert params == (RUN_TIME_LEVELS if "mmcls" in path.name else RUN_TIME_FRACTIONS)
        assert preprocess(image, params).shape == (3, 224, 224)
    assert len(paths) == 29


def test_every_key_counts(spoiled: Spoiled) -> None:
    assert read_vdsp_params(spoiled("{", "{")) == RUN_TIME_FRACTIONS
    for line in WHOLE.splitlines():
        key = line.split('"')[1] if '"' in line else ""
        if key and key not in ("OpConfig",):
            document = json.loads(WHOLE)
            (document if key == "OpType" else document["OpConfig"]).pop(key)
            path = spoiled("{", "{")
            path.write_text(json.dumps(document), encoding="utf-8")
            with pytest.raises(ExpectationError, match=rf"vdsp\.json: .*{key} is missing"):
                read_vdsp_params(path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"CropX"', '"CropXX"', "OpConfig.CropXX: unknown key (did you mean 'CropX'?)"),
        ('"CropX": 16', '"CropX": 33', "OpConfig.CropX is 33, expected a whole number from 0"),
        ('"CropX": 16', '"CropX": 16.0', "OpConfig.CropX is 16.0, expected a whole number"),
        ('"CropY": 16', '"CropY": true', "OpConfig.CropY is True, expected a whole number"),
        ('"CropX": 16', '"CropY": 16', "key 'CropY' stands here twice"),
        ('"OimageWidth": 224', '"OimageWidth": 257', "OimageWidth is 257, expected at most Resize"),
        ('"ResizeWidth": 256', '"ResizeWidth": 0', "ResizeWidth is 0, expected a whole number"),
        ('WidthPitch": 256', 'WidthPitch": 255', "IimageWidthPitch is 255, expected at least"),
        ("RGB_PLANAR", "BGR_PLANAR", "IimageFormat is 'BGR_PLANAR', expected RGB_PLANAR (did you"),
        ("BILINEAR_CV", "NEAREST", "ResizeType is 'NEAREST', expected BILINEAR_CV"),
        (
            "DIV255_MINUS",
            "DIV25_MINUS",
            "NormaType is 'DIV25_MINUSMEAN_DIVSTD', expected DIV255",
        ),
        ("FUSION_OP_RGB", "FUSION_OP_BGR", "OpType is 'FUSION_OP_BGR_RESIZE"),
        ("0.485107421875", "0.485", "Mean is [0.485, 0.4560546875, 0.406005859375], expected what"),
        (
            "0.22900390625",
            "0",
            "Std is [0, 0.2239990234375, 0.2249755859375], expected three numbers from 0.000001",
        ),
        ("0.22900390625, ", "", "Std is [0.2239990234375, 0.2249755859375], expected three"),
        ("0.22900390625", "NaN", "Std is [nan, "),
        ('"CropX": 16,', '"CropX": 16', ":10: not JSON: "),
        (WHOLE, "[]", "expected keys and values, got []"),
        (WHOLE, " " * 70_000, "larger than 65536 bytes"),
        (WHOLE, "[" * 60_000, "not JSON as expected"),
    ],
)
def test_wrong_file_is_refused(spoiled: Spoiled, old: str, new: str, message: str) -> None:
    with pytest.raises(ExpectationError, match=r"vdsp\.json.*" + re.escape(message)):
        read_vdsp_params(spoiled(old, new))


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ExpectationError, match=r"cannot read .*none\.json: No such file"):
        read_vdsp_params(tmp_path / "none.json")
