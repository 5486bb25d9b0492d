"""The rule of torch's own ``FlopCounterMode``, which torchvision's published figures halve."""

from __future__ import annotations

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from harness.counting.counts import Counts, exact
from harness.counting.on_meta import NormsByShape, on_meta


def count_torch_flops(module: nn.Module, *, input_shape: tuple[int, int, int]) -> Counts:
    """Count a torch module as ``torch.utils.flop_counter`` does, on shapes alone.

    Operations are FLOPs, two for each multiply-accumulate of convolutions and matrix products,
    those of attention included; everything else is free. Parameters are the learned ones. The
    module is left as it was.

    Raises:
        CountError: the total is not a whole number.
    """
    copy_on_meta = on_meta(module)
    image = torch.empty(1, *input_shape, device="meta")
    with NormsByShape(), FlopCounterMode(display=False) as counter, torch.no_grad():
        copy_on_meta(image)
    return Counts(
        operations=exact(float(counter.get_total_flops()), what="torch FLOPs"),
        params=sum(parameter.numel() for parameter in module.parameters()),
    )
