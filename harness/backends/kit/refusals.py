"""What is wrong is refused by a named error, and the session goes on to work."""

from __future__ import annotations

from harness.backends.backend import Precision
from harness.backends.kit.children import Fault
from harness.backends.kit.under_test import Exam


def refuses_wrong_channels(exam: Exam, precision: Precision) -> None:
    """Images of two channels."""
    _require_refused(exam, precision, "wrong_channels")


def refuses_wrong_dtype(exam: Exam, precision: Precision) -> None:
    """float64 for tensors, float32 for levels."""
    _require_refused(exam, precision, "wrong_dtype")


def refuses_missing_file(exam: Exam, precision: Precision) -> None:
    """A model that is not there."""
    _require_refused(exam, precision, "missing_file")


def refuses_truncated_file(exam: Exam, precision: Precision) -> None:
    """Half of a model."""
    _require_refused(exam, precision, "truncated_file")


def refuses_unknown_precision(exam: Exam, precision: Precision) -> None:
    """A precision that is not known: where it would be compiled, or else where it is run."""
    _require_refused(exam, precision, "unknown_precision")


def _require_refused(exam: Exam, precision: Precision, fault: Fault) -> None:
    refusal = exam.refusal(precision, fault)
    what = fault.replace("_", " ")
    if refusal.kind == "none":
        exam.fail(precision, f"{what}: taken without an error, gives {refusal.text}")
    if refusal.kind == "foreign":
        exam.fail(
            precision,
            f"{what}: expected RunError, CompileError or Unavailable, got {refusal.text}",
        )
    bound = exam.terms.bounds[precision].repeat
    before, after = refusal.before, refusal.after
    exam.require_near(
        before, after, precision, bound=bound, what=f"before and after {what} was refused"
    )
