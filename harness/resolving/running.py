"""A page resolved in a child process, and kept: by the page, the libraries and our own code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Final

from harness.errors import BuildError
from harness.records import Page
from harness.runtime import entry_points
from harness.runtime.identity import code_digest, tools
from harness.runtime.isolation import CHILD_ENVIRONMENT, Worker
from harness.runtime.store import JSON, Entry, Key, Store
from harness.sources import library_versions

FILES: Final = ("variants", "complexity", "published", "pipelines")
"""The drafts of an entry, each ``<name>.toml``; beside them is :data:`FINDINGS`."""
FINDINGS: Final = "findings.json"

_START_S: Final = 180.0  # for importing every library from a cold disk
_ROW_S: Final = 20.0  # for each row; the slowest takes 8
_COUNTERS: Final = ("thop", "fvcore")
_CODE: Final = (
    *("resolving", "sources", "sources/timm/tables/timm.csv", "counting"),
    *("expected", "judging/published.py", "images/pipelines"),
)
_ADDED: Final = (entry_points.SOURCES, entry_points.COUNTING_RULES)


def resolved(page: Page, text: str, store: Store) -> Entry:
    """What is found of a page: drafts of expectations, and the findings in JSON.

    The libraries are imported in a child process alone, and only where the store has not the page
    already.

    Args:
        page: as it was read.
        text: the page itself, for what it says outside its tables.

    Raises:
        BuildError: the child crashed or hung.
    """
    added = {
        (group, name): at for group in _ADDED for name, at in entry_points.added(group).items()
    }
    packages = [package for one in added for package in entry_points.packages(*one)]
    key = Key.of(
        "resolve",
        inputs={"page": _plain(page), "text": page.sha256},
        options={"added": {f"{group}:{name}": at for (group, name), at in added.items()}},
        tools=library_versions() | tools(*_COUNTERS, *packages) | {"code": code_digest(*_CODE)},
    )

    def produce(folder: Path) -> Mapping[str, JSON]:
        with Worker(environment=CHILD_ENVIRONMENT) as worker:
            files = worker.run(
                describe,
                page,
                text,
                timeout_s=_START_S + _ROW_S * len(page.rows),
                stage=BuildError,
                case=page.name,
                command=f"python -m harness update {page.path}",
            )
        for name, content in files.items():
            (folder / name).write_text(content, encoding="utf-8")
        return {"rows": len(page.rows)}

    return store.use(key, produce)


def describe(page: Page, text: str) -> dict[str, str]:
    """Resolve a page here and now: file names and contents of an entry."""
    from harness.resolving import drafts, findings, upstream_drafts
    from harness.resolving.page import resolve_page

    resolution = resolve_page(page)
    return {
        "variants.toml": drafts.variants(resolution),
        "complexity.toml": drafts.complexity(resolution),
        "published.toml": upstream_drafts.published(resolution, text),
        "pipelines.toml": upstream_drafts.pipelines(resolution),
        FINDINGS: json.dumps(findings.as_json(resolution), indent=1, ensure_ascii=False),
    }


def _plain(page: Page) -> JSON:
    """What the resolution depends on: rows, claims and failures."""
    rows = [
        {**asdict(row), "claims": [_claim(c) for c in asdict(row)["claims"]]} for row in page.rows
    ]
    return {"name": page.name, "rows": rows, "failures": [asdict(one) for one in page.failures]}


def _claim(claim: dict[str, object]) -> dict[str, JSON]:
    return {key: str(value) for key, value in claim.items()}
