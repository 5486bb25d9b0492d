"""Sets of images, taken along routes one image at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from harness.errors import ImageError
from harness.images.ablation.figures import StepChange, image_changes
from harness.images.ablation.pictures import ImageFile, decoded
from harness.images.ablation.states import PreparedRoute, State, fall

Reader = Callable[[], ImageFile]
"""Reads a file when its turn comes, or raises ImageError."""

Watch = Callable[[PreparedRoute, Sequence[State]], None]
"""Is shown the states of each image on each route."""


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """What was measured.

    Attributes:
        changes: by route's id, then by image's name, in the order of the files.
        bad: what is wrong with each file that could not be used; such a file is in no figure.
    """

    changes: dict[str, dict[str, tuple[StepChange, ...]]]
    bad: list[str] = field(default_factory=list)


def measure(
    files: Iterable[Reader], prepared: Sequence[PreparedRoute], *, watch: Watch | None = None
) -> Measured:
    """Take every file along every route. One image is in memory at a time.

    Raises:
        NonConformance: an end of a route is not its pipeline; see
            :func:`harness.images.ablation.states.fall`.
        ValueError: two files have one name.
    """
    measured = Measured({one.route.id: {} for one in prepared})
    for read in files:
        try:
            file = read()
            picture = decoded(file)
            states = [fall(picture, one) for one in prepared]
        except ImageError as error:
            measured.bad.append(str(error))
            continue
        for one, fallen in zip(prepared, states, strict=True):
            images = measured.changes[one.route.id]
            if file.name in images:
                raise ValueError(f"two files are named {file.name!r}")
            images[file.name] = image_changes(fallen)
            if watch is not None:
                watch(one, fallen)
    return measured
