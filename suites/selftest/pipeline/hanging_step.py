"""A step that never comes back, in a module of its own that a child loads in no time."""

from __future__ import annotations

import time


def hang(*_: object) -> None:
    """Sleep beyond every limit of these tests."""
    time.sleep(60)
