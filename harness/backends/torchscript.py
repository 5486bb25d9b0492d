"""TorchScript files, run by torch on the CPU."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from harness.errors import RunError

Floats = npt.NDArray[np.float32]


class Session:
    """A TorchScript model ready to run.

    Raises:
        RunError: the file cannot be loaded.
    """

    def __init__(self, model: Path) -> None:
        try:
            self._module = torch.jit.load(str(model), map_location="cpu")
        except RuntimeError as error:
            raise RunError(f"torch cannot load {model.name}: {error}") from error

    def logits(self, images: Floats) -> Floats:
        """Run images (n, 3, height, width) as one batch: float32 (n, classes).

        Raises:
            RunError: torch refuses the images.
        """
        try:
            with torch.inference_mode():
                return np.asarray(self._module(torch.from_numpy(images)).numpy())
        except RuntimeError as error:
            raise RunError(f"torch, batch of {len(images)}: {error}") from error
