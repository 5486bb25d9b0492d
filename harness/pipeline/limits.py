"""What a step may take: memory, time, threads."""

from __future__ import annotations

from harness.expected.variants import Variant
from harness.exporting.external_data import LARGEST_INLINE_BYTES

GIB = 2**30

LARGE_PARAMS = 150_000_000  # of a network whose memory is given back before it is run
RECYCLED_BYTES = 8 * GIB  # a child that holds more after a step is replaced
IDLE_BYTES = 2 * GIB  # the same on a host of a cluster, where idle ones stand beside busy ones
BASE_BYTES = int(1.2 * GIB)  # of a child with both frameworks imported
RUN_COPIES = 2.6
"""Times the parameters' size that running a model needs at its peak."""

OVERSIZED_COPIES = 4.0
"""The same where the parameters exceed protobuf's limit: the conversion ends before its last copy
(13.4 GiB measured on 3.1 GiB of parameters)."""

STEP_SECONDS = 300.0  # limit of a step whatever its size
STEP_SECONDS_PER_MILLION = 2.5  # and for each million parameters; the slowest take 0.1


def is_large(variant: Variant) -> bool:
    """Whether a network cannot stay in memory beside the steps that do not need it."""
    return (variant.params or 0) > LARGE_PARAMS


def bytes_for(copies: float, variant: Variant) -> int:
    """What a step that needs so many copies of a row's parameters is reserved, in bytes."""
    size = 4 * (variant.params or 0)  # float32
    if size > LARGEST_INLINE_BYTES:
        copies = min(copies, OVERSIZED_COPIES)
    return BASE_BYTES + int(copies * size)


def seconds_for(variant: Variant) -> float:
    """After how long a step is taken to hang, in seconds."""
    return STEP_SECONDS + STEP_SECONDS_PER_MILLION * (variant.params or 0) / 1e6
