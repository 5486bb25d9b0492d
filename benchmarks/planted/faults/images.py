"""Images that a library prepares otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from benchmarks.planted.faults.fault import PIPELINE, ROWS, Fault

TRANSFORMS: Final = {
    "torchvision": ("torchvision.transforms.functional", "torchvision or page"),
    "timm": ("torchvision.transforms.functional", "timm"),
    "mmcls": ("mmpretrain.datasets.transforms.processing", "mmpretrain"),
    "ppcls": ("paddleclas.deploy.python.preprocess", "paddleclas"),
}
"""The modules with the transforms of images, and what names the cases, by source."""


PIPELINES: Final = {"torchvision": 2, "timm": 6}
"""How many a library has, where it is more than one."""


def image_faults() -> Iterator[Fault]:
    """Faults of preprocessing."""
    edits: Sequence[tuple[str, str, tuple[str, ...]]] = (
        ("statistics_swapped", "normalization", ("torchvision", "timm", "ppcls")),
        ("levels_not_divided", "normalization", ("ppcls",)),
        ("channels_swapped", "normalization", ("torchvision", "timm", "ppcls")),
        ("nearest", "resize", ("torchvision", "timm", "mmcls", "ppcls")),
        ("squashed", "resize", ("torchvision", "timm")),
        ("crop_off_by_one", "crop", ("torchvision", "timm", "mmcls", "ppcls")),
        ("float16_statistics", "normalization", ("torchvision", "timm")),
    )
    for edit, step, sources in edits:
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
                failures=PIPELINES.get(source, 1),
                place=f"departs: {step}",
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
        place="departs: resize",
        marks="preprocessing",
        select=f"{PIPELINE} and page",
    )
