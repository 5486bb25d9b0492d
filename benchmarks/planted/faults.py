"""The faults, each with the row that it is planted for and the checks that have to catch it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
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
PIPELINE: Final = "test_pipeline_is_as_specified"

BUILT: Final = ("count", "fit", "reference", "export", "compile", "run")
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
        place: what the failure has to name, or "" where there is no place.
        rebuilt: the steps that the change is before, as a new version of the library would be.
        marks: the stages that are run, as pytest's ``-m`` has them.
        select: pytest's ``-k``, or "".
        page: for a change of the page, a text among the row's claims, and what it becomes.
        quick: whether it is among those that always run.
    """

    name: str
    kind: str
    row: str
    caught_by: tuple[str, ...]
    plant: str = ""
    into: str = ""
    options: tuple[object, ...] = ()
    place: str = ""
    rebuilt: tuple[str, ...] = ()
    marks: str = "page or complexity or export or int8"
    select: str = ""
    page: tuple[str, str] = ("", "")
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


def continuous() -> Iterator[Continuous]:
    """One layer's scales, and its weights."""
    row = ROWS["torchvision"]
    for what in ("weights", "activation"):
        yield Continuous(
            Fault(
                f"scale of the {what} of one layer",
                "quantization",
                row,
                (PARAMETERS, ACCEPTED, PARITY, HEAVY),
                plant="quantizers.quantized_file",
                into="onnxruntime.quantization",
                options=(what, 1.0),
                rebuilt=COMPILED,
            )
        )
    yield Continuous(
        Fault(
            "weights of one layer in the export",
            "export",
            row,
            (SAME,),
            plant="exports.written_onnx",
            into="torch.onnx",
            options=("layer_scaled", 1.0),
            rebuilt=WRITTEN,
        )
    )


def faults() -> tuple[Fault, ...]:
    """The catalogue."""
    found = (*_page(), *_sources(), *_exports(), *_images(), *_quantizers(), *_runs())
    names = [one.name for one in found]
    assert len(set(names)) == len(names), "two faults of one name"
    return found


def _page() -> Iterator[Fault]:
    row = ROWS["torchvision"]
    changes: Sequence[tuple[str, tuple[str, str], tuple[str, ...]]] = (
        ("digits of MACs transposed", ('"4.288"', '"4.828"'), (OPERATIONS,)),
        ("last digit of MACs off by one", ('"4.288"', '"4.289"'), (OPERATIONS,)),
        ("FLOPs in place of MACs", ('"4.288"', '"8.576"'), (OPERATIONS,)),
        ("MACs of a sibling", ('"4.288"', '"16.539"'), (OPERATIONS,)),
        ("MACs at another size", ('"4.288"', '"5.600"'), (OPERATIONS,)),
        ("digits of parameters transposed", ('"25.029"', '"25.092"'), (PARAMS,)),
        ("parameters of a sibling", ('"25.029"', '"88.791"'), (PARAMS,)),
        ("bytes in place of parameters", ('"25.029"', '"100.116"'), (PARAMS,)),
        ("digits of top-1 transposed", ('"77.618"', '"77.681"'), (PUBLISHED,)),
        ("top-1 of newer weights", ('"77.618"', '"81.198"'), (PUBLISHED,)),
        ("top-1 and top-5 swapped", ('"77.618"', '"95.618"'), (TOPS, PUBLISHED)),
        ("top-5 of another row", ('"93.698"', '"94.526"'), (PUBLISHED,)),
        ("top-5 rounded up", ('"93.698"', '"93.798"'), (PUBLISHED,)),
    )
    for name, page, caught_by in changes:
        yield Fault(
            name,
            "page",
            row,
            caught_by,
            page=page,
            marks="page or complexity",
            quick=name.startswith(("digits of", "FLOPs")),
        )
    timm = ROWS["timm"]
    yield Fault(
        "top-1 of another tag of timm's",
        "page",
        timm,
        (PUBLISHED,),
        page=('"81.108"', '"82.180"'),
        marks="page or complexity",
    )
    yield Fault(
        "input size of another row",
        "page",
        timm,
        (OPERATIONS, SIZE, TRUE_MACS),
        page=('figure = "224"', 'figure = "288"'),
        marks="page or complexity",
    )


BUILDERS: Final = {
    "torchvision": ("torchvision.models", "get_model"),
    "timm": ("timm", "create_model"),
    "mmcls": ("mmpretrain", "get_model"),
    "ppcls": ("paddleclas.ppcls.arch.backbone.model_zoo.resnext", "ResNeXt50_32x4d"),
}
"""What builds a network: the module, and its function."""


