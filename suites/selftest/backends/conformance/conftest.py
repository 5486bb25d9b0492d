"""The subject that all backends are examined on, and one examination for each."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest

from harness.backends.registry import backend
from harness.conformance import Exam, Subject, make_subject


@pytest.fixture(scope="session")
def subject(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    return make_subject(tmp_path_factory.mktemp("subject"))


@pytest.fixture(scope="module")
def exam(
    request: pytest.FixtureRequest, subject: Subject, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Exam]:
    """The examination of a backend of the registry, by its name."""
    name = request.param
    folder = tmp_path_factory.mktemp(f"exam-{name}")
    with Exam(partial(backend, name), subject, folder, name=name) as made:
        yield made
