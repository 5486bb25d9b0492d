"""Networks of PaddleClas, named ``module.class`` in its model zoo, as ``resnext.ResNeXt50_32x4d``.

Importing PaddleClas as a whole asks for a dozen unrelated packages (faiss, visualdl, sklearn …),
so its architecture modules are imported below empty stand-ins for their parent packages.
"""

from __future__ import annotations

import importlib
import inspect
import logging
import sys
from collections.abc import Callable, Mapping
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import numpy as np
import numpy.typing as npt
import paddle
import requests
import tqdm

from harness.errors import BuildError, MissingSource
from harness.sources.fitting import require_shapes
from harness.sources.network import Floats, Network

assert requests  # both are imported before the stand-ins, see architectures
assert tqdm

_PACKAGES = (
    *("", ".ppcls", ".ppcls.arch", ".ppcls.arch.backbone", ".ppcls.arch.backbone.base"),
    *(".ppcls.arch.backbone.model_zoo", ".ppcls.arch.backbone.legendary_models", ".ppcls.utils"),
)
FOLDERS = ("model_zoo", "legendary_models")
"""Where PaddleClas' architectures are, below ``ppcls/arch/backbone``."""


def build(model: str, *, input_size: int, weightless: bool) -> Network:
    """Build a network; see :class:`harness.sources.network.Adapter`.

    Parameter names are global in Paddle, so each network gets a name scope of its own.
    """
    module_name, _, class_name = model.partition(".")
    module = architectures(module_name)
    architecture = getattr(module, class_name, None)
    if architecture is None:
        raise MissingSource(f"PaddleClas' model zoo module {module_name!r} has no {class_name!r}")
    # A function looks its address up before it asks whether weights are wanted.
    module.MODEL_URLS.setdefault(class_name, "")
    if "pretrained" in inspect.signature(architecture).parameters:  # UniFormer's fetch them else
        architecture = partial(architecture, pretrained=False)
    layer = _weightless(architecture) if weightless else _named(architecture)
    layer.eval()
    return Network("paddle", layer, layer, (3, input_size, input_size))


def _weightless(architecture: Callable[[], Any]) -> Any:
    """The network without weights; with them where it scales them while it is built, as ConvNeXt.

    Such a one finds that its weights have no memory yet.
    """
    try:
        with paddle.LazyGuard():
            return _named(architecture)
    except RuntimeError:
        return _named(architecture)


def _named(architecture: Callable[[], Any]) -> Any:
    with paddle.utils.unique_name.guard():
        return architecture()


def assign(network: Network, tensors: Mapping[str, npt.NDArray[Any]]) -> None:
    """Give the network these tensors; see :class:`harness.sources.network.Adapter`."""
    expected = network.module.state_dict()
    require_shapes(
        {name: tuple(value.shape) for name, value in expected.items()},
        {name: tuple(value.shape) for name, value in tensors.items()},
    )
    with paddle.no_grad():
        for name, place in expected.items():
            place.get_tensor().set(np.ascontiguousarray(tensors[name]), paddle.CPUPlace())


def logits(network: Network, images: Floats) -> Floats:
    """Run images (n, 3, height, width), float32: float32 (n, classes)."""
    with paddle.no_grad():
        return np.asarray(network.module(paddle.to_tensor(images)).numpy())


def logits64(
    network: Network, images: Floats, *, again: Callable[[], Network]
) -> npt.NDArray[np.float64]:
    """Run images through a copy of the network in float64: the arbiter of float32 results.

    ``again`` builds the same network, here in float64, as a cast would take integer tables along.
    """
    kept = paddle.get_default_dtype()
    paddle.set_default_dtype("float64")
    try:
        wide = again().module
        own = network.module.state_dict()
        for name, place in wide.state_dict().items():
            values = own[name].numpy()
            wider = values.astype(np.float64) if values.dtype.kind == "f" else values
            place.get_tensor().set(wider, paddle.CPUPlace())
        with paddle.no_grad():
            return np.asarray(wide(paddle.to_tensor(images.astype(np.float64))).numpy())
    finally:
        paddle.set_default_dtype(kept)


def from_reference(
    network: Network, tensors: Mapping[str, npt.NDArray[Any]]
) -> dict[str, npt.NDArray[Any]]:
    """The reference network's tensors under PaddleClas' names.

    Both define their layers in the same order, and each layer's tensors too; Paddle keeps the
    weights of a fully connected layer transposed.

    Raises:
        BuildError: one has more tensors than the other.
    """
    names = list(network.module.state_dict())
    if len(names) != len(tensors):
        raise BuildError(f"PaddleClas' network has {len(names)} tensors, not {len(tensors)}")
    values = (value.T if name == "fc.weight" else value for name, value in tensors.items())
    return dict(zip(names, values, strict=True))


def architectures(module_name: str) -> ModuleType:
    """A module of PaddleClas' model zoo, or of its legendary models.

    Raises:
        MissingSource: PaddleClas is not installed, or has no such module.
    """
    spec = find_spec("paddleclas")
    if spec is None or spec.origin is None:
        raise MissingSource("PaddleClas is not installed: pip install --no-deps paddleclas")
    root = Path(spec.origin).parent
    stubs = {}
    for package in _PACKAGES:
        stub = ModuleType(f"paddleclas{package}")
        stub.__path__ = [str(root.joinpath(*package.split(".")[1:]))]
        stubs[stub.__name__] = stub
    backbone = root / "ppcls" / "arch" / "backbone"
    for folder in FOLDERS:
        if (backbone / folder / f"{module_name}.py").is_file():
            with mock.patch.dict(sys.modules, stubs):
                logger: Any = importlib.import_module("paddleclas.ppcls.utils.logger")
                logger._logger = logging.getLogger("paddleclas")  # there is none else
                return importlib.import_module(
                    f"paddleclas.ppcls.arch.backbone.{folder}.{module_name}"
                )
    raise MissingSource(f"PaddleClas' model zoo has no module {module_name!r}")
