"""Every backend of the registry that can be used here passes every check, in each precision."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harness.backends.backend import Precision
from harness.backends.registry import BACKENDS, backend
from harness.conformance import CHECKS, Exam
from harness.errors import Unavailable


def runs() -> Iterator[object]:
    """Backend and precision; a backend that cannot be used here is skipped, and says why."""
    for name in BACKENDS:
        try:
            one = backend(name)
            one.tools()
        except Unavailable as error:
            yield pytest.param(name, "", id=name, marks=pytest.mark.skip(reason=str(error)))
        else:
            yield from (pytest.param(name, each, id=f"{name}-{each}") for each in one.precisions)


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize(("exam", "precision"), [*runs()], indirect=["exam"], scope="module")
def test_conforms(exam: Exam, precision: Precision, check: str) -> None:
    CHECKS[check](exam, precision)
