"""What comes out of a session, and that nothing else does: shape, type, values, memory."""

from __future__ import annotations

import json

import numpy as np

from harness.backends.backend import PRECISIONS, Precision
from harness.backends.kit.under_test import BackendUnderTest


def declared(under_test: BackendUnderTest, precision: Precision) -> None:
    """The backend's own word: format, runner, precisions, tools, and facts that can be stored."""
    backend = under_test.backend
    if backend.format not in under_test.subject.models:
        under_test.fail(precision, f"format is {backend.format!r}")
    given, tensors = under_test.images.shape, under_test.subject.tensors.shape
    if given != tensors:
        under_test.fail(precision, f"the runner makes images {given} of {tensors}")
    strange = set(backend.precisions) - set(PRECISIONS)
    if strange or precision not in backend.precisions:
        under_test.fail(precision, f"precisions are {backend.precisions}, out of {PRECISIONS}")
    tools = backend.tools()
    if not tools or not all(isinstance(one, str) and one for both in tools.items() for one in both):
        under_test.fail(precision, f"tools are {dict(tools)}, expected names and versions")
    facts = under_test.facts(precision)
    try:
        same = json.loads(json.dumps(facts, allow_nan=False)) == facts
    except (TypeError, ValueError) as error:
        under_test.fail(precision, f"facts cannot be stored: {error}")
    if not same:
        under_test.fail(precision, "facts are not in JSON's types: they read back as others")


def shape(under_test: BackendUnderTest, precision: Precision) -> None:
    """(n, classes), for any number of images."""
    classes = under_test.subject.logits64.shape[1]
    for count in (1, 2, len(under_test.images)):
        outputs = under_test.session(precision).logits(under_test.images[:count])
        if outputs.shape != (count, classes):
            under_test.fail(
                precision, f"{count} images give {outputs.shape}, not {(count, classes)}"
            )


def float32(under_test: BackendUnderTest, precision: Precision) -> None:
    """A NumPy array of float32, whatever the backend computes in."""
    outputs = under_test.session(precision).logits(under_test.images)
    if type(outputs) is not np.ndarray or outputs.dtype != np.dtype(np.float32):
        found = getattr(outputs, "dtype", "")
        under_test.fail(
            precision, f"outputs are {type(outputs).__name__} {found}, expected float32"
        )


def finite(under_test: BackendUnderTest, precision: Precision) -> None:
    """No NaN, no infinity."""
    wrong = ~np.isfinite(under_test.session(precision).logits(under_test.images)).all(axis=1)
    if wrong.any():
        under_test.fail(
            precision, f"images {np.flatnonzero(wrong).tolist()} have NaN or infinite logits"
        )


def own_memory(under_test: BackendUnderTest, precision: Precision) -> None:
    """C-contiguous, and nobody else's: neither the images' nor the next result's."""
    session, images = under_test.session(precision), under_test.images
    first = session.logits(images)
    if not first.flags.c_contiguous:
        under_test.fail(precision, "outputs are not C-contiguous")
    if np.shares_memory(first, images):
        under_test.fail(precision, "outputs share memory with the images")
    kept = first.copy()
    second = session.logits(images[::-1].copy())
    if np.shares_memory(first, second) or not np.array_equal(first, kept):
        under_test.fail(precision, "a second run overwrites the first one's outputs")


def images_unchanged(under_test: BackendUnderTest, precision: Precision) -> None:
    """A run leaves the images as they were."""
    images, before = under_test.images, under_test.images
    under_test.session(precision).logits(images)
    if not np.array_equal(images, before):
        under_test.fail(precision, "a run modifies the images that it is given")


def any_layout(under_test: BackendUnderTest, precision: Precision) -> None:
    """Images in read-only memory, and views of others, are images like any other."""
    images, expected = under_test.images, under_test.logits(precision)
    read_only = under_test.images
    read_only.flags.writeable = False
    views = {
        "read-only": read_only,
        "backwards in memory": np.ascontiguousarray(images[::-1])[::-1],
        "every other one": np.repeat(images, 2, axis=0)[::2],
        "in Fortran order": np.asfortranarray(images),
    }
    for what, view in views.items():
        try:
            outputs = under_test.session(precision).logits(view)
        except Exception as error:
            under_test.fail(precision, f"images {what}: {type(error).__name__}: {error}")
        under_test.require_near(
            expected,
            outputs,
            precision,
            bound=under_test.terms.bounds[precision].repeat,
            what=f"images {what}",
        )
