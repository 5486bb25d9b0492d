"""Images become what each pipeline's specification says, and bad files become errors.

The fuzzed promises run as often as the profile says: ``HYPOTHESIS_PROFILE=dev``, ``ci`` (where
nothing is chosen) or ``nightly``. What fuzzing has found stays here as an example.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from PIL import Image

from harness.errors import ImageError, PreprocessError
from harness.images.decoding import FORMATS, Limits, decode
from harness.images.fuzz_profiles import fuzz
from harness.images.pipelines import ImagePipeline, Levels, load, pipelines
from harness.images.pipelines.conformance import (
    is_centred,
    require_constant,
    require_mirrored,
    require_repeatable,
    require_specified,
    require_well_formed,
)
from harness.images.scenes import scenes
from harness.images.strategies import (
    FORMS,
    Damage,
    DamagedFile,
    File,
    damaged_files,
    flipped_in_the_pixels,
    image_files,
    odd_images,
    photographs,
    png_that_claims,
    sizes,
)
from harness.images.tensors.elsewhere import made, require_same
from harness.images.tensors.pool import ONE_THREAD, START_SECONDS
from harness.runtime.isolation import Worker

pytestmark = pytest.mark.preprocessing

any_pipeline = st.sampled_from(list(pipelines().values()))
EDGES = np.random.default_rng(0).integers(0, 2, (771, 257, 3)).astype(np.uint8) * 255
PIXEL = np.array([[[95, 130, 194]]], np.uint8)
any_image = st.one_of(photographs(), odd_images())


@pytest.mark.parametrize("pipeline", pipelines().values(), ids=pipelines().keys())
def test_pipeline_is_as_specified(pipeline: ImagePipeline) -> None:
    """On a scene as large as photographs are, and upright too."""
    (scene,) = scenes(1, seed=4)
    for image in (scene, np.ascontiguousarray(scene.transpose(1, 0, 2)[:, :-1])):
        require_specified(load(pipeline.id), pipeline, image, place=True)


@fuzz()
@given(any_pipeline, any_image)
@example(pipelines()["timm-gluon_in1k"], EDGES)  # found: Pillow resized rows first
def test_pipeline_is_as_specified_on_any_image(pipeline: ImagePipeline, image: Levels) -> None:
    require_specified(load(pipeline.id), pipeline, image)


@fuzz()
@given(any_pipeline, any_image)
def test_tensor_is_well_formed(pipeline: ImagePipeline, image: Levels) -> None:
    require_well_formed(load(pipeline.id), pipeline, image)


@fuzz()
@given(any_pipeline, sizes(), st.integers(0, 255))
def test_constant_image_gives_its_constant(
    pipeline: ImagePipeline, size: tuple[int, int], level: int
) -> None:
    require_constant(load(pipeline.id), pipeline, size, level)


@fuzz()
@given(any_pipeline, any_image)
@example(pipelines()["page-on-tensors"], PIXEL)  # found: torch takes no mirrored view of one pixel
def test_crop_is_in_the_middle(pipeline: ImagePipeline, image: Levels) -> None:
    assume(is_centred(pipeline, image))
    require_mirrored(load(pipeline.id), pipeline, image)


@fuzz()
@given(any_pipeline, st.lists(photographs(longest=200), min_size=2, max_size=3))
def test_order_company_and_threads_change_nothing(
    pipeline: ImagePipeline, images: list[Levels]
) -> None:
    require_repeatable(load(pipeline.id), pipeline, images)


@pytest.fixture(scope="module")
def another_process() -> Iterator[Worker]:
    with Worker(environment={**ONE_THREAD, "PYTHONHASHSEED": "1"}) as worker:
        yield worker


@fuzz()
@given(pipeline=any_pipeline, images=st.lists(photographs(longest=200), min_size=1, max_size=2))
def test_another_process_gives_the_same(
    another_process: Worker, pipeline: ImagePipeline, images: list[Levels]
) -> None:
    call = (made, pipeline.id, images)
    theirs = another_process.run(*call, timeout_s=START_SECONDS, stage=PreprocessError)
    require_same(load(pipeline.id), pipeline, images, theirs)


# ── files ─────────────────────────────────────────────────────────────────────────────────────


@fuzz()
@given(image_files())
def test_sound_file_gives_what_torchvision_users_get(file: File) -> None:
    picture = Image.open(io.BytesIO(file.data))
    picture.info.pop("transparency", None)  # of which Pillow only warns
    levels = decode(file.data)
    assert levels.dtype == np.uint8
    assert np.array_equal(levels, np.asarray(picture.convert("RGB")))


@fuzz()
@given(damaged_files())
def test_damaged_file_is_an_image_or_an_error_with_its_name(damaged: DamagedFile) -> None:
    limits = Limits(max_pixels=100_000)
    try:
        levels = decode(damaged.data, limits=limits, name="n01440764_18.JPEG")
    except ImageError as error:
        assert str(error).startswith("n01440764_18.JPEG: ")  # noqa: PT017 - both are right
    else:
        assert levels.dtype == np.uint8
        assert levels.ndim == 3
        assert levels.shape[0] * levels.shape[1] <= limits.max_pixels


@fuzz()
@given(damaged_files().filter(lambda one: one.damage is Damage.CUT))
def test_file_that_ends_early_is_never_filled_in(damaged: DamagedFile) -> None:
    try:
        levels = decode(damaged.data)
    except ImageError:
        return
    assert np.array_equal(levels, decode(damaged.whole.data))


@fuzz()
@given(damaged_files(forms=tuple(form for form in FORMS if form[0] == "PNG")))
@example(flipped_in_the_pixels())  # found: Pillow does not look at the checksum there
def test_damaged_png_is_noticed(damaged: DamagedFile) -> None:
    try:
        levels = decode(damaged.data)
    except ImageError:
        return
    assert np.array_equal(levels, decode(damaged.whole.data))


@fuzz()
@given(st.binary(max_size=2000))
@example(b"")
@example(b"\xff\xd8\xff")
def test_bytes_are_no_image(data: bytes) -> None:
    with pytest.raises(ImageError, match=r"^junk: (is empty|begins with|damaged)"):
        decode(data, name="junk")


@fuzz()
@given(st.integers(1, 2**31 - 1), st.integers(1, 2**31 - 1))
@example(2**31 - 1, 2**31 - 1)
@example(10_000, 8_948)
def test_header_beyond_the_limit_is_refused_before_decoding(width: int, height: int) -> None:
    assume(width * height > 10_000)
    data = png_that_claims(width, height)
    with pytest.raises(ImageError, match="expected at most"):
        decode(data, limits=Limits(max_pixels=10_000))


def test_file_beyond_the_limit_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "endless.JPEG"
    with open(path, "wb") as file:
        file.truncate(2**40)
    with pytest.raises(ImageError, match=r"endless\.JPEG: larger than 1000 bytes"):
        decode(path, limits=Limits(max_bytes=1000))


@pytest.mark.parametrize("name", FORMATS)
def test_format_that_is_not_allowed_is_refused(name: str) -> None:
    others = tuple(other for other in FORMATS if other != name)
    stream = io.BytesIO()
    Image.new("RGB", (9, 9)).save(stream, name)
    with pytest.raises(ImageError, match="begins with"):
        decode(stream.getvalue(), limits=Limits(formats=others))