def _sources() -> Iterator[Fault]:
    networks: Sequence[tuple[str, tuple[str, ...], str, tuple[str, ...]]] = (
        ("groups_ignored", (TRUE_PARAMS,), "", ("torchvision", "timm", "mmcls")),
        ("stride_moved", (TRUE_MACS,), "", tuple(BUILDERS)),
        ("block_less", (TRUE_PARAMS,), "", ("torchvision", "timm", "mmcls")),
        ("convolution_dilated", (SETTINGS,), "dilation 2", tuple(BUILDERS)),
        ("another_epsilon", (SETTINGS,), "epsilon 0.001", tuple(BUILDERS)),
        ("another_activation", (SETTINGS,), "leaky_relu", ("torchvision", "timm", "mmcls")),
        ("activation_missing", (SETTINGS,), "relu", ("timm",)),
        ("pool_padded_otherwise", (SETTINGS,), "", tuple(BUILDERS)),
        ("channels_rolled", (SETTINGS,), "roll", ("torchvision", "timm", "mmcls")),
        ("half_precision_inside", (SETTINGS,), "float16", ("torchvision", "mmcls")),
        ("head_scaled", (SETTINGS,), "mul", ("torchvision",)),
        ("a_layer_drifts", (AGREES, ARITHMETIC), "layer3.2", ("timm", "mmcls")),
    )
    for edit, caught_by, place, names in networks:
        for source in names:
            into, function = BUILDERS[source]
            yield Fault(
                f"{edit.replace('_', ' ')}, {source}",
                "source",
                ROWS[source],
                caught_by,
                plant="networks.network",
                into=into,
                options=(function, edit),
                place=place,
                rebuilt=BUILT,
                quick=(edit, source) == ("convolution_dilated", "timm"),
            )
    yield Fault(
        "another network of the library",
        "source",
        ROWS["timm"],
        (TRUE_PARAMS,),
        plant="networks.another_name",
        into="timm",
        options=("create_model", "resnext50_32x4d.a1h_in1k", "resnext50d_32x4d.bt_in1k"),
        rebuilt=BUILT,
    )


def _exports() -> Iterator[Fault]:
    edits: Sequence[tuple[str, tuple[str, ...], str, tuple[str, ...]]] = (
        ("initializers_swapped", (SAME,), "layer3", ("torchvision", "ppcls")),
        ("channel_zero", (SAME,), "layer3", ("torchvision", "timm", "mmcls", "ppcls")),
        ("classifier_transposed", (SAME,), "fc", ("torchvision", "ppcls")),
        ("float16_in_disguise", (SAME,), "", ("torchvision", "ppcls")),
        ("bias_negated", (SAME,), "layer3", ("torchvision", "mmcls")),
        ("activation_left_out", (SAME,), "layer", ("torchvision", "timm")),
        ("convolution_dilated", (SAME, COMPLETE), "layer3", ("torchvision",)),
        ("input_renamed", (COMPLETE, SAME), "", ("torchvision", "ppcls")),
        ("one_weight_off", (SAME,), "layer3", ("torchvision",)),
        ("empty_file", (COMPLETE,), "", ("torchvision", "ppcls")),
        ("half_a_file", (COMPLETE,), "", ("torchvision",)),
        ("classes_shifted", (SAME,), "fc", ("torchvision",)),
        ("float_batch", (SAME, COMPLETE), "", ("torchvision",)),
    )
    for edit, caught_by, place, sources in edits:
        for source in sources:
            paddle = source == "ppcls"
            yield Fault(
                f"{edit.replace('_', ' ')} in the export, {source}",
                "export",
                ROWS[source],
                caught_by,
                plant="exports.written_onnx",
                into="paddle2onnx" if paddle else "torch.onnx",
                options=(edit,),
                place="" if paddle else place,
                rebuilt=WRITTEN,
                quick=(edit, source) == ("channel_zero", "torchvision"),
            )
    exporters: Sequence[tuple[str, tuple[str, ...]]] = (
        ("training_mode", (COMPLETE, SAME)),
        ("batch_frozen", (COMPLETE, SAME)),
        ("opset_ignored", (COMPLETE,)),
        ("bias_drawn", (REPEATS,)),
        ("batch_mixed", (SAME,)),
    )
    for edit, caught_by in exporters:
        yield Fault(
            f"{edit.replace('_', ' ')} by the exporter",
            "export",
            ROWS["torchvision"],
            caught_by,
            plant="exports.exporter",
            into="torch.onnx",
            options=(edit,),
            rebuilt=WRITTEN,
        )
    scripts: Sequence[tuple[str, tuple[str, ...], str]] = (
        ("weights_swapped", (SAME,), "layer3"),
        ("channel_zero", (SAME,), "layer3"),
        ("half_a_file", (COMPLETE,), ""),
    )
    for edit, caught_by, place in scripts:
        yield Fault(
            f"{edit.replace('_', ' ')} in TorchScript",
            "export",
            ROWS["torchvision"],
            caught_by,
            plant="exports.written_torchscript",
            into="torch.jit",
            options=(edit,),
            place=place,
            rebuilt=WRITTEN,
        )


TRANSFORMS: Final = {
    "torchvision": ("torchvision.transforms.functional", "torchvision or page"),
    "timm": ("torchvision.transforms.functional", "timm"),
    "mmcls": ("mmpretrain.datasets.transforms.processing", "mmpretrain"),
    "ppcls": ("paddleclas.deploy.python.preprocess", "paddleclas"),
}
"""The modules with the transforms of images, and what names the cases, by source."""


