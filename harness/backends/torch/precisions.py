"""TorchScript modules in half precision: cast whole, and watched while they run.

A module that is cast may go on computing in float32 all the same. A traced graph holds literals: a
conversion ``to(float32)``, or a weight that became a constant and that no cast reaches. Then an
fp16 run is an fp32 run under another name. So three things have to be of the precision asked for:
every parameter and buffer, what goes into every convolution and matrix product that is executed,
and what comes out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from harness.backends.backend import Precision
from harness.errors import RunError

DTYPES: Mapping[str, torch.dtype] = {
    "fp32": torch.float32,
    "fp16": torch.float16,
    "bf16": torch.bfloat16,
}

HEAVY = frozenset(
    {
        *("convolution", "_convolution", "conv1d", "conv2d", "conv3d"),
        *("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"),
        *("linear", "matmul", "mm", "addmm", "bmm", "baddbmm", "addbmm", "mv", "einsum"),
        "scaled_dot_product_attention",
    }
)
"""torch's convolutions and matrix products, by their names in ``torch.ops.aten``."""


def dtype_of(precision: Precision) -> torch.dtype:
    """The type that a precision computes in.

    Raises:
        RunError: torch runs no export in that precision.
    """
    if precision not in DTYPES:
        raise RunError(
            f"torch runs an export in {', '.join(DTYPES)}, not in {precision!r}: there is no such "
            "cast"
        )
    return DTYPES[precision]


def cast(module: Any, precision: Precision) -> None:
    """Cast a loaded module's parameters and buffers in place; those that hold integers stay.

    Raises:
        RunError: one of them is still of another floating type; the tensors are named.
    """
    dtype = dtype_of(precision)
    module.to(dtype)
    other = [
        f"{name} ({_name(value.dtype)})"
        for name, value in module.state_dict().items()
        if value.is_floating_point() and value.dtype != dtype
    ]
    if other:
        raise RunError(f"cast to {precision}, the module still holds {', '.join(other[:5])}")


class HeavyOperators(TorchDispatchMode):
    """Sees every convolution and matrix product that is executed while it is entered."""

    def __init__(self) -> None:
        super().__init__()
        self.refusal = ""
        """The operator that torch refused to execute, and why; the interpreter would lose it."""
        self._seen: list[tuple[str, frozenset[torch.dtype]]] = []

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Nothing here is compiled; torch would import its compiler only to leave this out."""
        return False

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Note the floating types of a heavy operator's tensors, and execute it."""
        name = func.overloadpacket.__name__
        if name in HEAVY:
            tensors = [one for one in args if isinstance(one, torch.Tensor)]
            floats = frozenset(one.dtype for one in tensors if one.is_floating_point())
            self._seen.append((name, floats))
        try:
            return func(*args, **(kwargs or {}))
        except RuntimeError as error:
            self.refusal = f"{name}: {error}"
            raise

    def require(self, precision: Precision) -> None:
        """Require that all that was seen was of one precision.

        Raises:
            RunError: an operator was not; it is named, by its place among the heavy ones.
        """
        dtype = dtype_of(precision)
        other = [
            f"{name} (number {index}, {', '.join(sorted(map(_name, floats)))})"
            for index, (name, floats) in enumerate(self._seen)
            if floats != {dtype}
        ]
        if other:
            raise RunError(
                f"asked for {precision}, the module computes {len(other)} of {len(self._seen)} "
                f"convolutions and matrix products in another: {'; '.join(other[:5])}. It converts "
                "by itself, or holds constants that no cast reaches"
            )


def require_dtype(outputs: torch.Tensor, precision: Precision) -> None:
    """Require that a module's outputs are of the precision asked for.

    Raises:
        RunError: they are not.
    """
    if outputs.dtype != dtype_of(precision):
        raise RunError(f"asked for {precision}, the module answers in {_name(outputs.dtype)}")


def reason(error: Exception) -> str:
    """The last line of what torch says: before it stands where in the network's code it was."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1].removeprefix("RuntimeError: ") if lines else type(error).__name__


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
