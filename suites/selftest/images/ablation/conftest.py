"""Routes, small pictures, and pipelines to spoil."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from harness.expected.pages import read_expected
from harness.expected.pipelines import RowPipelines
from harness.images.ablation.pictures import Decoder, Picture
from harness.images.ablation.quantizing import InputScale
from harness.images.ablation.routes import Route, pipelines_of, routes
from harness.images.ablation.states import PreparedRoute, prepare
from harness.images.pipelines import Run, load
from harness.pipeline.catalogue import EXPECTED

SHARED = Path(__file__).resolve().parents[4] / "../shared"
SCALE = InputScale(0.0187, 114)

Preparing = Callable[..., PreparedRoute]


@pytest.fixture(scope="session")
def rows() -> Mapping[str, RowPipelines]:
    """The page's rows, as they are."""
    return pipelines_of([read_expected(EXPECTED / "pages" / "resnext.toml")], EXPECTED)


@pytest.fixture(scope="session")
def by_claim(rows: Mapping[str, RowPipelines]) -> Mapping[str, Route]:
    """The page's routes, by where they begin; the page's own to the fractions."""
    return {route.claim: route for route in reversed(list(routes(rows.values())))}


@pytest.fixture(scope="session")
def preparing(by_claim: Mapping[str, Route]) -> Preparing:
    """Prepares the route from a claim; what is named by ``wrong`` stands in for the real one."""

    def make(claim: str, wrong: Mapping[str, Run] | None = None) -> PreparedRoute:
        stand_ins = wrong or {}
        return prepare(
            by_claim[claim], SCALE, load=lambda id: stand_ins[id] if id in stand_ins else load(id)
        )

    return make


@pytest.fixture(scope="session")
def pictures() -> Mapping[str, Picture]:
    """Three of them, none square, on which every mistake shows."""

    def noise(seed: int) -> Picture:
        rng = np.random.default_rng(seed)
        levels = rng.integers(0, 150, (60 + seed, 90, 3)) + np.array([0, 50, 100])
        image = levels.astype(np.uint8)
        return Picture(f"{seed}.png", {Decoder.PILLOW: image, Decoder.OPENCV: image})

    return {picture.name: picture for picture in map(noise, (1, 2, 3))}


@pytest.fixture(scope="session")
def shared() -> Path:
    """The vendor's files and real photographs; tests that need them are skipped without."""
    if not SHARED.is_dir():
        pytest.skip(f"not here: {SHARED}")
    return SHARED
