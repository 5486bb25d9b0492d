"""One tiny production line for each test, on weights and images made once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny_networks
import torch
from tiny_line import Line

from harness import sources
from harness.expected.buildconfig import read_build_config
from harness.expected.tolerances import read_tolerances
from harness.expected.variants import Variant
from harness.images.sets import embedded_sets
from harness.pipeline.catalogue import EXPECTED, DocumentedModel, read_catalogue
from harness.pipeline.steps import Images, Weights

SOURCE = "timm"  # whose adapter the tiny one stands in for


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def small_config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The embedded build config, on small images."""
    text = (EXPECTED / "build" / "embedded.yaml").read_text()
    side = tiny_networks.SIZE
    for large, small in (("256, 256", f"{side + 8}, {side + 8}"), ("224, 224", f"{side}, {side}")):
        text = text.replace(large, small)
    path = tmp_path_factory.mktemp("config") / "small.yaml"
    path.write_text(text)
    return path


@pytest.fixture(scope="session")
def tiny_images(small_config: Path, tmp_path_factory: pytest.TempPathFactory) -> Images:
    """Statistics, calibration and evaluation images."""
    folder = tmp_path_factory.mktemp("images")
    sets = embedded_sets(read_build_config(small_config))
    paths = [folder / f"{name}.npy" for name in Images.__slots__]
    for path in paths:
        np.save(path, getattr(sets, path.stem).images)
    return Images(*paths)


@pytest.fixture(scope="session")
def tiny_weights(tiny_images: Images, tmp_path_factory: pytest.TempPathFactory) -> Weights:
    """A weights file as a library publishes it."""
    path = tmp_path_factory.mktemp("weights") / "tiny.pth"
    torch.save(tiny_networks.trained(np.load(tiny_images.statistics)).state_dict(), path)
    return Weights("file", "file:tiny", path)


@pytest.fixture(scope="session")
def tiny_subject() -> DocumentedModel:
    """A documented row, pinned to the tiny network."""
    model = read_catalogue().one("resnext/timm/resnext50_32x4d")
    variant = Variant(model.id, SOURCE, "tiny.test", "tiny.pth", "tiny")
    return replace(model, variant=variant, size=tiny_networks.SIZE)


@pytest.fixture(scope="module")
def build_line(
    tiny_subject: DocumentedModel, small_config: Path, tiny_weights: Weights, tiny_images: Images
) -> Iterator[Callable[[Path], Line]]:
    """Makes lines that write to a folder, with the tiny source library in place."""
    tolerances = read_tolerances(EXPECTED / "tolerances.toml")
    config = read_build_config(small_config)

    def build(folder: Path) -> Line:
        weights = replace(tiny_weights, identity=f"file:{folder}")  # or a step takes its last one
        return Line(folder, tiny_subject, weights, tiny_images, tolerances, config)

    with pytest.MonkeyPatch.context() as patch:
        tiny = replace(sources.source(SOURCE), networks=tiny_networks.__name__)
        patch.setattr(sources, "_declared", lambda *_: tiny)
        yield build


@pytest.fixture
def line(build_line: Callable[[Path], Line], tmp_path: Path) -> Line:
    """A line of the test's own."""
    return build_line(tmp_path)
