"""timm's evaluation pipeline, from the data config of a pinned tag."""

from __future__ import annotations

from typing import Any

import numpy as np
import timm
from PIL import Image
from timm import data as timm_data

from harness.errors import MissingSource
from harness.images.pipelines.run import Floats, Levels, Run

TEST_SIZE = "@test"
"""After a tag: at the tag's own test size and crop, as timm's published tables are measured."""


def from_tag(model: str) -> Run:
    """What ``timm.data.create_transform`` makes for ``resnext50_32x4d.gluon_in1k``.

    Raises:
        MissingSource: timm has no such model or tag.
    """
    tagged, at_test_size = model.removesuffix(TEST_SIZE), model.endswith(TEST_SIZE)
    if "." not in tagged or not timm.is_model(tagged):
        raise MissingSource(f"timm {timm.__version__} has no tag {tagged!r}")
    config: Any = timm.get_pretrained_cfg(tagged)
    library: Any = timm_data  # untyped
    data = library.resolve_data_config(pretrained_cfg=config.to_dict(), use_test_size=at_test_size)
    transform = library.create_transform(**data, is_training=False)

    def run(image: Levels) -> Floats:
        result: Floats = np.ascontiguousarray(transform(Image.fromarray(image)).numpy())
        return result

    return run
