"""What the suites are handed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from harness.expected.baselines import Baseline
from harness.expected.float_operators import FloatOperators
from harness.expected.tolerances import Tolerances
from harness.pipeline.pipeline import Pipeline
from harness.plugin.options import GATE, Gate


@pytest.fixture(scope="session")
def gate(pytestconfig: pytest.Config) -> Gate:
    """What this run is about."""
    return pytestconfig.stash[GATE]


@pytest.fixture(scope="session")
def pipeline(gate: Gate) -> Iterator[Pipeline]:
    """Builds, counts, exports, compiles and runs networks; one for each worker process."""
    made = Pipeline(gate.settings)
    yield made
    made.builder.close()


@pytest.fixture(scope="session")
def tolerances(gate: Gate) -> Tolerances:
    """How close is close enough."""
    return gate.standards.tolerances


@pytest.fixture(scope="session")
def float_operators(gate: Gate) -> FloatOperators:
    """What compilers may leave in floating point."""
    return gate.standards.float_operators


@pytest.fixture(scope="session")
def parity_baselines(gate: Gate) -> Mapping[str, Baseline]:
    """The last accepted parity figures on seeded weights, of each backend."""
    return {name: gate.standards.parity(name) for name in gate.backends}
