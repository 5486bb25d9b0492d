"""What is wrong is refused by a named error, and the session goes on to work."""

from __future__ import annotations

from harness.backends.backend import Precision
from harness.backends.kit.children import Fault
from harness.backends.kit.under_test import BackendUnderTest


def refuses_wrong_channels(under_test: BackendUnderTest, precision: Precision) -> None:
    """Images of two channels."""
    _require_refused(under_test, precision, "wrong_channels")


def refuses_wrong_dtype(under_test: BackendUnderTest, precision: Precision) -> None:
    """float64 for tensors, float32 for levels."""
    _require_refused(under_test, precision, "wrong_dtype")


def refuses_missing_file(under_test: BackendUnderTest, precision: Precision) -> None:
    """A model that is not there."""
    _require_refused(under_test, precision, "missing_file")


def refuses_truncated_file(under_test: BackendUnderTest, precision: Precision) -> None:
    """Half of a model."""
    _require_refused(under_test, precision, "truncated_file")


def refuses_unknown_precision(under_test: BackendUnderTest, precision: Precision) -> None:
    """A precision that is not known: where it would be compiled, or else where it is run."""
    _require_refused(under_test, precision, "unknown_precision")


def _require_refused(under_test: BackendUnderTest, precision: Precision, fault: Fault) -> None:
    refusal = under_test.refusal(precision, fault)
    what = fault.replace("_", " ")
    if refusal.kind == "none":
        under_test.fail(precision, f"{what}: taken without an error, gives {refusal.text}")
    if refusal.kind == "foreign":
        under_test.fail(
            precision,
            f"{what}: expected RunError, CompileError or Unavailable, got {refusal.text}",
        )
    bound = under_test.terms.bounds[precision].repeat
    before, after = refusal.before, refusal.after
    under_test.require_near(
        before, after, precision, bound=bound, what=f"before and after {what} was refused"
    )
