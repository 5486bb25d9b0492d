"""Small real networks, without weights, that the counting tests share."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import types
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from harness.counting.rules import Framework
from harness.expected.complexity import ExpectedComplexity, read_expected

REPOSITORY = Path(__file__).resolve().parents[3]
EXPECTED = REPOSITORY / "expected" / "complexity" / "resnext.toml"

Build = Callable[[str], tuple[Any, Framework]]


@pytest.fixture(scope="session")
def pinned() -> dict[str, ExpectedComplexity]:
    """The pinned counts of every row that the file itself names."""
    import tomllib

    rows = list(tomllib.loads(EXPECTED.read_text("utf-8"))["rows"])
    return dict(read_expected(EXPECTED, rows).rows)


@pytest.fixture(scope="session")
def build() -> Build:
    """Build the network of a row id: on meta or without initialised weights where it can be."""
    return _build


def _build(row: str) -> tuple[Any, Framework]:
    _, source, name = row.split("/")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what the libraries say while they are imported
        network = _BUILDERS[source](name)
    network.eval()
    return network, "paddle" if source == "ppcls" else "torch"


def _torchvision(name: str) -> Any:
    import torch
    import torchvision

    with torch.device("meta"):
        return getattr(torchvision.models, name)(weights=None)


def _timm(name: str) -> Any:
    import timm
    import torch

    with torch.device("meta"):
        return timm.create_model(name.removeprefix("gluon_"), pretrained=False)


def _mmcls(name: str) -> Any:
    import mmpretrain

    config = name.replace("_", "-", 1) + "_8xb32_in1k"
    return mmpretrain.get_model(config, pretrained=False)


def _ppcls(name: str) -> Any:
    import paddle

    family = "resnext_vd" if "_vd_" in name else "resnext"
    model_zoo = _import_model_zoo(family)
    with paddle.utils.unique_name.guard(), paddle.LazyGuard():
        return getattr(model_zoo, name.replace("resnext", "ResNeXt"))()


_BUILDERS = {"torchvision": _torchvision, "timm": _timm, "mmcls": _mmcls, "ppcls": _ppcls}


def _import_model_zoo(family: str) -> types.ModuleType:
    # paddleclas imports a dozen unrelated packages on the way down to its networks. Empty
    # packages with the same search path stand in for it, only while the import lasts.
    import requests  # noqa: F401  (imported here, so that they stay)
    import tqdm  # noqa: F401

    found = importlib.util.find_spec("paddleclas")
    assert found is not None
    assert found.submodule_search_locations is not None
    root = Path(found.submodule_search_locations[0])
    packages = ["", ".ppcls", ".ppcls.arch", ".ppcls.arch.backbone", ".ppcls.utils"]
    stubs = {}
    for dotted in packages:
        stub = types.ModuleType(f"paddleclas{dotted}")
        stub.__path__ = [str(root.joinpath(*dotted.split(".")))]
        stubs[stub.__name__] = stub
    with mock.patch.dict(sys.modules, stubs):
        return importlib.import_module(f"paddleclas.ppcls.arch.backbone.model_zoo.{family}")
