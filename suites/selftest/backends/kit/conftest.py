"""The subject that all backends are examined on, and one examination for each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import examined_hosts
import pytest

from harness.backends.backend import Host
from harness.backends.kit import BackendUnderTest, NetworkUnderTest, Terms, make_subject
from harness.backends.registry import backend


@pytest.fixture(scope="session")
def subject(tmp_path_factory: pytest.TempPathFactory) -> NetworkUnderTest:
    return make_subject(tmp_path_factory.mktemp("subject"))


@pytest.fixture(scope="module")
def under_test(
    request: pytest.FixtureRequest,
    subject: NetworkUnderTest,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[BackendUnderTest]:
    """The examination of a backend of the registry, by its name."""
    name = request.param
    folder = tmp_path_factory.mktemp(f"exam-{name}")
    host = replace(examined_hosts.HOSTS.get(name, Host()), cards_folder=folder / "cards")
    terms = Terms(calls=examined_hosts.CALLS[name]) if name in examined_hosts.CALLS else None
    make = partial(backend, name)
    with BackendUnderTest(make, subject, folder, name=name, host=host, terms=terms) as made:
        yield made
