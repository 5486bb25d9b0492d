"""What comes out of a session, and that nothing else does: shape, type, values, memory."""

from __future__ import annotations

import json

import numpy as np

from harness.backends.backend import PRECISIONS, Precision
from harness.backends.kit.under_test import Exam


def declared(exam: Exam, precision: Precision) -> None:
    """The backend's own word: format, runner, precisions, tools, and facts that can be stored."""
    backend = exam.backend
    if backend.format not in exam.subject.models:
        exam.fail(precision, f"format is {backend.format!r}")
    given, tensors = exam.images.shape, exam.subject.tensors.shape
    if given != tensors:
        exam.fail(precision, f"the runner makes images {given} of {tensors}")
    strange = set(backend.precisions) - set(PRECISIONS)
    if strange or precision not in backend.precisions:
        exam.fail(precision, f"precisions are {backend.precisions}, out of {PRECISIONS}")
    tools = backend.tools()
    if not tools or not all(isinstance(one, str) and one for both in tools.items() for one in both):
        exam.fail(precision, f"tools are {dict(tools)}, expected names and versions")
    facts = exam.facts(precision)
    try:
        same = json.loads(json.dumps(facts, allow_nan=False)) == facts
    except (TypeError, ValueError) as error:
        exam.fail(precision, f"facts cannot be stored: {error}")
    if not same:
        exam.fail(precision, "facts are not in JSON's types: they read back as others")


def shape(exam: Exam, precision: Precision) -> None:
    """(n, classes), for any number of images."""
    classes = exam.subject.logits64.shape[1]
    for count in (1, 2, len(exam.images)):
        outputs = exam.session(precision).logits(exam.images[:count])
        if outputs.shape != (count, classes):
            exam.fail(precision, f"{count} images give {outputs.shape}, not {(count, classes)}")


def float32(exam: Exam, precision: Precision) -> None:
    """A NumPy array of float32, whatever the backend computes in."""
    outputs = exam.session(precision).logits(exam.images)
    if type(outputs) is not np.ndarray or outputs.dtype != np.dtype(np.float32):
        found = getattr(outputs, "dtype", "")
        exam.fail(precision, f"outputs are {type(outputs).__name__} {found}, expected float32")


def finite(exam: Exam, precision: Precision) -> None:
    """No NaN, no infinity."""
    wrong = ~np.isfinite(exam.session(precision).logits(exam.images)).all(axis=1)
    if wrong.any():
        exam.fail(precision, f"images {np.flatnonzero(wrong).tolist()} have NaN or infinite logits")


def own_memory(exam: Exam, precision: Precision) -> None:
    """C-contiguous, and nobody else's: neither the images' nor the next result's."""
    session, images = exam.session(precision), exam.images
    first = session.logits(images)
    if not first.flags.c_contiguous:
        exam.fail(precision, "outputs are not C-contiguous")
    if np.shares_memory(first, images):
        exam.fail(precision, "outputs share memory with the images")
    kept = first.copy()
    second = session.logits(images[::-1].copy())
    if np.shares_memory(first, second) or not np.array_equal(first, kept):
        exam.fail(precision, "a second run overwrites the first one's outputs")


def images_unchanged(exam: Exam, precision: Precision) -> None:
    """A run leaves the images as they were."""
    images, before = exam.images, exam.images
    exam.session(precision).logits(images)
    if not np.array_equal(images, before):
        exam.fail(precision, "a run modifies the images that it is given")


def any_layout(exam: Exam, precision: Precision) -> None:
    """Images in read-only memory, and views of others, are images like any other."""
    images, expected = exam.images, exam.logits(precision)
    read_only = exam.images
    read_only.flags.writeable = False
    views = {
        "read-only": read_only,
        "backwards in memory": np.ascontiguousarray(images[::-1])[::-1],
        "every other one": np.repeat(images, 2, axis=0)[::2],
        "in Fortran order": np.asfortranarray(images),
    }
    for what, view in views.items():
        try:
            outputs = exam.session(precision).logits(view)
        except Exception as error:
            exam.fail(precision, f"images {what}: {type(error).__name__}: {error}")
        exam.require_near(
            expected,
            outputs,
            precision,
            bound=exam.terms.bounds[precision].repeat,
            what=f"images {what}",
        )
