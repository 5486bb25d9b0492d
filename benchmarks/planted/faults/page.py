"""Figures that a page has wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.planted.faults.fault import (
    OPERATIONS,
    PARAMS,
    PUBLISHED,
    ROWS,
    SIZE,
    TOPS,
    TRUE_MACS,
    Fault,
)


def page_faults() -> Iterator[Fault]:
    """Faults of the page."""
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
        failures=3,  # published top-1 and top-5 are those at another size, too
        marks="page or complexity",
    )
    for source, page in {
        "timm": ('"4.288"', '"4.289"'),
        "mmcls": ('"4.27"', '"4.28"'),
        "ppcls": ('"8.02"', '"8.03"'),
    }.items():
        yield Fault(
            f"last digit of operations off by one, {source}",
            "page",
            ROWS[source],
            (OPERATIONS,),
            page=page,
            marks="page or complexity",
        )