def _images() -> Iterator[Fault]:
    edits: Sequence[tuple[str, tuple[str, ...]]] = (
        ("statistics_swapped", ("torchvision", "timm", "ppcls")),
        ("levels_not_divided", ("ppcls",)),
        ("channels_swapped", ("torchvision", "timm", "ppcls")),
        ("nearest", ("torchvision", "timm", "mmcls", "ppcls")),
        ("squashed", ("torchvision", "timm")),
        ("crop_off_by_one", ("torchvision", "timm", "mmcls", "ppcls")),
        ("float16_statistics", ("torchvision", "timm")),
    )
    for edit, sources in edits:
        for source in sources:
            into, cases = TRANSFORMS[source]
            if (edit, source) == ("crop_off_by_one", "mmcls"):
                into = "mmcv.transforms.processing"
            yield Fault(
                f"{edit.replace('_', ' ')}, images of {source}",
                "images",
                ROWS[source],
                (PIPELINE,),
                plant="images.transform",
                into=into,
                options=(source, edit),
                marks="preprocessing",
                select=f"{PIPELINE} and ({cases})",
                quick=(edit, source) == ("crop_off_by_one", "torchvision"),
            )
    yield Fault(
        "no antialias, tensors of torchvision",
        "images",
        ROWS["torchvision"],
        (PIPELINE,),
        plant="images.jagged",
        into="torchvision.transforms.v2",
        marks="preprocessing",
        select=f"{PIPELINE} and page",
    )


def _quantizers() -> Iterator[Fault]:
    row, into = ROWS["torchvision"], "onnxruntime.quantization"
    calibrations = ("one_image", "noise", "channels_swapped", "not_normalized", "half_the_size")
    for edit in calibrations:
        yield Fault(
            f"calibrated on {edit.replace('_', ' ')}",
            "calibration",
            row,
            (PARAMETERS, PARITY, ACCEPTED),
            plant="quantizers.calibration",
            into=into,
            options=(edit,),
            rebuilt=COMPILED,
            quick=edit == "channels_swapped",
        )
    called: Sequence[tuple[str, tuple[str, ...]]] = (
        ("per_tensor", (PARAMETERS, ACCEPTED)),
        ("reduced_range", (PARAMETERS, ACCEPTED)),
        ("percentile", (PARAMETERS, ACCEPTED)),
        ("signed_activations", (PARAMETERS, ACCEPTED)),
        ("one_layer_in_float", (HEAVY,)),
        ("all_in_float", (HEAVY,)),
    )
    for edit, caught_by in called:
        yield Fault(
            f"{edit.replace('_', ' ')} quantized",
            "quantization",
            row,
            caught_by,
            plant="quantizers.quantizer",
            into=into,
            options=(edit,),
            rebuilt=COMPILED,
        )
    files: Sequence[tuple[str, tuple[object, ...], str]] = (
        ("activation scale halved", ("activation", 0.5), "layer2"),
        ("activation scale by 0.9", ("activation", 0.9), "layer2"),
        ("activation scale by 0.97", ("activation", 0.97), "layer2"),
        ("weight scale halved", ("weights", 0.5), "layer2"),
        ("weight scale by 0.9", ("weights", 0.9), "layer2"),
        ("weight scale by 0.97", ("weights", 0.97), "layer2"),
        ("zero point off by 1", ("zero_point", 1), ""),
        ("zero point off by 4", ("zero_point", 4), ""),
        ("four bits in one layer", ("bits", 4), "layer2"),
        ("bias dropped", ("bias", 0), "layer2"),
        ("weights of another layer", ("moved", 0), "layer2"),
    )
    for name, options, place in files:
        yield Fault(
            name,
            "quantization",
            row,
            (PARAMETERS, ACCEPTED, PARITY),
            plant="quantizers.quantized_file",
            into=into,
            options=options,
            place=place,
            rebuilt=COMPILED,
            quick=name == "weight scale by 0.97",
        )


def _runs() -> Iterator[Fault]:
    row, into = ROWS["torchvision"], "onnxruntime"
    edits = (
        *("batch_reversed", "batch_mixed", "stale", "last_lost", "softmax", "one_not_a_number"),
        *("classes_shifted", "rounded"),
    )
    for edit in edits:
        yield Fault(
            f"{edit.replace('_', ' ')} in int8 runs",
            "run",
            row,
            (PARITY, ACCEPTED),
            plant="sessions.session",
            into=into,
            options=(edit, "int8"),
            rebuilt=RUN,
            quick=edit == "stale",
        )
        yield Fault(
            f"{edit.replace('_', ' ')} in fp32 runs",
            "run",
            row,
            (SAME, FLOAT),
            plant="sessions.session",
            into=into,
            options=(edit, "fp32"),
            rebuilt=RUN,
        )
