"""What is found of a page, and what is counted, is found anew where that which found it changed."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.expected.variants import Variant
from harness.pipeline.keys import count_key
from harness.records import Page
from harness.resolving.running import resolved
from harness.runtime import entry_points, identity
from harness.runtime.store import Key

pytestmark = [pytest.mark.shows("yesterday's artifact, or a damaged one")]

PAGE = Page("page", "page.md", "0" * 64, ())
VARIANT = Variant("page/timm/net", "timm", "net.tag", "net.pth", "timm-net")
SOURCE = """
from harness.sources.source import Source
SOURCE = Source(networks="zoo_acme.networks", distributions=())
"""
CACHES: tuple[Any, ...] = (entry_points._points, identity._version, identity.code_digest)

Install = Callable[[str], None]


def forget() -> None:
    """Look again at what is installed, and at our own code."""
    for cached in CACHES:
        cached.cache_clear()


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    forget()


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Install a version of a package that adds a source and a counting rule."""
    info = tmp_path / "zoo_acme.dist-info"
    info.mkdir()
    (tmp_path / "zoo_acme.py").write_text(SOURCE, encoding="utf-8")
    groups = (
        (entry_points.SOURCES, "zoo_acme:SOURCE"),
        (entry_points.COUNTING_RULES, "zoo_acme:RULE"),
    )
    text = "\n".join(f"[{group}]\nacme = {target}" for group, target in groups)
    (info / "entry_points.txt").write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)

    def version(number: str) -> None:
        metadata = f"Metadata-Version: 2.1\nName: zoo-acme\nVersion: {number}\n"
        (info / "METADATA").write_text(metadata, encoding="utf-8")
        forget()

    return version


class Asked:
    """A store that is asked for an entry, and has none."""

    def use(self, key: Key, produce: object) -> Key:  # noqa: ARG002
        return key


def resolve_key() -> Key:
    key: Any = resolved(PAGE, "", Asked())  # type: ignore[arg-type]
    assert isinstance(key, Key)
    return key


@pytest.mark.parametrize(
    "key", [resolve_key, lambda: count_key(VARIANT, 224, ["acme"])], ids=["resolve", "count"]
)
def test_another_version_of_a_package_that_adds_a_rule_makes_another_key(
    install: Install, key: Callable[[], Key]
) -> None:
    install("1.0")
    before = key().text
    install("2.0")
    assert '"zoo-acme":"1.0"' in before
    assert key().text == before.replace('"zoo-acme":"1.0"', '"zoo-acme":"2.0"')


def test_counts_under_the_suites_own_rules_do_not_depend_on_it(install: Install) -> None:
    install("1.0")
    before = count_key(VARIANT, 224, ["true"])
    install("2.0")
    assert count_key(VARIANT, 224, ["true"]) == before


@pytest.mark.parametrize("file", ["images/pipelines/catalogue.py", "sources/timm/tables/timm.csv"])
def test_what_drafts_are_made_with_stands_in_the_key_of_a_resolved_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(identity.HARNESS, tmp_path / "harness", ignore=ignored)
    monkeypatch.setattr(identity, "HARNESS", tmp_path / "harness")
    forget()
    before = resolve_key()
    with (tmp_path / "harness" / file).open("a", encoding="utf-8") as changed:
        changed.write("\n")
    forget()
    assert resolve_key() != before
