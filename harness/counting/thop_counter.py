"""The rule of thop, the package whose ``profile`` most pages quote as "MACs"."""

from __future__ import annotations

import functools
import importlib.metadata
import warnings
from collections.abc import Mapping
from typing import Any

import torch
from packaging.version import Version
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

with warnings.catch_warnings():
    # thop compares versions with distutils, which warns on every import since Python 3.10.
    warnings.simplefilter("ignore", DeprecationWarning)
    import thop
    from thop.vision.basic_hooks import count_normalization

from harness.counting.counts import Counts, exact
from harness.counting.on_meta import NormsByShape, on_meta
from harness.errors import Unavailable

# The version under which documented figures reproduce. ultralytics-thop installs a package of
# the same name that counts otherwise (4.533 G for resnext50d_32x4d, where this one has 4.531).
THOP_VERSION = Version("0.1.1.post2209072238")


def count_thop(module: nn.Module, *, input_shape: tuple[int, int, int]) -> Counts:
    """Count a torch module as ``thop.profile`` does, on shapes alone.

    Operations are multiply-accumulates of convolutions and fully connected layers, plus
    normalised elements (weighted 4 where affine) and average-pooled elements; layers that thop
    does not know count nothing. The module is left as it was.

    Raises:
        Unavailable: the installed ``thop`` is not the one this rule is named after.
        CountError: a total is not a whole number.
    """
    return _profiled(module, input_shape, {})


def count_thop_with_norms(module: nn.Module, *, input_shape: tuple[int, int, int]) -> Counts:
    """As :func:`count_thop`, with every batch norm of a library's own counted as torch's is.

    timm's networks had torch's norms before they got its ``BatchNormAct2d``, which thop does not
    know; figures from then have the elements of the norms in them.

    Raises:
        Unavailable, CountError: as :func:`count_thop`.
    """
    norms = {type(one) for one in module.modules() if isinstance(one, _BatchNorm)}
    own = {one: count_normalization for one in norms if not one.__module__.startswith("torch.")}
    return _profiled(module, input_shape, own)


def _profiled(
    module: nn.Module, input_shape: tuple[int, int, int], norms: Mapping[type, Any]
) -> Counts:
    require_pinned(_providers())
    image = torch.empty(1, *input_shape, device="meta")
    with NormsByShape():
        operations, params = thop.profile(
            on_meta(module), (image,), custom_ops=norms, verbose=False
        )
    return Counts(
        operations=exact(float(operations), what="thop operations"),
        params=exact(float(params), what="thop parameters"),
    )


def require_pinned(providers: Mapping[str, str]) -> None:
    """Refuse any ``thop`` but the pinned one.

    Args:
        providers: distributions that install a package called ``thop``, with their versions.

    Raises:
        Unavailable: another version, another distribution, or several that overwrite each other.
    """
    # Compared as versions: the wheel spells its own "0.1.1-2209072238".
    if {name: Version(text) for name, text in providers.items()} != {"thop": THOP_VERSION}:
        found = ", ".join(f"{name} {version}" for name, version in sorted(providers.items()))
        raise Unavailable(
            f"counting rule 'thop' needs distribution thop {THOP_VERSION} alone, "
            f"found {found or 'none'}; another version counts otherwise"
        )


@functools.cache
def _providers() -> Mapping[str, str]:
    names = importlib.metadata.packages_distributions().get("thop", ())
    return {name: importlib.metadata.version(name) for name in names}
