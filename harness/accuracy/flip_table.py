"""The images whose answer changed, as a Parquet file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from harness.judging.accuracy.flips import Flip
from harness.runtime.atomic import write_bytes

SCHEMA: Final = pa.schema(
    [
        pa.field("file", pa.string()),
        pa.field("label", pa.int32()),
        pa.field("top1", pa.string()),
        pa.field("top5", pa.string()),
        *(
            pa.field(f"{half}_{what}", pa.list_(kind))
            for half in ("fp32", "int8")
            for what, kind in (("ids", pa.int32()), ("scores", pa.float32()))
        ),
    ]
)
"""``top1``, ``top5``: what became of the right class there: lost, gained, kept or missed."""


def write_flips(path: Path, flips: Sequence[Flip]) -> None:
    """Write all of them, with both top-5s.

    Raises:
        HarnessError: the file cannot be written.
    """
    rows = [
        {
            "file": flip.image,
            "label": flip.label,
            "top1": str(flip.first),
            "top5": str(flip.within),
            "fp32_ids": flip.fp32.ids,
            "fp32_scores": flip.fp32.scores,
            "int8_ids": flip.int8.ids,
            "int8_scores": flip.int8.scores,
        }
        for flip in flips
    ]
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), sink, compression="zstd")
    write_bytes(path, sink.getvalue().to_pybytes())
