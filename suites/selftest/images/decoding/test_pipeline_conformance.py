"""Each check of a pipeline passes the real one and fails stand-ins that are wrong in one thing."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from harness.errors import ImageError, MissingSource, NonConformance
from harness.expected.buildconfig import read_build_config
from harness.images.pipelines import Kernel, Levels, Recipe, Rounding, Run, load, pipelines
from harness.images.pipelines.catalogue import guarded
from harness.images.pipelines.conformance import (
    distance,
    is_centred,
    require_constant,
    require_mirrored,
    require_repeatable,
    require_specified,
    require_well_formed,
)
from harness.images.pipelines.reference import reference, weights
from harness.images.preprocessing import preprocess

PAGE, RUN_TIME = pipelines()["page"], pipelines()["vendor-run-time"]
IMAGE = np.random.default_rng(3).integers(0, 256, (300, 400, 3), np.uint8)


def by_reference(**changes: object) -> Run:
    """The page's pipeline by its reference, with a changed specification."""
    recipe = replace(PAGE.recipe, **changes)
    return lambda image: reference(image, recipe).astype(np.float32)


def bgr(image: Levels) -> NDArray[np.float32]:
    return by_reference()(image[:, :, ::-1])


def off_by_one(image: Levels) -> NDArray[np.float32]:
    return np.roll(by_reference()(image), 1, axis=2)


def nearest(image: Levels) -> NDArray[np.float32]:
    height, width = PAGE.recipe.resized(*image.shape[:2])
    picture = Image.fromarray(image).resize((width, height), Image.Resampling.NEAREST)
    return reference(np.asarray(picture), replace(PAGE.recipe, resize=(height, width))).astype(
        np.float32
    )


def shifted(image: Levels) -> NDArray[np.float32]:
    larger = replace(PAGE.recipe, crop=(228, 228))
    return reference(image, larger)[:, 3:227, 2:226].astype(np.float32)


@pytest.mark.parametrize(
    ("run", "told"),
    [
        (by_reference(kernel=Kernel.PILLOW_BICUBIC), "resize (Pillow's bicubic, antialiased)"),
        (by_reference(kernel=Kernel.OPENCV_BILINEAR), "resize (OpenCV's bilinear, two taps"),
        (nearest, "resize (nearest neighbours)"),
        (by_reference(resize=(256, 256)), "resize (aspect ratio lost)"),
        (by_reference(resize=(257,)), "resize (to 257 in place of 256 pixels)"),
        (shifted, "crop (off by 1 rows and 0 columns)"),
        (lambda image: by_reference()(image[:, :, ::-1]), "channels (BGR)"),
        (by_reference(scale=1.0), "normalization (levels not divided by 255)"),
        (
            by_reference(mean=PAGE.recipe.mean[::-1], std=PAGE.recipe.std[::-1]),
            "normalization (statistics of the channels in reverse)",
        ),
        (
            by_reference(mean=PAGE.recipe.std, std=PAGE.recipe.mean),
            "normalization (mean and standard deviation swapped)",
        ),
        (by_reference(std=(0.3, 0.3, 0.3)), "normalization; each channel is a scale and a shift"),
        (by_reference(resize=(300,)), "resize or crop; no scale and shift"),
    ],
)
def test_the_step_that_departs_is_named(run: Run, told: str) -> None:
    with pytest.raises(NonConformance) as caught:
        require_specified(run, PAGE, IMAGE, place=True)
    assert f"the step that departs: {told}" in str(caught.value)


def test_what_has_another_shape_or_is_no_number_has_no_step() -> None:
    nothing = np.full((3, 224, 224), np.nan, np.float32)
    for run in (lambda image: reference(image, PAGE.recipe), lambda _: nothing):
        with pytest.raises(NonConformance) as caught:
            require_specified(run, PAGE, IMAGE, place=True)
        assert "the step that departs" not in str(caught.value)


VENDOR_CONFIGS = Path(__file__).resolve().parents[4] / "../shared/zoo/resnext/build"

