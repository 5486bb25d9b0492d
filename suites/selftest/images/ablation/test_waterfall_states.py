"""The steps lead from the one pipeline to the other to the last bit, each changing one thing."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from harness.errors import ImageError, NonConformance
from harness.images import vdsp
from harness.images.ablation import pictures as pictures_module
from harness.images.ablation import states
from harness.images.ablation.pictures import (
    Decoder,
    ImageFile,
    Picture,
    decoded,
    embedded_files,
)
from harness.images.ablation.routes import Route
from harness.images.ablation.states import (
    AblationStep,
    PreparedRoute,
    State,
    fall,
    params,
    table_of,
)
from harness.images.pipelines import Floats, Levels, Run, load, vendor

pytestmark = [
    pytest.mark.shows(
        "what ships is prepared differently from what was claimed",
        by="single steps, whose ends are the two pipelines bit for bit, held to a baseline",
    )
]

Preparing = Callable[..., PreparedRoute]

CLAIMS = ("page", "timm-gluon_in1k", "timm-a1h_in1k", "mmpretrain", "paddleclas")
AFTER = [
    AblationStep.RESIZE,
    AblationStep.ASPECT,
    AblationStep.CROP,
    AblationStep.NORMALIZE,
    AblationStep.FLOAT16,
    AblationStep.QUANTIZE,
]


@pytest.fixture(scope="module")
def picture() -> Picture:
    """A photograph that the decoders turn different ways up."""
    (file,) = [file for file in embedded_files() if "upside" in file.name]
    return decoded(file)


@pytest.mark.parametrize("claim", CLAIMS)
def test_ends_are_the_two_pipelines(claim: str, preparing: Preparing, picture: Picture) -> None:
    fallen = fall(picture, preparing(claim))
    by_pillow = claim not in ("mmpretrain", "paddleclas")
    before = picture.levels[Decoder.PILLOW if by_pillow else Decoder.OPENCV]
    ships = "vendor-run-time-levels" if claim == "mmpretrain" else "vendor-run-time"
    assert [state.step for state in fallen] == [AblationStep.START, AblationStep.DECODE, *AFTER]
    assert np.array_equal(fallen[0].tensor(), load(claim)(before))
    assert np.array_equal(fallen[-2].tensor(), load(ships)(picture.levels[Decoder.OPENCV]))


def test_each_step_changes_what_it_says_and_nothing_else(
    preparing: Preparing, picture: Picture
) -> None:
    """The picture is turned by the decoder, bilinear, has a long side, and is cropped at 235."""
    fallen = fall(picture, preparing("timm-a1h_in1k"))
    levels = {new.step: not np.array_equal(old.levels, new.levels) for old, new in pairs(fallen)}
    tables = {new.step: not np.array_equal(old.table, new.table) for old, new in pairs(fallen)}
    spatial = {AblationStep.DECODE, AblationStep.RESIZE, AblationStep.ASPECT, AblationStep.CROP}
    assert {step for step, changed in levels.items() if changed} == spatial
    assert {step for step, changed in tables.items() if changed} == {
        AblationStep.FLOAT16,
        AblationStep.QUANTIZE,
    }


def test_normalization_is_a_step_of_its_own(
    by_claim: Mapping[str, Route], picture: Picture
) -> None:
    """From fractions to levels, where float32 alone differs."""
    ships = by_claim["mmpretrain"].ships
    prepared = states.prepare(Route("page", "page", ships), states.InputScale(0.0187, 114))
    by_step = {state.step: state for state in fall(picture, prepared)}
    before, after = by_step[AblationStep.CROP].tensor(), by_step[AblationStep.NORMALIZE].tensor()
    assert 0 < np.max(np.abs(after - before)) < 1e-5


def test_claim_at_another_size_begins_with_it(preparing: Preparing, picture: Picture) -> None:
    fallen = fall(picture, preparing("timm-c1_in1k-288"))
    assert [state.step for state in fallen[:3]] == [
        AblationStep.START,
        AblationStep.INPUT_SIZE,
        AblationStep.DECODE,
    ]
    assert [state.levels.shape[1] for state in fallen[:3]] == [288, 224, 224]


def test_resize_keeps_its_place() -> None:
    """On a smooth image the filters hardly differ; a crop off by one pixel would by a level."""
    rows, columns = np.mgrid[0:300, 0:451]
    smooth = (rows // 3 + columns // 4)[..., None].repeat(3, axis=2).astype(np.uint8)
    recipe = states.pipelines()["timm-a1h_in1k"].recipe
    sides = recipe.resized(300, 451)
    ours = states._resized(smooth, sides, states._origin(sides, recipe), recipe.crop)
    reference = states.levels_in(
        load("timm-a1h_in1k")(smooth), table_of(load("timm-a1h_in1k"), ""), ""
    )
    off = states._resized(smooth, sides, (states._origin(sides, recipe)[0] + 1, 0), recipe.crop)
    assert np.mean(np.abs(ours.astype(int) - reference)) < 0.4
    assert np.mean(np.abs(off.astype(int) - reference)) > 1


def pairs(fallen: tuple[State, ...]) -> Iterable[tuple[State, State]]:
    """Each state, and the one after the step."""
    return itertools.pairwise(fallen)


def all_fallen(pictures: Mapping[str, Picture], prepared: PreparedRoute) -> None:
    """Takes one picture after the other."""
    for picture in pictures.values():
        fall(picture, prepared)


# ── wrong stand-ins ───────────────────────────────────────────────────────────────────────────


def bgr(run: Run) -> Run:
    return lambda image: run(np.ascontiguousarray(image[:, :, ::-1]))


def late(run: Run) -> Run:
    """Gives each time the tensor of the image before."""
    kept: list[Floats] = []

    def give(image: Levels) -> Floats:
        kept.append(run(image))
        return kept[-2] if len(kept) > 1 else kept[-1]

    return give


def swapped_filter(run: Run) -> Run:
    build: Run = load("vendor-build")
    table, wanted = table_of(build, ""), table_of(run, "")

    def give(image: Levels) -> Floats:
        levels = states.levels_in(build(image), table, "")
        return State(AblationStep.START, levels, wanted).tensor()

    return give


def sloping(image: Levels) -> Floats:
    """No constant image stays one."""
    return load("page")(image) + np.linspace(0, 1, 224, dtype=np.float32)


def exact_std(_: Run) -> Run:
    real = vendor.RUN_TIME_FRACTIONS
    return lambda image: vdsp.preprocess(image, replace(real, std=(0.229, 0.224, 0.225)))


@pytest.mark.parametrize("wrong", [bgr, late, swapped_filter, exact_std])
def test_end_that_is_not_what_ships_is_noticed(
    wrong: Callable[[Run], Run], preparing: Preparing, pictures: Mapping[str, Picture]
) -> None:
    prepared = preparing("page", {"vendor-run-time": wrong(load("vendor-run-time"))})
    with pytest.raises(NonConformance, match=r"at 'float16' is not vendor-run-time: .* differ, by"):
        all_fallen(pictures, prepared)


def test_claim_that_gives_another_images_tensor_is_noticed(
    preparing: Preparing, pictures: Mapping[str, Picture]
) -> None:
    prepared = preparing("page")
    prepared = replace(prepared, claim=late(prepared.claim))
    with pytest.raises(NonConformance, match="at 'start' is not page"):
        all_fallen(pictures, prepared)


def test_wrong_figure_of_the_run_time_file_is_noticed(
    by_claim: Mapping[str, Route], pictures: Mapping[str, Picture]
) -> None:
    route = by_claim["page"]
    wrong = replace(route.ships, origin=(16, 17))
    prepared = states.prepare(replace(route, ships=wrong), states.InputScale(0.0187, 114))
    with pytest.raises(NonConformance, match=r"likely cause: figures in expected/pipelines"):
        fall(pictures["1.png"], prepared)


def test_nan_is_no_level(preparing: Preparing, pictures: Mapping[str, Picture]) -> None:
    prepared = preparing("page")

    def spoils_one(image: Levels) -> Floats:
        tensor = load("page")(image)
        tensor[1, 100, 100] = np.nan
        return tensor

    with pytest.raises(NonConformance, match=r"page gives nan in channel 1, .*\(1 of 50176 values"):
        fall(pictures["1.png"], replace(prepared, claim=spoils_one))


def test_step_that_must_do_nothing_and_does_something_is_noticed(
    preparing: Preparing, pictures: Mapping[str, Picture]
) -> None:
    """PaddleClas resizes by OpenCV, as the device does; a crop beside the middle shows here."""
    prepared = preparing("paddleclas")

    def rolled(image: Levels) -> Floats:
        return np.roll(load("paddleclas")(image), 1, axis=2)

    with pytest.raises(NonConformance, match=r"'resize filter' changes levels, though paddleclas"):
        fall(pictures["1.png"], replace(prepared, claim=rolled, base=rolled))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (sloping, "several values"),
        (lambda image: load("page")(image) * np.float32(np.nan), "several values"),
        (lambda image: -load("page")(image), "higher levels to higher values"),
    ],
)
def test_pipeline_without_a_table_is_refused(wrong: Run, message: str) -> None:
    with pytest.raises(NonConformance, match=f"odd .*{message}"):
        table_of(wrong, "odd")


def test_params_are_the_figures_as_they_stand(by_claim: Mapping[str, Route]) -> None:
    found = params(by_claim["page"].ships)
    assert (found.resize, found.origin, found.std[1]) == ((256, 256), (16, 16), 0.2239990234375)


# ── files ─────────────────────────────────────────────────────────────────────────────────────


def test_decoders_differ_where_they_are_known_to() -> None:
    moved = {}
    for file in embedded_files():
        found = decoded(file).levels
        difference = found[Decoder.PILLOW].astype(int) - found[Decoder.OPENCV]
        moved[file.name.partition("-")[2][2:]] = int(np.max(np.abs(difference)))
    assert moved.pop("upside-down.jpg") > 100
    assert 0 < moved.pop("cmyk.jpg") <= 2
    assert set(moved.values()) == {0}


def test_file_that_one_decoder_refuses_is_an_error_with_its_name() -> None:
    stream = io.BytesIO()
    Image.new("RGB", (9, 9)).save(stream, "PNG")
    cut = stream.getvalue()[:-20]
    for data, message in ((b"junk", "begins with"), (b"", "is empty"), (cut, "damaged")):
        with pytest.raises(ImageError, match=rf"^odd\.png: .*{message}"):
            decoded(ImageFile("odd.png", data))


def test_file_that_opencv_alone_refuses_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    (file, *_) = embedded_files()
    monkeypatch.setattr(pictures_module.cv2, "imdecode", lambda *_: None)
    with pytest.raises(ImageError, match=r"scene-0-420-a\.jpg: Pillow decodes it, OpenCV cannot"):
        decoded(file)
