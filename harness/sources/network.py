"""A row's network, whichever framework it lives in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Framework = Literal["torch", "paddle"]


@dataclass(frozen=True, slots=True)
class Network:
    """A network of a source library in evaluation mode.

    Attributes:
        framework: what ``module`` is an object of.
        module: ``torch.nn.Module`` whose call gives logits, or ``paddle.nn.Layer``.
        countable: the object that a counting rule is given; the same module where the library
            has no wrapper of its own around it.
        input_shape: channels, height, width.
    """

    framework: Framework
    module: Any
    countable: Any
    input_shape: tuple[int, int, int]


class Adapter(Protocol):
    """What a source library's adapter module offers."""

    def build(self, model: str, *, input_size: int, weightless: bool) -> Network:
        """Build a network with the library's own initial weights.

        ``weightless``: the values do not matter (they are replaced, or only counted), and need
        not be drawn or even allocated.

        Raises:
            MissingSource: the library is not installed or does not know the model.
        """

    def from_reference(
        self, network: Network, tensors: Mapping[str, npt.NDArray[Any]]
    ) -> dict[str, npt.NDArray[Any]]:
        """Rename the tensors of the reference network of the same architecture."""

    def assign(self, network: Network, tensors: Mapping[str, npt.NDArray[Any]]) -> None:
        """Give the network these tensors, by the names the library itself uses.

        Raises:
            BuildError: a tensor is missing, left over, or of another shape.
        """

    def logits(self, network: Network, images: Floats) -> Floats:
        """Run images (n, 3, height, width) through the network: float32 (n, classes)."""
