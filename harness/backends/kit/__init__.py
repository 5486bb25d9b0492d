"""The conformance kit: what a backend passes before its figures are believed.

Each check takes a :class:`BackendUnderTest` (one backend on one network) and a precision, and
raises :class:`harness.errors.NonConformance` with the cause. A package that adds a backend, such as
``fixtures/example_plugin``, runs the kit in a test module of its own::

    import pytest
    from acme.backend import Acme  # called with a Host, as the registry does
    from harness.backends.kit import CHECKS, BackendUnderTest, make_subject

    @pytest.fixture(scope="module")
    def under_test(tmp_path_factory):
        subject = make_subject(tmp_path_factory.mktemp("subject"))
        folder = tmp_path_factory.mktemp("kit")
        with BackendUnderTest(Acme, subject, folder, name="acme") as under_test:
            yield under_test

    @pytest.mark.parametrize("precision", Acme.precisions)
    @pytest.mark.parametrize("check", CHECKS)
    def test_conforms(under_test, check, precision):
        CHECKS[check](under_test, precision)

``BackendUnderTest`` takes the ``Host`` that the backend is made with, and ``Terms``: other bounds,
which are then the backend's stated ones, and fewer calls where each of them is slow.
"""

from collections.abc import Callable, Mapping

from harness.backends.backend import Precision
from harness.backends.kit import outputs, refusals, repeats, residues, truth
from harness.backends.kit.bounds import BOUNDS, Bounds
from harness.backends.kit.subject import NetworkUnderTest, make_subject
from harness.backends.kit.under_test import BackendUnderTest, Terms

__all__ = [
    "BOUNDS",
    "CHECKS",
    "BackendUnderTest",
    "Bounds",
    "Check",
    "NetworkUnderTest",
    "Terms",
    "make_subject",
]

Check = Callable[[BackendUnderTest, Precision], None]

CHECKS: Mapping[str, Check] = {
    check.__name__: check
    for check in (
        outputs.declared,
        outputs.shape,
        outputs.float32,
        outputs.finite,
        outputs.own_memory,
        outputs.images_unchanged,
        outputs.any_layout,
        repeats.batch_invariance,
        repeats.order,
        repeats.determinism,
        repeats.compiled_again,
        repeats.threads,
        repeats.processes,
        truth.exact,
        truth.no_finer,
        truth.no_float_operators,
        refusals.refuses_wrong_channels,
        refusals.refuses_wrong_dtype,
        refusals.refuses_missing_file,
        refusals.refuses_truncated_file,
        refusals.refuses_unknown_precision,
        residues.leaves_no_files,
        residues.leaves_no_processes,
        residues.leaves_no_threads,
        residues.keeps_no_memory,
    )
}
"""Name to check, from what is quickly seen to what takes processes."""
