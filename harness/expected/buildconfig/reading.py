"""File to build config. Errors name a place as ``build.yaml: dataset.process_ops[3].std``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from harness.errors import ExpectationError
from harness.expected.buildconfig import strict_yaml
from harness.expected.buildconfig.config import (
    BackendSection,
    BuildConfig,
    DatasetSection,
    Frontend,
    Quantize,
)
from harness.expected.buildconfig.process_ops import (
    CenterCrop,
    DecodeImage,
    Normalize,
    ProcessOp,
    Resize,
    ToTensor,
)
from harness.runtime.document import ExpectedTable

FRONTENDS = ("darknet", "keras", "onnx", "pytorch", "tensorflow")
"""Model formats in the vendor's public configs."""

CALIBRATE_MODES = ("kl_divergence", "max", "mse", "percentile")
"""All that the vendor's public configs use. Other tools' names for two of them, ``minmax`` and
``entropy``, are refused: the vendor's compiler would not know them."""

IMAGES_ON_DISK, SCENES = "tvm", "scenes"
"""Types of data sets: the vendor's loader, and the synthetic scenes."""

LONGEST_SIDE = 8192  # pixels; no classifier sees more, and a typo must not take all memory
LARGEST_BATCH = 1024  # images
LARGEST_CLUSTER_MODE = 255  # a small enumeration; the vendor's configs have 0 and 1
MOST_IMAGES = 50_000  # as many as ILSVRC2012 has for validation
LARGEST_STATISTIC = Decimal(1000)  # of a mean or std; levels end at 255
SMALLEST_STD = Decimal("0.000001")  # keeps what is divided by it far within float32

_ARGUMENTS = {
    "DecodeImage": (),
    "Resize": ("size",),
    "CenterCrop": ("crop_size",),
    "Normalize": ("div255", "mean", "std"),
    "ToTensor": (),
}


def read_build_config(path: Path) -> BuildConfig:
    """Read and validate a build config.

    Raises:
        UnknownKey: a key, operator, format or mode that does not exist, with the nearest that does.
        ExpectationError: the file is missing, too large or not YAML, or a value is missing, of the
            wrong kind, or impossible; names the key, or the line of what is not YAML.
    """
    return build_config(path, strict_yaml.load(path))


def build_config(path: Path, values: Mapping[str, Any]) -> BuildConfig:
    """Validate what a build config says; errors as of :func:`read_build_config`."""
    document = ExpectedTable(path, (), values)
    document.only(("name", "frontend", "backend", "graph", "dataset", "workspace"))
    frontend, backend = _frontend(document.table("frontend")), _backend(document.table("backend"))
    dataset = None
    if backend.dtype == "int8" or "dataset" in document.values:
        dataset = _dataset(document.table("dataset"), frontend)
    workspace = document.table("workspace")
    workspace.only(("path",))
    return BuildConfig(
        name=document.text("name"),
        frontend=frontend,
        backend=backend,
        workspace=workspace.text("path"),
        dataset=dataset,
        extra_ops=_extra_ops(document.table("graph")) if "graph" in document.values else None,
    )


def _frontend(table: ExpectedTable) -> Frontend:
    table.only(("shape", "type", "checkpoint", "dtype"))
    shapes = table.table("shape")
    if len(shapes.values) != 1 or "" in shapes.values:
        raise table.wrong("shape", "the shape of one input by its name")
    (name,) = shapes.values
    batch, channels, height, width = shapes.wholes(
        name, least=1, most=LONGEST_SIDE, lengths=(4,), what="[batch, 3, height, width]"
    )
    if batch > LARGEST_BATCH or channels != 3:
        raise shapes.wrong(
            name, f"[batch, 3, height, width] with a batch of at most {LARGEST_BATCH}"
        )
    return Frontend(
        input_name=name,
        input_shape=(batch, channels, height, width),
        type=table.one_of("type", FRONTENDS),
        checkpoint=table.text("checkpoint"),
        dtype=table.one_of("dtype", ("fp32",)),
    )


def _backend(table: ExpectedTable) -> BackendSection:
    table.only(("type", "dtype", "compile", "quantize"))
    dtype = table.one_of("dtype", ("fp16", "int8"))
    cluster_mode = quantize = None
    if "compile" in table.values:
        compilation = table.table("compile")
        compilation.only(("cluster_mode",))
        cluster_mode = compilation.whole("cluster_mode", least=0, most=LARGEST_CLUSTER_MODE)
    if dtype == "int8" or "quantize" in table.values:
        settings = table.table("quantize")
        settings.only(("calibrate_mode", "quantize_per_channel"))
        quantize = Quantize(
            calibrate_mode=settings.one_of("calibrate_mode", CALIBRATE_MODES),
            per_channel=settings.truth("quantize_per_channel"),
        )
    return BackendSection(table.text("type"), dtype, quantize, cluster_mode)


