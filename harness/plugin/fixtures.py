"""What the suites are handed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harness.expectations.baselines import Baseline, read_baseline
from harness.expectations.tolerances import Tolerances, read_tolerances
from harness.pipeline import Workshop
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
def parity_baseline(gate: Gate) -> Baseline:
    """The last accepted parity figures on seeded weights."""
    return read_baseline(gate.expected / "baselines" / "parity.toml")
