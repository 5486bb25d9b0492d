"""A waterfall that has moved is noticed, whichever way, with what moved it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pytest

from harness.errors import Regression, Unavailable
from harness.expected.baselines import Baseline
from harness.images.ablation.accepted import conditions, measurements, verdict
from harness.images.ablation.figures import PixelChange, SetChange, image_changes, set_changes
from harness.images.ablation.pictures import Decoder, ImageFile, Picture
from harness.images.ablation.states import AblationStep, PreparedRoute, fall
from harness.images.pipelines import Run, load
from harness.judging.verdicts import require
from harness.records import Outcome, Verdict

pytestmark = [pytest.mark.shows("what ships is prepared differently from what was claimed")]

ROUTE = "timm-gluon_in1k-to-vendor-run-time"
TOLD = {"images": "0123", "opencv": "5.0.0"}

Preparing = Callable[..., PreparedRoute]
Pictures = Mapping[str, Picture]


def measured(prepared: PreparedRoute, pictures: Pictures) -> tuple[SetChange, ...]:
    return set_changes(
        {name: image_changes(fall(picture, prepared)) for name, picture in pictures.items()}
    )


def held(changes: tuple[SetChange, ...], baseline: Baseline) -> Verdict:
    return verdict(ROUTE, changes, baseline, conditions=TOLD)


@pytest.fixture(scope="module")
def honest(preparing: Preparing, pictures: Pictures) -> tuple[SetChange, ...]:
    return measured(preparing("timm-gluon_in1k"), pictures)


@pytest.fixture(scope="module")
def baseline(honest: tuple[SetChange, ...]) -> Baseline:
    return Baseline({ROUTE: measurements(honest)}, TOLD)


def test_the_same_conforms(honest: tuple[SetChange, ...], baseline: Baseline) -> None:
    found = held(honest, baseline)
    assert found.outcome is Outcome.CONFORMS
    assert "18 figures as accepted" in found.headline


def bgr(run: Run) -> Run:
    return lambda image: run(np.ascontiguousarray(image[:, :, ::-1]))


def bilinear(_: Run) -> Run:
    return load("timm-tv_in1k")


def shifted(run: Run) -> Run:
    return lambda image: np.roll(run(image), 1, axis=2)


@pytest.mark.parametrize("wrong", [bgr, bilinear, shifted])
def test_wrong_claim_is_noticed(
    wrong: Callable[[Run], Run], preparing: Preparing, pictures: Pictures, baseline: Baseline
) -> None:
    run = wrong(load("timm-gluon_in1k"))
    found = held(
        measured(preparing("timm-gluon_in1k", {"timm-gluon_in1k": run}), pictures), baseline
    )
    assert found.outcome is Outcome.DOES_NOT_CONFORM
    assert found.headline.startswith("resize_mean_rms = ")
    with pytest.raises(Regression, match="accept: python -m harness ablation --accept"):
        require(found, failure=Regression)


def test_images_decoded_in_another_order_are_noticed(
    preparing: Preparing, pictures: Pictures, baseline: Baseline
) -> None:
    names = list(pictures)
    by_opencv = [pictures[name].levels[Decoder.OPENCV] for name in names[1:] + names[:1]]
    mixed = {
        name: Picture(name, {**pictures[name].levels, Decoder.OPENCV: levels})
        for name, levels in zip(names, by_opencv, strict=True)
    }
    found = held(measured(preparing("timm-gluon_in1k"), mixed), baseline)
    assert found.outcome is Outcome.DOES_NOT_CONFORM
    assert found.headline.startswith("decode_mean_rms = ")


def test_one_level_in_one_image_is_noticed(
    preparing: Preparing, pictures: Pictures, baseline: Baseline
) -> None:
    """As another decoder would do it."""
    first, *_ = pictures
    changed = pictures[first].levels[Decoder.OPENCV] + np.uint8(1)
    one = Picture(first, {**pictures[first].levels, Decoder.OPENCV: changed})
    found = held(measured(preparing("timm-gluon_in1k"), {**pictures, first: one}), baseline)
    assert found.headline.startswith("decode_mean_rms = 0.33")


def test_left_out_float16_is_noticed(honest: tuple[SetChange, ...], baseline: Baseline) -> None:
    nothing = PixelChange(0.0, 0.0, 0.0)
    better = tuple(
        replace(one, own=nothing, mean_rms=0.0, worst_own=nothing)
        if one.step is AblationStep.FLOAT16
        else one
        for one in honest
    )
    found = held(better, baseline)
    assert found.headline.startswith("float16_mean_rms = 0.00")
    assert "lower than accepted; a change for the better is accepted in the same way" in str(found)


def moved(changes: tuple[SetChange, ...], factor: float) -> tuple[SetChange, ...]:
    return tuple(replace(one, mean_rms=one.mean_rms * factor) for one in changes)


@pytest.mark.parametrize(
    ("factor", "outcome"),
    [
        (1.004, Outcome.CONFORMS),
        (0.996, Outcome.CONFORMS),
        (1.006, Outcome.DOES_NOT_CONFORM),
        (0.994, Outcome.DOES_NOT_CONFORM),
        (math.nan, Outcome.DOES_NOT_CONFORM),
        (math.inf, Outcome.DOES_NOT_CONFORM),
    ],
)
def test_band_is_half_a_percent_either_way(
    factor: float, outcome: Outcome, honest: tuple[SetChange, ...], baseline: Baseline
) -> None:
    assert held(moved(honest, factor), baseline).outcome is outcome


def test_all_that_moved_is_told(honest: tuple[SetChange, ...], baseline: Baseline) -> None:
    text = str(held(moved(honest, 1.1), baseline))
    for name in ("resize_mean_rms", "aspect_mean_rms", "float16_mean_rms", "quantize_mean_rms"):
        assert f"{name} = " in text
    assert "likely cause: a pipeline, or the way from one to the other" in text


def test_what_else_has_changed_is_named(honest: tuple[SetChange, ...], baseline: Baseline) -> None:
    newer = {**TOLD, "opencv": "5.1.0"}
    found = verdict(ROUTE, moved(honest, 1.1), baseline, conditions=newer)
    assert "likely cause: opencv was 5.0.0, is 5.1.0" in str(found)


def test_nothing_accepted_is_no_pass(honest: tuple[SetChange, ...]) -> None:
    with pytest.raises(Unavailable, match="nothing accepted yet"):
        require(held(honest, Baseline()))


def test_figure_that_is_gone_is_noticed(honest: tuple[SetChange, ...], baseline: Baseline) -> None:
    without = tuple(one for one in honest if one.step is not AblationStep.FLOAT16)
    found = held(without, baseline)
    assert found.outcome is Outcome.DOES_NOT_CONFORM
    assert "float16_mean_rms, float16_worst_rms: accepted, and not measured" in found.headline


def test_other_files_are_other_conditions() -> None:
    one, other = ImageFile("a.jpg", b"1"), ImageFile("a.jpg", b"2")
    assert conditions([one]) == conditions([one])
    assert conditions([one])["images"] != conditions([other])["images"]
    assert {"opencv", "pillow"} < conditions([one]).keys()