def _extra_ops(table: ExpectedTable) -> str:
    table.only(("extra_ops",))
    extra = table.table("extra_ops")
    extra.only(("type",))
    return extra.one_of("type", ("softmax",))


def _dataset(table: ExpectedTable, frontend: Frontend) -> DatasetSection:
    kind = table.one_of("type", (IMAGES_ON_DISK, SCENES))
    on_disk = kind == IMAGES_ON_DISK
    table.only(("type", "sampler", "process_ops", *(("path",) if on_disk else ())))
    sampler = table.table("sampler")
    sampler.only(("get_data_num", *(("suffix",) if on_disk else ())))
    return DatasetSection(
        type=kind,
        images=sampler.whole("get_data_num", least=1, most=MOST_IMAGES),
        process_ops=_process_ops(table, frontend),
        path=table.text("path") if on_disk else None,
        suffix=sampler.text("suffix") if on_disk else None,
    )


def _process_ops(table: ExpectedTable, frontend: Frontend) -> tuple[ProcessOp, ...]:
    items = table.values.get("process_ops")
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise table.wrong("process_ops", "a list of operators, each with a type")
    places = [
        ExpectedTable(table.path, (*table.keys, f"process_ops[{index}]"), item)
        for index, item in enumerate(items)
    ]
    ops = tuple(_process_op(place) for place in places)
    where = table.where("process_ops")
    if [type(op) for op in ops[-2:]] != [Normalize, ToTensor]:
        raise ExpectationError(f"{where}: expected Normalize and ToTensor at the end")
    for index, op in enumerate(ops[:-2]):
        if isinstance(op, Normalize | ToTensor) or (isinstance(op, DecodeImage) and index > 0):
            raise ExpectationError(
                f"{places[index].where()}: {type(op).__name__} out of place, expected DecodeImage "
                "first, then sizes, then Normalize and ToTensor"
            )
    size = _final_size(places, ops)
    if size is None:
        raise ExpectationError(
            f"{where}: the size of the images is left open, "
            "expected a CenterCrop or a Resize to [height, width]"
        )
    if size != frontend.input_shape[2:]:
        raise ExpectationError(
            f"{where}: images are made {_by(size)}, but "
            f"frontend.shape.{frontend.input_name} is {_by(frontend.input_shape[2:])}"
        )
    return ops


def _final_size(
    places: Sequence[ExpectedTable], ops: Sequence[ProcessOp]
) -> tuple[int, int] | None:
    """Height and width that every image ends with, or None where images may differ."""
    exact: tuple[int, int] | None = None
    least: tuple[int, int] | None = None  # what every image has, at the very least
    for place, op in zip(places, ops, strict=True):
        match op:
            case Resize((height, width)):
                exact = least = (height, width)
            case Resize((short,)):
                exact, least = None, (short, short)
            case CenterCrop((height, width)):
                if least is not None and (height > least[0] or width > least[1]):
                    raise place.wrong("crop_size", f"at most the {_by(least)} left before it")
                exact = least = (height, width)
    return exact


def _process_op(table: ExpectedTable) -> ProcessOp:
    kind = table.one_of("type", tuple(_ARGUMENTS))
    table.only(("type", *_ARGUMENTS[kind]))
    match kind:
        case "Resize":
            expected = "[height, width], or a number for the short side"
            size = _sides(table, "size", expected)
            return Resize((size[0], size[1]) if len(size) == 2 else (size[0],))
        case "CenterCrop":
            expected = "[height, width], or a number for both"
            size = _sides(table, "crop_size", expected)
            return CenterCrop((size[0], size[-1]))
        case "Normalize":
            return Normalize(
                mean=table.channels("mean", least=-LARGEST_STATISTIC, most=LARGEST_STATISTIC),
                std=table.channels("std", least=SMALLEST_STD, most=LARGEST_STATISTIC),
                div255=table.truth("div255") if "div255" in table.values else True,
            )
        case "DecodeImage":
            return DecodeImage()
        case _:
            return ToTensor()


def _sides(table: ExpectedTable, key: str, what: str) -> tuple[int, ...]:
    return table.wholes(key, least=1, most=LONGEST_SIDE, lengths=(1, 2), what=what)


def _by(size: tuple[int, int]) -> str:
    return f"{size[0]}×{size[1]}"
