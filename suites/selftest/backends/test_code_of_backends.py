"""What a backend names as its own code is there, so that its results depend on it."""

from __future__ import annotations

import pytest

from harness.backends.backend import Host
from harness.backends.registry import BACKENDS, backend
from harness.runtime.identity import code_digest


@pytest.mark.parametrize("name", BACKENDS)
def test_every_part_exists(name: str) -> None:
    code = backend(name, Host()).code
    assert code
    assert code_digest(*code)


def test_a_part_that_moved_away_would_be_noticed() -> None:
    with pytest.raises(FileNotFoundError):
        code_digest("no_such_room")
