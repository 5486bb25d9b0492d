"""What a backend says is right, and was computed in the precision that it is said to be in."""

from __future__ import annotations

import numpy as np

from harness.backends.backend import Precision
from harness.backends.kit.bounds import spacings
from harness.backends.kit.under_test import BackendUnderTest


def exact(under_test: BackendUnderTest, precision: Precision) -> None:
    """Logits are those of the network in float64, as far as the precision allows."""
    off, bound = _off(under_test, precision), under_test.terms.bounds[precision].exact
    if not off <= bound:
        under_test.fail(precision, f"{off:.3g} spacings off float64, at most {bound:g} are allowed")


def no_finer(under_test: BackendUnderTest, precision: Precision) -> None:
    """fp16, bf16 and int8 are no float32 under another name: not as exact, and not the same."""
    off, bound = _off(under_test, precision), under_test.terms.bounds[precision].finest
    if off < bound:
        under_test.fail(
            precision,
            f"{off:.3g} spacings off float64, and {bound:g} at least come of computing in "
            f"{precision}: it was computed in a finer precision",
        )
    if precision == "fp32" or "fp32" not in under_test.backend.precisions:
        return
    if np.array_equal(under_test.logits(precision), under_test.logits("fp32")):
        under_test.fail(precision, "equals fp32 bit for bit")


def no_float_operators(under_test: BackendUnderTest, precision: Precision) -> None:
    """In int8, no convolution or matrix product is left in floating point, as far as it says."""
    facts = under_test.facts(precision)
    if precision != "int8":
        return
    if facts.get("heavy") == 0:
        under_test.fail(precision, "the compiled model has no convolution or matrix product")
    for fact in ("unquantized", "floating"):
        if facts.get(fact):
            under_test.fail(precision, f"silent fallback: {fact}: {facts[fact]}")


def _off(under_test: BackendUnderTest, precision: Precision) -> float:
    """The largest difference from float64, in spacings."""
    right = under_test.subject.logits64
    logits = under_test.logits(precision)
    if logits.shape != right.shape:
        under_test.fail(precision, f"shape {logits.shape}, expected {right.shape}")
    largest = float(np.abs(right).max())
    return spacings(logits - right, precision=precision, largest=largest)
