"""What the suites are handed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harness.expectations.baselines import Baseline, read_baseline
from harness.expectations.float_operators import FloatOperators, read_float_operators
from harness.expectations.tolerances import Tolerances, read_tolerances
from harness.pipeline import Workshop
from harness.plugin.options import BACKENDS, GATE, Gate


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
    declared = read_float_operators(gate.expected / "float_operators.toml", backends=BACKENDS)
    declared.require_used([subject.id for subject in gate.catalogue.rows])
    return declared


@pytest.fixture(scope="session")
def parity_baseline(gate: Gate) -> Baseline:
    """The last accepted parity figures on seeded weights."""
    return read_baseline(gate.expected / "baselines" / "parity.toml")
