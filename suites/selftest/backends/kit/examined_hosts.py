"""With what backends are examined that need more than this machine has."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from harness.backends.backend import Host

STAND_IN = Path(__file__).resolve().parents[4] / "fixtures/vendor_toolchain"

HOSTS: Mapping[str, Host] = {
    "vendor": Host(
        tools=STAND_IN,
        environment={"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"},
        cards=(0, 1),
        cards_folder=Path("cards"),  # each examination has its own
    )
}
"""The vendor's tools are examined on their stand-in."""

CALLS: Mapping[str, int] = {"vendor": 5}
"""Runs after which memory may not have grown, where each is a process of its own."""
