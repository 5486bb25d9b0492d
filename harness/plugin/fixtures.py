"""What the suites are handed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from harness.backends.registry import backend_names
from harness.expected.baselines import Baseline, parity_file, read_baseline
from harness.expected.float_operators import FloatOperators, read_float_operators
from harness.expected.tolerances import Tolerances, read_tolerances
from harness.pipeline.pipeline import Workshop
from harness.plugin.options import GATE, Gate


@pytest.fixture(scope="session")
def gate(pytestconfig: pytest.Config) -> Gate:
    """What this run is about."""
    return pytestconfig.stash[GATE]


@pytest.fixture(scope="session")
def workshop(gate: Gate) -> Iterator[Workshop]:
    """Builds, counts, exports, compiles and runs networks; one for each worker process."""
    made = Workshop(gate.settings)
    yield made
    made.worker.close()


@pytest.fixture(scope="session")
def tolerances(gate: Gate) -> Tolerances:
    """How close is close enough."""
    tolerances = read_tolerances(gate.expected / "tolerances.toml")
    tolerances.require_used(subject.row for subject in gate.catalogue.rows)
    return tolerances


@pytest.fixture(scope="session")
def float_operators(gate: Gate) -> FloatOperators:
    """What compilers may leave in floating point."""
    declared = read_float_operators(
        gate.expected / "float_operators.toml", backends=backend_names()
    )
    declared.require_used([subject.id for subject in gate.catalogue.rows])
    return declared


@pytest.fixture(scope="session")
def parity_baselines(gate: Gate) -> Mapping[str, Baseline]:
    """The last accepted parity figures on seeded weights, of each backend."""
    paths = {name: parity_file(gate.expected, backend=name) for name in gate.backends}
    return {
        name: read_baseline(path) if path.exists() else Baseline() for name, path in paths.items()
    }
