"""What lies between a claim's preprocessing and the one that ships is known, step by step.

On embedded images, written as JPEG files: each way begins with the one pipeline and ends with the
other to the last bit, and what each step changes is what was accepted.
"""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from harness.errors import Regression
from harness.expected.baselines import Baseline
from harness.images.ablation import accepted
from harness.images.ablation.figures import image_changes, set_changes
from harness.images.ablation.pictures import ImageFile, Picture, decoded, embedded_files
from harness.images.ablation.quantizing import InputScale, embedded_scale
from harness.images.ablation.routes import Route, routes
from harness.images.ablation.states import fall, prepare
from harness.plugin.options import GATE, Gate
from harness.plugin.recording import Record

pytestmark = pytest.mark.preprocessing


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A case for each distinct route of the pages."""
    if "route" in metafunc.fixturenames:
        gate = metafunc.config.stash[GATE]
        found = routes(row.pipelines for row in gate.catalogue.rows if row.pipelines)
        metafunc.parametrize("route", found, ids=lambda one: one.id)


@pytest.fixture(scope="module")
def files() -> tuple[ImageFile, ...]:
    return embedded_files()


@pytest.fixture(scope="module")
def pictures(files: tuple[ImageFile, ...]) -> Mapping[str, Picture]:
    return {file.name: decoded(file) for file in files}


@pytest.fixture(scope="module")
def input_scale(gate: Gate) -> InputScale:
    return embedded_scale(gate.expected)


@pytest.fixture(scope="module")
def waterfall_baseline(gate: Gate) -> Baseline:
    return gate.standards.accepted("waterfall.toml")


def test_waterfall_is_the_accepted_one(
    route: Route,
    files: tuple[ImageFile, ...],
    pictures: Mapping[str, Picture],
    input_scale: InputScale,
    waterfall_baseline: Baseline,
    record: Record,
) -> None:
    """No step's share has moved; that the ends are the two pipelines is required on the way."""
    prepared = prepare(route, input_scale)
    changes = set_changes(
        {name: image_changes(fall(picture, prepared)) for name, picture in pictures.items()}
    )
    record.measured(*accepted.measurements(changes).values())
    verdict = accepted.verdict(
        route.id,
        changes,
        waterfall_baseline,
        conditions=accepted.conditions(files),
    )
    record.judge(verdict, failure=Regression)


def test_every_accepted_waterfall_is_of_a_row(gate: Gate, waterfall_baseline: Baseline) -> None:
    found = routes(row.pipelines for row in gate.catalogue.rows if row.pipelines)
    assert set(waterfall_baseline.measurements) <= {route.id for route in found}
