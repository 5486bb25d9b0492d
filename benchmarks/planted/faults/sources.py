"""Networks that a library builds otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from benchmarks.planted.faults.fault import (
    AGREES,
    ARITHMETIC,
    BUILT,
    ROWS,
    SETTINGS,
    TRUE_MACS,
    TRUE_PARAMS,
    Fault,
)

BUILDERS: Final = {
    "torchvision": ("torchvision.models", "get_model"),
    "timm": ("timm", "create_model"),
    "mmcls": ("mmpretrain", "get_model"),
    "ppcls": ("paddleclas.ppcls.arch.backbone.model_zoo.resnext", "ResNeXt50_32x4d"),
}
"""What builds a network: the module, and its function."""


def source_faults() -> Iterator[Fault]:
    """Faults of the libraries."""
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
