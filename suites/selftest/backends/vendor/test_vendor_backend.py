"""The vendor's tools behind the suite's own protocol: what a row's cases ask of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import vendor_stand_in as tiny

from harness.backends.backend import Build, Host
from harness.backends.onnxruntime import sessions as onnxruntime
from harness.backends.registry import backend
from harness.backends.vendor.backend import MODEL, Vendor, cards_of
from harness.backends.vendor.cards import Cards
from harness.errors import (
    CompileCrash,
    CompileError,
    DeadCard,
    MismatchedOutput,
    MissingBackend,
    NoCard,
    RunError,
)
from harness.expected.buildconfig import BuildConfig, DatasetSection
from harness.images.levels import levels_of
from harness.images.preprocessing import preprocess_many

pytestmark = [
    pytest.mark.shows(
        "a stand-in's figures pass for the vendor's",
        by="it says so in its versions, and every report does",
    )
]

Levels = npt.NDArray[np.uint8]
HostOf = Callable[..., Host]


@pytest.fixture(scope="session")
def recipe() -> BuildConfig:
    return replace(tiny.RECIPE, dataset=DatasetSection("scenes", 4, tiny.STEPS))


@pytest.fixture(scope="session")
def tensors() -> npt.NDArray[np.float32]:
    """Six pictures as the network takes them."""
    return preprocess_many([tiny.picture(index) for index in range(6)], tiny.STEPS)


@pytest.fixture
def host_of(tmp_path: Path) -> HostOf:
    """This machine with the stand-in, told to misbehave."""

    def host(fault: str = "", **changes: object) -> Host:
        given = Host(
            tools=tiny.TOOLS,
            environment=tiny.stand_in(fault).environment,
            cards_folder=tmp_path / "cards",
            card_timeout_s=tiny.LONG_S,
            timeout_s=tiny.LONG_S,
        )
        return replace(given, **changes)

    return host


@pytest.fixture(scope="session")
def build(
    place: Path, network: Path, recipe: BuildConfig, tensors: npt.NDArray[np.float32]
) -> Build:
    """The tiny network, calibrated on the first four pictures."""
    calibration = place / "calibration.npy"
    np.save(calibration, tensors[:4])
    return Build(model=network, precision="int8", config=recipe, calibration=calibration)


@pytest.fixture
def compiled(build: Build, host_of: HostOf, tmp_path: Path) -> Callable[..., Path]:
    """Compile; the main file of what is left."""

    def compile(precision: str = "int8", fault: str = "") -> Path:
        folder = tmp_path / precision
        folder.mkdir()
        Vendor(host_of(fault)).compile(replace(build, precision=precision), folder)
        return folder / MODEL

    return compile


def test_it_goes_by_its_name(host_of: HostOf) -> None:
    assert isinstance(backend("vendor", host_of()), Vendor)


def test_its_tools_say_that_they_are_a_stand_in(host_of: HostOf) -> None:
    tools: Mapping[str, str] = Vendor(host_of()).tools()
    assert "stand-in" in tools["vamc"]
    assert "stand-in" in tools["vamp"]
    assert tools["load"] == "-i 8 -p 1 -b 22"


def test_without_its_tools_it_is_missing(host_of: HostOf, tmp_path: Path) -> None:
    with pytest.raises(MissingBackend, match="no executable vamc"):
        Vendor(host_of(tools=tmp_path)).tools()


def test_a_compiled_model_is_four_files_and_nothing_else(compiled: Callable[..., Path]) -> None:
    left = sorted(path.name for path in compiled().parent.iterdir())
    assert left == ["mod.json", "mod.params", "mod.so", "runtime.json"]


def test_facts_do_not_claim_what_the_compiler_does_not_tell(
    build: Build, host_of: HostOf, tmp_path: Path
) -> None:
    facts: Mapping[str, Any] = Vendor(host_of()).compile(build, tmp_path)
    assert facts["bytes"] > 0
    assert not {"heavy", "unquantized", "floating"} & set(facts)


@pytest.mark.parametrize(("precision", "least", "most"), [("fp16", 40, 90), ("int8", 10, 35)])
def test_each_precision_is_near_the_float_model_and_not_it(
    compiled: Callable[..., Path],
    host_of: HostOf,
    network: Path,
    tensors: npt.NDArray[np.float32],
    precision: Any,
    least: float,
    most: float,
) -> None:
    session = Vendor(host_of()).session(compiled(precision), precision=precision)
    exact = onnxruntime.OnnxRuntimeSession(network).logits(tensors)
    answers = session.logits(levels_of(tensors, tiny.STEPS))
    assert least < tiny.sqnr_db(exact, answers) < most


def test_a_precision_it_has_not_is_refused(build: Build, host_of: HostOf, tmp_path: Path) -> None:
    with pytest.raises(CompileError, match="not bf16"):
        Vendor(host_of()).compile(replace(build, precision="bf16"), tmp_path)


def test_a_compiler_that_crashes_leaves_nothing(
    compiled: Callable[..., Path], tmp_path: Path
) -> None:
    with pytest.raises(CompileCrash, match="vamc was killed by SIGSEGV"):
        compiled(fault="vamc:crash")
    assert not list((tmp_path / "int8").iterdir())


def test_a_model_with_a_file_missing_is_not_run(
    compiled: Callable[..., Path], host_of: HostOf
) -> None:
    model = compiled()
    model.with_suffix(".params").unlink()
    with pytest.raises(RunError, match=r"lacks mod\.params"):
        Vendor(host_of()).session(model, precision="int8")


@pytest.mark.shows("a device's answers belong to other images")
def test_answers_of_other_images_are_noticed(
    compiled: Callable[..., Path], host_of: HostOf, tensors: npt.NDArray[np.float32]
) -> None:
    session = Vendor(host_of("vamp:rotate")).session(compiled(), precision="int8")
    with pytest.raises(MismatchedOutput):
        session.logits(levels_of(tensors, tiny.STEPS))


def test_a_dead_card_costs_nothing_where_there_is_another(
    compiled: Callable[..., Path], host_of: HostOf, tensors: npt.NDArray[np.float32]
) -> None:
    model, levels = compiled(), levels_of(tensors, tiny.STEPS)
    sound = Vendor(host_of()).session(model, precision="int8").logits(levels)
    two = host_of("vamp:device-lost@0", cards=(0, 1))
    assert np.array_equal(Vendor(two).session(model, precision="int8").logits(levels), sound)


def test_the_last_card_dies_by_its_name_and_is_not_tried_again(
    compiled: Callable[..., Path], host_of: HostOf, tensors: npt.NDArray[np.float32]
) -> None:
    model, levels = compiled(), levels_of(tensors, tiny.STEPS)
    session = Vendor(host_of("vamp:device-lost")).session(model, precision="int8")
    with pytest.raises(DeadCard, match="card lost"):
        session.logits(levels)
    with pytest.raises(NoCard, match="every card is set aside"):
        session.logits(levels)


def test_a_single_image_is_answered_too(
    compiled: Callable[..., Path], host_of: HostOf, tensors: npt.NDArray[np.float32]
) -> None:
    levels = levels_of(tensors, tiny.STEPS)
    session = Vendor(host_of()).session(compiled(), precision="int8")
    assert np.array_equal(session.logits(levels[2:3]), session.logits(levels)[2:3])


@pytest.mark.shows(
    "a card is aside because of a stand-in, and real runs skip", by="a stand-in's state is its own"
)
def test_a_card_that_a_stand_in_hung_on_is_no_real_one(host_of: HostOf) -> None:
    """What a stand-in does to its cards is kept apart from the cards themselves."""
    cards = cards_of(host_of())
    with pytest.raises(DeadCard), cards.lease(timeout_s=1):
        raise DeadCard("lost")
    folder = host_of().cards_folder
    assert folder is not None
    assert cards_of(host_of()).set_aside()
    assert not Cards(folder).set_aside()
