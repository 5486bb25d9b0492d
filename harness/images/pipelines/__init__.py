"""The pipelines that really exist, each run from its own specification by the library users run."""

from harness.images.pipelines.catalogue import ImagePipeline, load, pipelines
from harness.images.pipelines.recipe import Kernel, Recipe, Rounding
from harness.images.pipelines.run import Floats, Levels, Run

__all__ = [
    "Floats",
    "ImagePipeline",
    "Kernel",
    "Levels",
    "Recipe",
    "Rounding",
    "Run",
    "load",
    "pipelines",
]
