"""The rules of mmcv's counter: over a whole network, or over a classifier without its head."""

from __future__ import annotations

import warnings

from torch import nn

with warnings.catch_warnings():
    # mmcv-lite warns that its compiled operators are missing; the counter needs none of them.
    warnings.simplefilter("ignore", UserWarning)
    from mmcv.cnn import get_model_complexity_info

from harness.counting.counts import Counts, exact
from harness.counting.on_meta import NormsByShape, on_meta
from harness.errors import CountError


def count_mmcv(module: nn.Module, *, input_shape: tuple[int, int, int]) -> Counts:
    """Count a torch module as ``mmcv.cnn.get_model_complexity_info`` does.

    Operations are multiply-accumulates of convolutions and fully connected layers, plus elements
    of normalisation (twice where affine), activation and pooling. The module is left as it was.

    Raises:
        CountError: a total is not a whole number.
    """
    return _count(on_meta(module), input_shape)


def count_mmcv_features(module: nn.Module, *, input_shape: tuple[int, int, int]) -> Counts:
    """Count a classifier's ``extract_feat`` in the same way.

    Parameters are those of the whole module, head included.

    Raises:
        CountError: the module has no ``extract_feat``, or a total is not a whole number.
    """
    copy_on_meta = on_meta(module)
    extract_feat = getattr(copy_on_meta, "extract_feat", None)
    if extract_feat is None:
        raise CountError(
            f"rule 'mmcv-features' counts extract_feat, which {type(module).__name__} lacks"
        )
    setattr(copy_on_meta, "forward", extract_feat)  # noqa: B010  (mypy refuses to assign to a method)
    return _count(copy_on_meta, input_shape)


def _count(copy_on_meta: nn.Module, input_shape: tuple[int, int, int]) -> Counts:
    with NormsByShape():
        operations, params = get_model_complexity_info(
            copy_on_meta, tuple(input_shape), print_per_layer_stat=False, as_strings=False
        )
    return Counts(
        operations=exact(float(operations), what="mmcv operations"),
        params=exact(float(params), what="mmcv parameters"),
    )
