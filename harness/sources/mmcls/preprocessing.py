"""mmpretrain's evaluation pipeline, from the config that it ships for a model."""

from __future__ import annotations

import numpy as np
from mmengine.dataset import Compose
from mmpretrain.apis.model import ModelHub
from mmpretrain.models.utils import ClsDataPreprocessor
from mmpretrain.registry import TRANSFORMS

from harness.errors import MissingSource
from harness.images.pipelines.run import Floats, Levels, Run


def from_config(model: str) -> Run:
    """``test_pipeline`` without its loading from disk, then ``data_preprocessor``.

    OpenCV's order of channels is mmpretrain's own, so the image is handed over as BGR.

    Raises:
        MissingSource: mmpretrain has no such model, or its pipeline does not begin with loading.
    """
    try:
        config = ModelHub.get(model).config
    except ValueError as error:
        raise MissingSource(f"mmpretrain has no model {model!r}") from error
    loading, *steps = config.test_dataloader.dataset.pipeline
    if loading["type"] != "LoadImageFromFile":
        raise MissingSource(f"mmpretrain's {model} begins with {loading}, expected loading a file")
    transform = Compose([TRANSFORMS.build(step) for step in steps])
    statistics = {key: value for key, value in config.data_preprocessor.items() if key != "type"}
    preprocessor = ClsDataPreprocessor(**statistics)

    def run(image: Levels) -> Floats:
        packed = transform({"img": np.ascontiguousarray(image[:, :, ::-1])})
        batch = preprocessor({"inputs": [packed["inputs"]]})["inputs"]
        result: Floats = np.ascontiguousarray(batch[0].numpy())
        return result

    return run
