"""In which ways a row is exported, and on which images the exports are compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy.typing as npt

from harness.errors import ExportError, MissingSource
from harness.expected.variants import Variant
from harness.exporting.external_data import LARGEST_INLINE_BYTES
from harness.exporting.faults import faults
from harness.exporting.torchscript_faults import torchscript_faults
from harness.images.sets import EVALUATION_IMAGES
from harness.sources import source
from harness.sources.source import Source

Array = npt.NDArray[Any]

Route = Literal["documented", "external"]
"""What the page's command does, or parameters added by ourselves (Paddle only)."""

CURRENT_OPSET = 19

Batches = tuple[tuple[int, ...], ...]
"""Batches of images, each by the images' positions."""

PROBES: Batches = ((0,), (0, 1, 0, 1))
"""What exports are compared on: an image alone, and a batch of four. Two different images show
whether a place in the batch matters, and the source framework has only two to run."""

LARGE_PROBES: Batches = ((0,), (0, 1))
"""The same for networks whose every image takes many seconds."""

EACH_ONCE: Batches = ((0, 1), tuple(range(2, EVALUATION_IMAGES)))
"""Every evaluation image, in order."""

EVALUATION: tuple[int, ...] = tuple(range(EVALUATION_IMAGES))
"""The same as one batch."""

ALL_BATCHES: Batches = (*PROBES, EACH_ONCE[1])
"""The probes, and then the other evaluation images."""


CLASSES = 1000
INPUT_NAME = "input"


@dataclass(frozen=True, slots=True)
class Form:
    """One way in which a row is exported."""

    format: Literal["torchscript", "onnx"]
    opset: int = 0
    route: Route = "documented"

    @property
    def id(self) -> str:
        """As it stands in test ids."""
        return self.format if self.format == "torchscript" else f"onnx-opset{self.opset}"

    @property
    def file(self) -> str:
        """The name of the model in its entry."""
        return "model.pt" if self.format == "torchscript" else "model.onnx"


def each_once(outputs: Array) -> Array:
    """Of outputs of :data:`ALL_BATCHES`, those of every evaluation image once, in order."""
    return outputs[-EVALUATION_IMAGES:]  # the batch of four ends with the first two


def forms(name: str) -> tuple[Form, ...]:
    """The ways in which rows of a source are exported, what needs the network in memory first."""
    declared = _declared(name)
    documented, compiled = Form("onnx", declared.documented_opset), compiled_form(name)
    if declared.external_parameters:
        documented, compiled = compiled, documented
    return (*([Form("torchscript")] if declared.torchscript else []), documented, compiled)


def compiled_form(name: str) -> Form:
    """The form that is compiled: the quantizer needs a newer opset than the documented ones."""
    external = _declared(name).external_parameters
    return Form("onnx", CURRENT_OPSET, "external" if external else "documented")


def _declared(name: str) -> Source:
    """A source that nobody provides has the usual export variants, none of which is made."""
    try:
        return source(name)
    except MissingSource:
        return Source(networks="", distributions=())


def probes(variant: Variant) -> Batches:
    """The batches that exports of a row are compared on."""
    inside = 4 * (variant.params or 0) <= LARGEST_INLINE_BYTES
    return PROBES if inside else LARGE_PROBES


def is_repeated(form: Form, variant: Variant) -> bool:
    """Whether a form is exported twice: TorchScript, and the form that is compiled.

    Not where the parameters are too large to be inside the model: it takes minutes.
    """
    if form.format == "torchscript":
        return True
    inside = 4 * (variant.params or 0) <= LARGEST_INLINE_BYTES
    return inside and form == compiled_form(variant.source)


def require_as_promised(
    facts: Mapping[str, Any], form: Form, variant: Variant, *, size: int
) -> None:
    """Hold what was seen of an exported file against what was asked for.

    Args:
        facts: of the file.
        size: height and width of the input in pixels.

    Raises:
        ExportError: naming everything that is not as promised.
    """
    if form.format == "torchscript":
        found = torchscript_faults(facts)
    else:
        found = faults(
            facts,
            opset=form.opset,
            input_name=INPUT_NAME,
            output_name=source(variant.source).output_name,
            input_shape=(None, 3, size, size),
            classes=CLASSES,
        )
    if found:
        raise ExportError(f"{form.id} is not what was asked for: {'; '.join(found)}")