WRONG: dict[str, Run] = {
    "aspect lost": by_reference(resize=(256, 256)),
    "another size": by_reference(resize=(257,)),
    "bicubic": by_reference(kernel=Kernel.PILLOW_BICUBIC),
    "no antialiasing": by_reference(kernel=Kernel.OPENCV_BILINEAR),
    "not divided by 255": by_reference(scale=1.0),
    "mean of another channel": by_reference(mean=(0.406, 0.456, 0.485)),
    "std of another channel": by_reference(std=(0.225, 0.224, 0.229)),
    "float64": lambda image: reference(image, PAGE.recipe),
    "NaN": lambda image: by_reference()(image) * np.float32(np.nan),
    "BGR": bgr,
    "crop off by one": off_by_one,
}


def test_reference_conforms() -> None:
    assert require_specified(by_reference(), PAGE, IMAGE) < 1e-4


@pytest.mark.shows(
    "a library's pipeline is not what is specified",
    by="a recipe written without it, a derived bound",
)
@pytest.mark.parametrize("name", WRONG)
def test_wrong_pipeline_is_noticed(name: str) -> None:
    with pytest.raises(NonConformance, match=r"page is .* levels of 255 from its specification"):
        require_specified(WRONG[name], PAGE, IMAGE)


def test_float16_statistics_are_noticed() -> None:
    exact = replace(RUN_TIME.recipe, mean=PAGE.recipe.mean, std=PAGE.recipe.std)
    assert distance(load("vendor-run-time")(IMAGE), IMAGE, RUN_TIME.recipe) < 0.89
    unrounded = reference(IMAGE, exact).astype(np.float32)
    assert 0.02 < distance(unrounded, IMAGE, RUN_TIME.recipe) < 0.1  # hidden by the resize


@pytest.mark.parametrize(
    "wrong",
    [
        lambda image: by_reference()(image).astype(np.float16),
        lambda image: by_reference()(image)[:, 1:],
        lambda image: by_reference()(image).transpose(0, 2, 1),
        lambda image: by_reference()(image) * np.float32(np.nan),
        lambda image: by_reference()(image) * np.float32(1.01),
        lambda image: by_reference()(image) - np.float32(0.01),
    ],
)
def test_malformed_tensor_is_noticed(wrong: Run) -> None:
    extremes = np.where(IMAGE[:, :, :1] > 127, 255, 0).astype(np.uint8).repeat(3, axis=2)
    extremes[:, :200], extremes[:, 200:] = 0, 255
    require_well_formed(by_reference(), PAGE, extremes)
    with pytest.raises(NonConformance, match="page gives"):
        require_well_formed(wrong, PAGE, extremes)


def padded_with_black(image: Levels) -> NDArray[np.float32]:
    return np.pad(by_reference()(image)[:, 1:-1, 1:-1], ((0, 0), (1, 1), (1, 1)))


@pytest.mark.parametrize("wrong", [padded_with_black, WRONG["std of another channel"]])
def test_constant_that_changes_is_noticed(wrong: Run) -> None:
    require_constant(load("page"), PAGE, (31, 47), 200)
    with pytest.raises(NonConformance, match="of a constant 200, expected"):
        require_constant(wrong, PAGE, (31, 47), 200)


def test_crop_off_the_middle_is_noticed() -> None:
    assert is_centred(PAGE, IMAGE[:256, :256])
    assert not is_centred(PAGE, IMAGE[:256, :257])
    require_mirrored(load("page"), PAGE, IMAGE[:256, :256])
    with pytest.raises(NonConformance, match="off the middle"):
        require_mirrored(off_by_one, PAGE, IMAGE[:256, :256])


def _with_memory() -> Run:
    calls = itertools.count()
    return lambda image: by_reference()(image) + np.float32(next(calls))


def spoils_its_image(image: Levels) -> NDArray[np.float32]:
    tensor = by_reference()(image)
    image[0, 0] += 1
    return tensor


