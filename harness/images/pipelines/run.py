"""What a pipeline is once it is built: levels in, floats out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Levels: TypeAlias = npt.NDArray[np.uint8]
Floats: TypeAlias = npt.NDArray[np.float32]
Run: TypeAlias = Callable[[Levels], Floats]
"""uint8 (height, width, 3), RGB, to float32 (3, height, width), contiguous."""
