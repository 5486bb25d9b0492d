"""Logits of a made-up network, and what a good int8 run makes of them."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

IMAGES, CLASSES = 18, 200


@pytest.fixture
def reference() -> NDArray[np.float64]:
    """Logits that tell images apart, on top of an offset that is the same for all of them."""
    rng = np.random.default_rng(7)
    return rng.normal(scale=2.0, size=(IMAGES, CLASSES)) + rng.normal(scale=5.0, size=CLASSES)


@pytest.fixture
def int8(reference: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same with patternless noise, 20 dB below what tells the images apart."""
    return reference + np.random.default_rng(8).normal(scale=0.2, size=reference.shape)
