"""Which pipeline belongs to which row: every row has one, it exists, and it is the right one."""

from __future__ import annotations

import csv
import importlib
import re
import tomllib
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from harness.errors import ExpectationError, UnknownKey
from harness.expected.buildconfig import Normalize, read_build_config
from harness.expected.pipelines import RowPipelines, read_pipelines
from harness.images.ablation.pictures import Decoder, decoder_of
from harness.images.ablation.states import params
from harness.images.pipelines import load, pipelines
from harness.images.vdsp import read_vdsp_params
from harness.pipeline.catalogue import EXPECTED, read_catalogue
from harness.records import Metric

WHOLE = """\
stated = "page"

[run_time.fractions]
pipeline = "vendor-run-time"
resize = [256, 256]
origin = [16, 16]
crop = [224, 224]
div255 = true
mean = [0.485107421875, 0.4560546875, 0.406005859375]
std = [0.22900390625, 0.2239990234375, 0.2249755859375]
exact_mean = [0.485, 0.456, 0.406]
exact_std = [0.229, 0.224, 0.225]

[rows."resnext/timm/small"]
claim = "timm-gluon_in1k"
ships = "fractions"

[rows."resnext/timm/large"]
claim = "timm-c1_in1k-288"
claim_at_input_size = "timm-c1_in1k"
ships = "fractions"
"""
ROWS = ("resnext/timm/small", "resnext/timm/large")
KNOWN = {id: pipeline.recipe.crop for id, pipeline in pipelines().items()}
ADAPTERS = {
    "timm": "from_tag",
    "torchvision": "from_weights",
    "mmcls": "from_config",
}

Spoiled = Callable[[str, str], Path]


@pytest.fixture
def spoiled(tmp_path: Path) -> Spoiled:
    """Writes the file with one text replaced."""

    def write(old: str, new: str) -> Path:
        assert old in WHOLE
        path = tmp_path / "small.toml"
        path.write_text(WHOLE.replace(old, new, 1), encoding="utf-8")
        return path

    return write


def test_file_is_read_as_it_stands(spoiled: Spoiled) -> None:
    small, large = read_pipelines(spoiled("", ""), rows=ROWS, known=KNOWN).values()
    assert (small.claim, small.claim_at_input_size, small.stated) == (
        "timm-gluon_in1k",
        "timm-gluon_in1k",
        "page",
    )
    assert (large.claim, large.claim_at_input_size) == ("timm-c1_in1k-288", "timm-c1_in1k")
    assert small.ships.pipeline == large.ships.pipeline == "vendor-run-time"
    assert small.ships.exact_std == (0.229, 0.224, 0.225)


UNKNOWN = [
    ("timm-gluon_in1k", "timm-gluon_in2k", r"small\.claim: unknown pipeline .*'timm-gluon_in1k'"),
    ('stated = "page"', 'stated = "pages"', r"stated: unknown pipeline 'pages' .*'page'"),
    ("vendor-run-time", "vendor-runtime", r"fractions\.pipeline: unknown pipeline .*run-time"),
    ('ships = "fractions"', 'ships = "fraction"', r"small\.ships: unknown run_time .*fractions"),
    ("origin", "start", r"run_time\.fractions\.start: unknown key"),
    ("claim_at_input_size", "claim_at", r"large\.claim_at: unknown key"),
    ("timm/small", "timm/smal", r"rows\.resnext/timm/smal: unknown row .*timm/small"),
]


@pytest.mark.parametrize(("old", "new", "message"), UNKNOWN)
def test_unknown_name_is_refused_with_file_and_key(
    spoiled: Spoiled, old: str, new: str, message: str
) -> None:
    with pytest.raises(UnknownKey, match=rf"small\.toml: .*{message}"):
        read_pipelines(spoiled(old, new), rows=ROWS, known=KNOWN)


WRONG = [
    ('claim = "timm-gluon_in1k"\n', "", r"small\.claim is missing, expected a text"),
    ('ships = "fractions"\n', "", r"small\.ships is missing"),
    ("0.485107421875", "0.485", r"fractions\.mean is .*, expected what float16 makes of exact_mea"),
    ("0.2249755859375", "0.225", r"fractions\.std is .* float16 makes of exact_std"),
    ("exact_std = [0.229", "exact_std = [0", r"exact_std is .*, expected three numbers from 0.0"),
    ("div255 = true", "div255 = 1", r"div255 is 1, expected true or false"),
    ("origin = [16, 16]", "origin = [33, 16]", r"origin is \[33, 16\], expected a crop that lies"),
    ("resize = [256, 256]", "resize = [256]", r"resize is \[256\], expected two numbers, rows"),
    ("crop = [224, 224]", "crop = [225, 224]", r"crop is .*, expected what vendor-run-time gives"),
    (
        'claim_at_input_size = "timm-c1_in1k"\n',
        "",
        r"large\.claim: timm-c1_in1k-288 gives 288×288, expected what .* gives, 224×224",
    ),
    (
        'claim = "timm-gluon_in1k"\n',
        'claim = "timm-gluon_in1k"\nclaim_at_input_size = "page"\n',
        r"claim_at_input_size: timm-gluon_in1k is at that size already",
    ),
]


@pytest.mark.parametrize(("old", "new", "message"), WRONG)
def test_wrong_value_is_refused_with_file_and_key(
    spoiled: Spoiled, old: str, new: str, message: str
) -> None:
    with pytest.raises(ExpectationError, match=rf"small\.toml: .*({message})"):
        read_pipelines(spoiled(old, new), rows=ROWS, known=KNOWN)


