"""The faults, each with the row that it is planted for and the checks that have to catch it."""

from __future__ import annotations

from benchmarks.planted.faults.exports import export_faults
from benchmarks.planted.faults.fault import Fault
from benchmarks.planted.faults.images import image_faults
from benchmarks.planted.faults.labels import label_faults
from benchmarks.planted.faults.page import page_faults
from benchmarks.planted.faults.quantization import quantizer_faults
from benchmarks.planted.faults.runs import run_faults
from benchmarks.planted.faults.sources import source_faults
from benchmarks.planted.faults.vendor import vendor_faults


def faults() -> tuple[Fault, ...]:
    """The catalogue."""
    found = (
        *page_faults(),
        *source_faults(),
        *export_faults(),
        *image_faults(),
        *quantizer_faults(),
        *run_faults(),
        *label_faults(),
        *vendor_faults(),
    )
    names = [one.name for one in found]
    assert len(set(names)) == len(names), "two faults of one name"
    return found
