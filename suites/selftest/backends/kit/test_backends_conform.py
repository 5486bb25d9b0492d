"""Every backend of the registry that can be used here passes every check, in each precision."""

from __future__ import annotations

import pytest
from examined_hosts import HOSTS

from harness.backends.backend import Precision
from harness.backends.kit import CHECKS, BackendUnderTest
from harness.backends.registry import BACKENDS, backend
from harness.errors import Unavailable

pytestmark = [
    pytest.mark.shows(
        "a backend is wrong in a way that one row does not show",
        by="the conformance kit, on every backend of the suite that can be used here",
    )
]


def precisions(name: str) -> tuple[Precision, ...]:
    """In what a backend can be examined here: nothing where it cannot be used."""
    try:
        one = backend(name, HOSTS.get(name))
        one.tools()
    except Unavailable:
        return ()
    return one.precisions


RUNS = [(name, precision) for name in BACKENDS for precision in precisions(name)]


@pytest.mark.parametrize("name", BACKENDS)
def test_it_can_be_used_here(name: str) -> None:
    """A backend that cannot is skipped, and says why."""
    try:
        assert backend(name, HOSTS.get(name)).tools()
    except Unavailable as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize(("under_test", "precision"), RUNS, indirect=["under_test"], scope="module")
def test_conforms(under_test: BackendUnderTest, precision: Precision, check: str) -> None:
    CHECKS[check](under_test, precision)
