"""What sessions and compilations leave behind: nothing."""

from __future__ import annotations

from harness.backends.backend import Precision
from harness.backends.kit.under_test import BackendUnderTest

MIB = 2**20


ALLOCATOR_BYTES = 3 * 2**20  # 0.9 MiB are seen over five calls that keep nothing


def leaves_no_files(under_test: BackendUnderTest, precision: Precision) -> None:
    """None in the working folder, among temporary files, or beside the model."""
    left = set(under_test.residue(precision).files)
    again = under_test.recompiled(precision)
    left |= set(again.files if again else ())
    if left:
        under_test.fail(precision, f"leaves or changes files: {', '.join(sorted(left)[:5])}")


def leaves_no_processes(under_test: BackendUnderTest, precision: Precision) -> None:
    """Whatever it started has ended."""
    left = under_test.residue(precision).processes
    again = under_test.recompiled(precision)
    left += again.processes if again else ()
    if left:
        under_test.fail(precision, f"leaves processes: {'; '.join(left[:5])}")


def leaves_no_threads(under_test: BackendUnderTest, precision: Precision) -> None:
    """More sessions do not make more threads; a pool that the process shares is none of them."""
    first, last = under_test.residue(precision).threads
    if last > first:
        under_test.fail(precision, f"{first} threads after the first session, {last} after more")


def keeps_no_memory(under_test: BackendUnderTest, precision: Precision) -> None:
    """Over many calls memory grows by less than half of what their images take.

    A few MiB are the allocator's own, whatever is called; few or small images show no leak.
    """
    residue = under_test.residue(precision)
    bound = max(residue.images_bytes // 2, ALLOCATOR_BYTES)
    if residue.grown_bytes > bound:
        under_test.fail(
            precision,
            f"memory grew by {residue.grown_bytes / MIB:.1f} MiB over {under_test.terms.calls} "
            f"calls, at most {bound / MIB:.1f} MiB are allowed",
        )
