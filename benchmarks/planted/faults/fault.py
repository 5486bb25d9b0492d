"""What a fault is, the rows it is planted for, and the checks that there are to catch it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Final

ROWS: Final = {
    source: f"resnext/{source}/resnext50_32x4d"
    for source in ("torchvision", "timm", "mmcls", "ppcls")
}
"""One network from four libraries: each has something to be held against."""

TRUE_PARAMS: Final = "test_true_params_are_those_of_the_pinned_network"
TRUE_MACS: Final = "test_true_macs_are_those_of_the_pinned_network"
SETTINGS: Final = TRUE_MACS
OPERATIONS: Final = "test_documented_operations_are_reproduced"
PARAMS: Final = "test_documented_params_are_reproduced"
PUBLISHED: Final = "test_documented_accuracy_is_the_published_one"
TOPS: Final = "test_top1_is_not_above_top5"
SAME: Final = "test_exported_model_computes_the_same"
COMPLETE: Final = "test_export_is_complete_and_as_promised"
REPEATS: Final = "test_exporting_again_gives_the_same_model"
SIZE: Final = "test_export_takes_the_documented_input_size"
ARITHMETIC: Final = "test_network_computes_what_arithmetic_says"
AGREES: Final = "test_same_network_from_another_source_agrees"
HEAVY: Final = "test_every_heavy_operator_is_int8"
PARAMETERS: Final = "test_quantization_parameters_follow_from_the_calibration_images"
FLOAT: Final = "test_fp32_in_the_backend_agrees_with_its_source"
PARITY: Final = "test_parity"
ACCEPTED: Final = "test_parity_is_the_accepted_one"
ACCURACY: Final = "test_accuracy_is_as_documented"
LOSS: Final = "test_int8_loses_no_more_than_it_may"
NO_SLOWER: Final = "test_int8_is_no_slower"
PIPELINE: Final = "test_pipeline_is_as_specified"

BUILT: Final = ("published", "count", "fit", "reference", "export", "compile", "run")
WRITTEN: Final = ("export", "compile", "run")
COMPILED: Final = ("compile", "run")
RUN: Final = ("run",)


@dataclass(frozen=True, slots=True)
class Fault:
    """A change that makes something wrong, and what has to notice it.

    Attributes:
        name: unique.
        kind: where on the path it is.
        row: the row that the gate runs.
        plant: the function below :mod:`benchmarks.planted.plants` that makes the change, given the
            library's module and ``options``; "" for a change of the page.
        into: the module of the library, which is changed as soon as it has been imported.
        caught_by: the checks of which one at least has to fail.
        failures: cases that may fail: one for each file or pipeline that the change reaches.
        place: what the failure has to name, or "" where there is no place.
        rebuilt: the steps that the change is before, as a new version of the library would be.
        marks: the stages that are run, as pytest's ``-m`` has them.
        select: pytest's ``-k``, or "".
        page: for a change of the page, a text among the row's claims, and what it becomes.
        labels: for a change of the labels of real photographs, what changes them; such a row is of
            :mod:`benchmarks.mobilenet_zoo`.
        given: further options of the gate.
        environment: variables by which a stand-in is told to be wrong.
        quick: whether it is among those that always run.
    """

    name: str
    kind: str
    row: str
    caught_by: tuple[str, ...]
    plant: str = ""
    into: str = ""
    options: tuple[object, ...] = ()
    failures: int = 1
    place: str = ""
    rebuilt: tuple[str, ...] = ()
    marks: str = "page or complexity or export or int8"
    select: str = ""
    page: tuple[str, str] = ("", "")
    labels: str = ""
    given: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    quick: bool = False

    @property
    def is_kept_apart(self) -> bool:
        """Whether it is of the third on which no check is tuned."""
        return int(hashlib.sha256(self.name.encode()).hexdigest(), 16) % 3 == 0


@dataclass(frozen=True, slots=True)
class Continuous:
    """A fault of any size, of which the smallest that is caught can be looked for.

    Attributes:
        fault: its last option is a factor.
        least, most: how far the factor may be from 1.
    """

    fault: Fault
    least: float = 1e-7
    most: float = 0.1

    def of(self, size: float) -> Fault:
        """The fault whose factor is off by so much."""
        *options, _ = self.fault.options
        return replace(
            self.fault, name=f"{self.fault.name} by {size:.1g}", options=(*options, 1 + size)
        )
