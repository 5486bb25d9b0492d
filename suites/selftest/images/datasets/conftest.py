"""Small data sets in both layouts, and the real one where it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from small_datasets import SYNSETS, jpeg

SHARED = Path(__file__).resolve().parents[4] / "../shared"


@pytest.fixture
def page_layout(tmp_path: Path) -> Path:
    """Six images a.JPEG … f.JPEG of classes 0, 1, 2, 0, 1, 2, as the page lays them out."""
    root = tmp_path / "ImageNet"
    (root / "val").mkdir(parents=True)
    for seed, name in enumerate("abcdef"):
        (root / "val" / f"{name}.JPEG").write_bytes(jpeg(seed))
    lines = [f"{name}.JPEG {place % 3}\n" for place, name in enumerate("abcdef")]
    (root / "val_label.txt").write_text("".join(lines))
    return root


@pytest.fixture
def folders() -> Callable[..., Path]:
    """Makes folders per synset: so many images in each, other ones for each ``first`` seed."""

    def make(root: Path, counts: tuple[int, ...] = (4, 4, 4), *, first: int = 100) -> Path:
        seed = first
        for synset, count in zip(SYNSETS, counts, strict=True):
            for _ in range(count):
                (root / synset).mkdir(parents=True, exist_ok=True)
                (root / synset / f"{seed}.JPEG").write_bytes(jpeg(seed))
                seed += 1
        return root

    return make


@pytest.fixture
def synset_file(tmp_path: Path) -> Path:
    """The three synsets as a file."""
    path = tmp_path / "synsets.txt"
    path.write_text("".join(f"{synset}\n" for synset in SYNSETS))
    return path


@pytest.fixture
def shared() -> Path:
    """Real photographs and labels; a test that asks for them is skipped where they are not."""
    if not (SHARED / "data").is_dir():
        pytest.skip("no real images here: ../shared/data is missing")
    return SHARED / "data"
