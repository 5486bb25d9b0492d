"""Labelled images on disk: found, checked, converted, chosen for calibration, packed for a device.

ROOT/val/<file>.JPEG and ROOT/val_label.txt    the page's layout, :mod:`labels`
ROOT/<synset>/<file>.JPEG                      folders, the layout that libraries read
"""

from harness.images.datasets.calibration import CalibrationSet, choose, require_disjoint
from harness.images.datasets.faults import DatasetFault, FaultKind
from harness.images.datasets.imagenet import validation_gap
from harness.images.datasets.labels import read_synsets
from harness.images.datasets.layouts import Dataset, LabelledImage, open_dataset
from harness.images.datasets.manifest import read_manifest, write_manifest
from harness.images.datasets.npz import read_datalist, read_npz

__all__ = [
    "CalibrationSet",
    "Dataset",
    "DatasetFault",
    "FaultKind",
    "LabelledImage",
    "choose",
    "open_dataset",
    "read_datalist",
    "read_manifest",
    "read_npz",
    "read_synsets",
    "require_disjoint",
    "validation_gap",
    "write_manifest",
]
