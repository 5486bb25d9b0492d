"""Result files to spoil, and the lists that go with them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

RESULTS = """\
/npz/n01440764/a.npz: Relay top-0 id: 0, prob: 0.70000000, class name: tench, Tinca tinca
/npz/n01440764/a.npz: Relay top-1 id: 3, prob: 0.20000000, class name: crane
/npz/n01440764/a.npz: Relay top-2 id: 4, prob: 0.05000000, class name: crane
/npz/n01440764/a.npz: Relay top-3 id: 1, prob: 0.02000000, class name: goldfish
/npz/n01440764/a.npz: Relay top-4 id: 2, prob: 0.02000000, class name: maillot
/npz/n01443537/b.npz: Relay top-0 id: 3, prob: 12.50000000, class name: crane
/npz/n01443537/b.npz: Relay top-1 id: 1, prob: 3.25000000, class name: goldfish
/npz/n01443537/b.npz: Relay top-2 id: 0, prob: 0.00000000, class name: tench, Tinca tinca
/npz/n01443537/b.npz: Relay top-3 id: 2, prob: -0.00000001, class name: maillot
/npz/n01443537/b.npz: Relay top-4 id: 5, prob: -7.00000000, class name: maillot
"""
"""Probabilities of one image, and logits of another, as from a graph without softmax."""

LABELS = ("tench, Tinca tinca", "goldfish", "maillot", "crane", "crane", "maillot")
SYNSETS = ("n01440764", "n01443537", "n03710637", "n02012849", "n03126707", "n03710721")


@pytest.fixture
def labels() -> tuple[str, ...]:
    """Six labels for six classes; two of them twice."""
    return LABELS


@pytest.fixture
def synsets() -> dict[str, int]:
    """The same classes by WordNet id."""
    return {wnid: class_id for class_id, wnid in enumerate(SYNSETS)}


@pytest.fixture
def names() -> dict[str, str]:
    """What the classes are called, by WordNet id."""
    return dict(zip(SYNSETS, LABELS, strict=True))


@pytest.fixture
def spoiled(tmp_path: Path) -> Callable[..., Path]:
    """Writes the results as ``results.txt``, with one text replaced where asked."""

    def write(old: str = "", new: str = "") -> Path:
        assert old in RESULTS
        path = tmp_path / "results.txt"
        path.write_bytes((RESULTS.replace(old, new, 1) if old else RESULTS).encode())
        return path

    return write
