"""Whole images, which the device prepares by a run-time file of the zoo's."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import vendor_stand_in as tiny
from PIL import Image

from harness.accuracy.measuring import ModelFile
from harness.backends.backend import Build, Host
from harness.backends.onnxruntime import sessions as onnxruntime
from harness.backends.vendor import runtime_text
from harness.backends.vendor.backend import MODEL, Vendor
from harness.backends.vendor.whole_images import Decoded, WholeImages
from harness.errors import HarnessError, RunError
from harness.expected.buildconfig import DatasetSection
from harness.images.decoding import decode
from harness.images.tensors import read_files
from harness.images.vdsp import preprocess, read_vdsp_params


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(
        tools=tiny.TOOLS,
        environment=tiny.stand_in().environment,
        cards_folder=tmp_path / "cards",
        card_timeout_s=tiny.LONG_S,
        timeout_s=tiny.LONG_S,
    )


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    """A run-time file that resizes to 40 x 40, whatever the aspect ratio, and crops 32 x 32."""
    path = tmp_path / "timm-tiny-vdsp_params.json"
    path.write_text(runtime_text(tiny.STEPS), encoding="utf-8")
    return path


@pytest.fixture
def photographs(tmp_path: Path) -> list[Path]:
    """Files of different sizes."""
    paths = [tmp_path / f"{index}.png" for index in range(5)]
    for index, path in enumerate(paths):
        Image.fromarray(tiny.picture(index)).save(path)
    return paths


def model(network: Path, host: Host, folder: Path, run_time: Path) -> ModelFile:
    folder.mkdir()
    config = replace(tiny.RECIPE, dataset=DatasetSection("scenes", 5, tiny.STEPS))
    build = Build(model=network, precision="fp16", config=config, calibration=Path())
    Vendor(host).compile(build, folder)
    return ModelFile("digest", folder / MODEL, "fp16", "vendor", replace(host, run_time=run_time))


def test_device_gets_whole_images_and_prepares_them_by_the_file(
    network: Path, host: Host, tmp_path: Path, shipped: Path, photographs: list[Path]
) -> None:
    (batch,) = Decoded(read_files(photographs)).batches(size=8)
    assert len({image.shape for image in batch.tensors}) > 1
    loaded = model(network, host, tmp_path / "made", shipped).load(threads=1)
    answers = loaded.session.logits(batch.tensors)
    params = read_vdsp_params(shipped)
    tensors = np.stack([preprocess(decode(path), params) for path in photographs])
    assert tiny.sqnr_db(onnxruntime.OnnxRuntimeSession(network).logits(tensors), answers) > 40


def test_another_file_gives_other_answers(
    network: Path, host: Host, tmp_path: Path, shipped: Path, photographs: list[Path]
) -> None:
    """What shows that the file is used, and not the one that was written with the model."""
    document = json.loads(shipped.read_text())
    document["OpConfig"]["NormaType"] = "MINUSMEAN_DIVSTD"
    wrong = tmp_path / "wrong.json"
    wrong.write_text(json.dumps(document))
    (batch,) = Decoded(read_files(photographs)).batches(size=8)
    made = model(network, host, tmp_path / "made", shipped)
    right = made.load(threads=1).session.logits(batch.tensors)
    other = replace(made, host=replace(host, run_time=wrong))
    assert tiny.sqnr_db(right, other.load(threads=1).session.logits(batch.tensors)) < 10


def test_file_that_is_gone_is_named(
    network: Path, host: Host, tmp_path: Path, shipped: Path
) -> None:
    made = model(network, host, tmp_path / "made", shipped)
    shipped.unlink()
    with pytest.raises(RunError, match=r"lacks timm-tiny-vdsp_params\.json"):
        made.load(threads=1)
    with pytest.raises(HarnessError, match=r"cannot read .*timm-tiny-vdsp_params\.json"):
        WholeImages(shipped).key(files="ab")


def test_answers_belong_to_one_content_of_the_file(shipped: Path) -> None:
    before = WholeImages(shipped).key(files="ab")
    assert WholeImages(shipped).key(files="ab") == before
    shipped.write_text(shipped.read_text() + " ")
    assert WholeImages(shipped).key(files="ab") != before


def test_bad_files_are_left_out_at_their_places(photographs: list[Path]) -> None:
    photographs[1].write_bytes(b"no image")
    images = Decoded(read_files(photographs))
    batches = list(images.batches(size=2, start=0, stop=4))
    assert [batch.indices for batch in batches] == [(0,), (2, 3)]
    assert [len(batch.tensors) for batch in batches] == [1, 2]
    assert list(images.bad) == [1]
    assert "0.png" not in str(images.bad[1])


def test_file_that_changes_meanwhile_ends_it(photographs: list[Path]) -> None:
    images = Decoded(read_files(photographs))
    photographs[3].write_bytes(photographs[4].read_bytes() + b" ")
    with pytest.raises(HarnessError, match=r"3\.png: was changed"):
        list(images.batches(size=8))
