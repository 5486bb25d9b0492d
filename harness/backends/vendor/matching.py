"""Which output belongs to which image, so that none can be taken for another's.

The vendor's own scripts sort the outputs' names and take them in the order of the list: one output
too few, or written under the next one's name, and every image after it is judged by another's
answer. Here three things hold together:

* Files are named by their place in the list, in digits of fixed width, so that sorting as text and
  as numbers is one. An output's place is the number in its name, and every place has to be there
  exactly once.
* Every image, or a sample, stands in the list twice, and one, the anchor, three times. All copies
  of an image have to get one answer.
* The anchor stands at places 0, 1 and 3, a pattern that no rotation and no reversal maps onto
  itself (in lists of six or more); the others stand at random places, the same in every run.

So, with every image twice: outputs rotated, reversed, swapped in pairs, or one written over another
are always noticed. Any other disorder goes unnoticed only where it carries every image's copies
onto some other image's copies.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

DIGITS = 8  # of a name; ImageNet has 1.4 million images
MOST_DOUBLED = 1000  # images sent twice where there are more: a systematic fault shows in a few
_SEED = 20_260_101  # of the order; any would do
_NUMBER = re.compile(r"[0-9]+")


@dataclass(frozen=True, slots=True)
class Arrangement:
    """What is sent: ``images[place]`` is the index of the image that stands at a place."""

    images: tuple[int, ...]

    def places(self) -> tuple[tuple[int, ...], ...]:
        """The places of each image, ascending."""
        places: list[list[int]] = [[] for _ in range(max(self.images) + 1)]
        for place, image in enumerate(self.images):
            places[image].append(place)
        return tuple(map(tuple, places))


def arrange(count: int, *, doubled: int = MOST_DOUBLED) -> Arrangement:
    """An order for ``count`` images with ``doubled`` of them twice, all where there are fewer.

    Raises:
        ValueError: there is no image, or too many for the names; or less than three to double.
    """
    if count < 1 or count + doubled + 2 > 10**DIGITS:
        raise ValueError(f"{count} images, expected at least 1 and {DIGITS} digits at most")
    if doubled < 3:
        raise ValueError(f"{doubled} images to send twice, expected at least 3")
    random = np.random.Generator(np.random.PCG64([_SEED, count, doubled]))
    others = np.arange(1, count)
    twice = random.permutation(others)[:doubled]
    rest: list[int] = random.permutation(np.concatenate([others, twice])).tolist()
    return Arrangement((0, 0, *rest[:1], 0, *rest[1:]))


def name_of(place: int) -> str:
    """The file name of a place.

    >>> name_of(42)
    '00000042.npz'
    """
    return f"{place:0{DIGITS}d}.npz"


def place_of(name: str) -> int | None:
    """The place that an output's name tells: its last number; None where it has none.

    >>> place_of("00000042.npz"), place_of("output_0_00042.npz"), place_of("out.npz")
    (42, 42, None)
    """
    numbers = _NUMBER.findall(name.removesuffix(".npz"))
    return int(numbers[-1][-18:]) if numbers else None


def misplaced(names: Iterable[str], count: int) -> str:
    """What keeps a set of output names from being one for each of ``count`` places; else ""."""
    owners: dict[int, str] = {}
    for name in sorted(names):
        place = place_of(name)
        if place is None or place >= count:
            return f"output {name} belongs to none of the {count} inputs"
        if place in owners:
            return f"outputs {owners[place]} and {name} belong to one input"
        owners[place] = name
    missing = [name_of(place) for place in range(count) if place not in owners]
    if missing:
        return f"{len(missing)} of {count} outputs are missing, the first is {missing[0]}"
    return ""


def disagreement(arrangement: Arrangement, answers: Floats, *, tolerance: float = 0.0) -> str:
    """What tells that answers do not fit their places; "" where nothing does.

    Args:
        answers: finite, (places, classes).
        tolerance: how far copies of an image may differ, as a share of its largest absolute
            answer; 0 where the device computes the same at every place of a batch.
    """
    apart: list[tuple[int, int, float]] = []
    for places in arrangement.places():
        first = answers[places[0]]
        allowed = tolerance * float(np.abs(first).max())
        for place in places[1:]:
            distance = float(np.abs(answers[place] - first).max())
            if not distance <= allowed:
                apart.append((places[0], place, distance))
    if not apart:
        return ""
    one, other, distance = apart[0]
    copies = len(arrangement.images) - len(arrangement.places())
    return (
        f"{len(apart)} of {copies} copies of images got other answers than their first; "
        f"{name_of(one)} and {name_of(other)} are one image, and differ by up to {distance:.3g} "
        f"(allowed: {tolerance:g} of the largest answer): the outputs are not in the order of the "
        "inputs, or the device does not give the same answer twice"
    )


def answers_by_image(arrangement: Arrangement, answers: Sequence[Floats] | Floats) -> Floats:
    """The answer of each image, in the images' order: (images, classes)."""
    firsts = [places[0] for places in arrangement.places()]
    return np.stack([answers[place] for place in firsts])