def test_row_without_an_entry_is_refused(spoiled: Spoiled) -> None:
    with pytest.raises(ExpectationError, match=r"rows\.resnext/timm/third is missing, expected"):
        read_pipelines(spoiled("", ""), rows=(*ROWS, "resnext/timm/third"), known=KNOWN)


def test_entry_of_no_row_is_refused(spoiled: Spoiled) -> None:
    with pytest.raises(UnknownKey, match=r"rows\.resnext/timm/large: unknown row"):
        read_pipelines(spoiled("", ""), rows=ROWS[:1], known=KNOWN)


def test_run_time_file_of_no_row_is_refused(spoiled: Spoiled) -> None:
    whole = tomllib.loads(WHOLE)["run_time"]["fractions"]
    second = "".join(f"{key} = {str(whole[key]).lower()}\n" for key in whole if key != "pipeline")
    path = spoiled("stated", f'[run_time.other]\npipeline = "{whole["pipeline"]}"\n{second}')
    text = path.read_text().replace(' = "page"\n', "", 1)
    path.write_text(f'stated = "page"\n{text}')
    with pytest.raises(ExpectationError, match=r"run_time\.other belongs to no row"):
        read_pipelines(path, rows=ROWS, known=KNOWN)


# ── the real ones ─────────────────────────────────────────────────────────────────────────────


def test_figures_are_those_of_the_vendors_29_files(
    rows: Mapping[str, RowPipelines], shared: Path
) -> None:
    paths = sorted((shared / "zoo/resnext/vdsp_params").glob("*.json"))
    named = {path.name.removesuffix("-vdsp_params.json"): path for path in paths}
    assert named.keys() == {row.removeprefix("resnext/").replace("/", "-") for row in rows}
    for row, one in rows.items():
        path = named[row.removeprefix("resnext/").replace("/", "-")]
        assert params(one.ships) == read_vdsp_params(path), row


def test_exact_statistics_are_those_of_the_vendors_build_configs(
    rows: Mapping[str, RowPipelines], shared: Path
) -> None:
    for row, one in rows.items():
        source = row.split("/")[1]
        config = read_build_config(shared / f"zoo/resnext/build/{source}_resnext.yaml")
        (found,) = [op for op in config.process_ops if isinstance(op, Normalize)]
        ships = one.ships
        assert found == Normalize(ships.exact_mean, ships.exact_std, div255=ships.div255), row


def test_rows_own_variant_gets_just_the_claims_pipeline(rows: Mapping[str, RowPipelines]) -> None:
    """From the installed library, by the variant's own name; PaddleClas has one for all."""
    image = np.random.default_rng(1).integers(0, 256, (90, 70, 3), np.uint8)
    for model in read_catalogue(EXPECTED).rows:
        claim, variant = rows[model.id].claim, model.variant
        if variant.source == "ppcls":
            assert claim == "paddleclas"
            continue
        expected = load(claim)(image)
        module = importlib.import_module(f"harness.sources.{variant.source}.preprocessing")
        adapter = getattr(module, ADAPTERS[variant.source])
        at_test_size = "@test" if pipelines()[claim].argument.endswith("@test") else ""
        own = adapter(f"{variant.model}{at_test_size}")(image)
        assert np.array_equal(own, expected), model.id


def test_another_variant_would_be_noticed(rows: Mapping[str, RowPipelines]) -> None:
    image = np.random.default_rng(1).integers(0, 256, (90, 70, 3), np.uint8)
    claim = rows["resnext/timm/resnext50_32x4d"].claim
    assert not np.array_equal(load("timm-gluon_in1k")(image), load(claim)(image))


def test_timms_claims_were_measured_at_the_size_of_their_pipeline(
    rows: Mapping[str, RowPipelines], shared: Path
) -> None:
    """Of what timm publishes for a tag at several sizes, the nearest is at the claim's size."""
    path = shared / "data/published/timm-results-imagenet.csv"
    with open(path, encoding="utf-8", newline="") as file:
        published = list(csv.DictReader(file))
    for model in read_catalogue(EXPECTED).rows:
        if model.variant.source != "timm":
            continue
        claim = model.row.claim(Metric.TOP1)
        assert claim is not None
        own = [one for one in published if one["model"] == model.variant.model]
        nearest = min(own, key=lambda one: abs(Decimal(one["top1"]) - claim.figure.value))
        assert int(nearest["img_size"]) == KNOWN[rows[model.id].claim][0], model.id


def test_decoders_are_those_of_the_libraries() -> None:
    """mmcv's loading takes OpenCV unless told otherwise; PaddleClas' predictor reads with it."""
    transforms = pytest.importorskip("mmcv.transforms")
    assert transforms.LoadImageFromFile().imdecode_backend == "cv2"
    root = Path(importlib.util.find_spec("paddleclas").origin).parent  # type: ignore[union-attr]
    predictor = (root / "deploy/python/predict_cls.py").read_text(encoding="utf-8")
    assert re.search(r"cv2\.imread\(", predictor)
    by = {id: decoder_of(id) for id in pipelines()}
    assert by["mmpretrain"] is by["paddleclas"] is by["vendor-run-time"] is Decoder.OPENCV
    assert by["page"] is by["timm-bt_in1k"] is by["torchvision-IMAGENET1K_V1"] is Decoder.PILLOW
