"""In which order images are evaluated, and which shard has which of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from numpy.typing import ArrayLike

from harness.errors import HarnessError
from harness.judging.accuracy.draws import Positions, draw, shuffled

_SHARD = re.compile(r"([1-9][0-9]{0,5})/([1-9][0-9]{0,5})", re.ASCII)


class Order(StrEnum):
    """Two orders, both by seed; see :mod:`harness.judging.accuracy.draws`."""

    SHUFFLED = "shuffled"
    """Uniform: for all images, and for a run that stops when its answer is decided."""

    BY_CLASS = "by class"
    """Spread over the classes: for a number of images chosen beforehand."""

    def positions(self, labels: ArrayLike, images: int, *, seed: int) -> Positions:
        """Places of all images, in the order of evaluation. A shorter run is a prefix of it."""
        if self is Order.SHUFFLED:
            return shuffled(images, seed=seed)
        return draw(labels, images, seed=seed)


@dataclass(frozen=True, slots=True)
class Shard:
    """Every ``of``-th image of the order, from the ``number``-th on; counted from 1.

    A shard depends on nothing but these two: all of them together have every image once, and the
    first images of each are the first images of the order.

    Raises:
        HarnessError: not 1 ≤ ``number`` ≤ ``of``.

    >>> [list(Shard(number, 3).places(7)) for number in (1, 2, 3)]
    [[0, 3, 6], [1, 4], [2, 5]]
    """

    number: int = 1
    of: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.of:
            raise HarnessError(
                f"there is no shard {self}, expected 1/{self.of} to {self.of}/{self.of}"
            )

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    @property
    def is_all(self) -> bool:
        """Whether it is the only one."""
        return self.of == 1

    def places(self, images: int) -> range:
        """Its places in an order of this many images."""
        return range(self.number - 1, images, self.of)


ALL = Shard()
"""Not divided."""


def parse_shard(text: str) -> Shard:
    """A shard as on the command line, ``3/16``.

    Raises:
        HarnessError: it is none.
    """
    match = _SHARD.fullmatch(text)
    if match is None:
        raise HarnessError(f"{text!r} is no shard, expected K/N as in 3/16")
    return Shard(int(match[1]), int(match[2]))
