"""Small pages, and copies of them with one thing changed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGES = ROOT / "fixtures/pages"
REAL = ROOT / "../shared/zoo"

Edit = Callable[..., Path]


@pytest.fixture
def zoo() -> Path:
    """The small page that reads without fault: four rows in two tables, two failures."""
    return PAGES / "zoo.md"


@pytest.fixture
def page_of(tmp_path: Path) -> Callable[[str], Path]:
    """A page of its own with the given text."""

    def write(text: str) -> Path:
        path = tmp_path / "page.md"
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def edited(tmp_path: Path, zoo: Path) -> Edit:
    """A copy of the small page in which the only ``old`` has become ``new``."""

    def edit(old: str, new: str) -> Path:
        text = zoo.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} must stand once on the page"
        path = tmp_path / "zoo.md"
        path.write_text(text.replace(old, new), encoding="utf-8")
        return path

    return edit


@pytest.fixture
def real_page() -> Callable[[str], Path]:
    """A page of the real zoo, or a skip where it is not at hand."""

    def page(name: str) -> Path:
        path = REAL / name
        if not path.is_file():
            pytest.skip(f"the real page {name} is not on this machine")
        return path

    return page
