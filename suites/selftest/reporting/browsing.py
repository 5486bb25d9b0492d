"""A page in a headless Chromium, and what axe says of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Show = Callable[..., Any]


def grave_faults(axe: Any, page: Any) -> dict[str, list[str]]:
    """What axe finds on a page that keeps somebody from using it."""
    return {
        one["id"]: [node["html"][:200] for node in one["nodes"]][:3]
        for one in axe.Axe().run(page).response["violations"]
        if one["impact"] in ("serious", "critical")
    }
