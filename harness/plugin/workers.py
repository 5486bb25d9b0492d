"""What keeps a worker of pytest-xdist from collecting is told as it is without workers.

xdist itself says of a worker that ended before it collected only that there are no workers left.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

REFUSED = "zoo_refused"


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """In a worker, keep the words of a usage error, such as a wrong expression."""
    try:
        return (yield)
    except pytest.UsageError as error:
        output = getattr(session.config, "workeroutput", None)
        if output is not None:
            output[REFUSED] = [str(one) for one in error.args]
        raise


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """In the controller, end the run with the words of the first worker that could not collect.

    Raises:
        pytest.UsageError: one could not.
    """
    if words := getattr(node, "workeroutput", {}).get(REFUSED):
        raise pytest.UsageError(*words)