@pytest.mark.shows("a library's pipeline is not what is specified")
@pytest.mark.parametrize(
    ("make", "message"),
    [(_with_memory, "preprocessed before"), (lambda: spoils_its_image, "changes the image")],
)
def test_history_is_noticed(make: Callable[[], Run], message: str) -> None:
    images = [IMAGE[:60, :70].copy(), IMAGE[60:150, :80].copy()]
    require_repeatable(by_reference(), PAGE, images)
    with pytest.raises(NonConformance, match=message):
        require_repeatable(make(), PAGE, images)


@pytest.mark.shows("a library's pipeline is not what is specified")
def test_threads_are_noticed() -> None:
    def elsewhere(image: Levels) -> NDArray[np.float32]:
        aside = threading.current_thread() is not threading.main_thread()
        return by_reference()(image) + np.float32(aside)

    with pytest.raises(NonConformance, match="other threads"):
        require_repeatable(elsewhere, PAGE, [IMAGE[:60, :70]])


@pytest.mark.parametrize("kernel", Kernel)
@pytest.mark.parametrize(("old", "new"), [(1, 7), (2, 256), (7, 1), (300, 256), (256, 256)])
def test_weights_are_means(kernel: Kernel, old: int, new: int) -> None:
    rows = weights(old, new, kernel)
    assert rows.shape == (new, old)
    assert np.allclose(rows.sum(axis=1), 1, atol=1e-14)
    assert np.allclose(rows, rows[::-1, ::-1], atol=1e-14)


def test_bicubic_weights_are_no_larger_than_their_bound_says() -> None:
    magnitudes = [
        np.abs(weights(old, new, Kernel.PILLOW_BICUBIC)).sum(axis=1).max()
        for old in (1, 2, 3, 245, 282, 319, 1096)
        for new in (235, 256, 288, 301, 1024)
    ]
    assert 1.26 < max(magnitudes) < 1.27


def test_long_side_and_remainder_are_rounded_as_specified() -> None:
    cut = Recipe((256,), Kernel.PILLOW_BILINEAR)
    nearest = replace(cut, long_side=Rounding.TO_EVEN)
    assert cut.resized(300, 401) == (256, 342)
    assert cut.resized(401, 300) == (342, 256)
    assert (cut.resized(300, 400), nearest.resized(300, 400)) == ((256, 341), (256, 341))
    assert (cut.resized(300, 399.5), nearest.resized(300, 397)) == ((256, 340), (256, 339))


def test_image_that_resizing_would_blow_up_is_refused() -> None:
    run = guarded(by_reference(), PAGE.recipe)
    with pytest.raises(ImageError, match="an image of 1×5000 becomes 256×1280000, expected at mo"):
        run(np.zeros((1, 5000, 3), np.uint8))
    with pytest.raises(ImageError, match=r"float32 \(9, 9, 3\), expected uint8"):
        run(np.zeros((9, 9, 3), np.float32))


@pytest.mark.parametrize(
    ("adapter", "argument"),
    [("torchvision", "resnext50_32x4d:V9"), ("timm", "resnext50_32x4d"), ("timm", "x.y")],
)
def test_unknown_model_is_refused_by_name(adapter: str, argument: str) -> None:
    module = pytest.importorskip(f"harness.sources.{adapter}.preprocessing")
    build = module.from_tag if adapter == "timm" else module.from_weights
    with pytest.raises(MissingSource, match=argument):
        build(argument)


def test_pillow_and_opencv_really_differ() -> None:
    shipped = load("vendor-run-time")(IMAGE)
    assert distance(shipped, IMAGE, replace(RUN_TIME.recipe, kernel=Kernel.PILLOW_BILINEAR)) > 10


@pytest.mark.parametrize("source", ["mmcls", "ppcls", "timm", "torchvision"])
def test_vendor_config_is_run_as_specified(source: str) -> None:
    path = VENDOR_CONFIGS / f"{source}_resnext.yaml"
    if not path.exists():
        pytest.skip(f"the vendor's build configs are not here: {path}")
    ops = read_build_config(path).process_ops
    pipeline = pipelines()["vendor-build-levels" if source == "mmcls" else "vendor-build"]
    require_specified(lambda image: preprocess(image, ops), pipeline, IMAGE)
    assert np.array_equal(preprocess(IMAGE, ops), load(pipeline.id)(IMAGE))
