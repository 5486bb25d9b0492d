"""Transforms of images, as libraries do them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any


def transform(module: Any, source: str, edit: str) -> None:
    """A transform of a library does something else."""
    {"mmcls": _mmcls_transform, "ppcls": _ppcls_transform}.get(source, _torch_transform)(
        module, edit
    )


def _called_with(function: Any, change: Callable[[dict[str, Any]], None]) -> Any:
    """A function whose arguments, by name, are changed before it is called."""
    import inspect

    signature = inspect.signature(function)

    @functools.wraps(function)
    def wrong(*arguments: Any, **options: Any) -> Any:
        bound = signature.bind(*arguments, **options)
        bound.apply_defaults()
        change(bound.arguments)
        return function(*bound.args, **bound.kwargs)

    return wrong


def _before(kind: Any, change: Callable[[dict[str, Any]], None]) -> None:
    """Change what a class is made with."""
    kind.__init__ = _called_with(kind.__init__, change)


def jagged(module: Any) -> None:
    """Whoever asks for antialiasing does not get it."""
    _before(module.Resize, lambda given: given.update(antialias=False))


def _torch_transform(module: Any, edit: str) -> None:
    import torch

    def swap(given: dict[str, Any]) -> None:
        given["mean"], given["std"] = given["std"], given["mean"]

    def reverse(given: dict[str, Any]) -> None:
        given["mean"], given["std"] = list(given["mean"])[::-1], list(given["std"])[::-1]

    def halved(given: dict[str, Any]) -> None:
        for name in ("mean", "std"):
            given[name] = torch.tensor(list(given[name])).half().float().tolist()

    def nearest(given: dict[str, Any]) -> None:
        given["interpolation"] = module.InterpolationMode.NEAREST

    def squashed(given: dict[str, Any]) -> None:
        size = given["size"]
        side = size if isinstance(size, int) else size[0]
        given["size"] = [side, side]

    def moved(given: dict[str, Any]) -> None:
        image = given["img"]
        given["img"] = image.crop((1, 1, image.size[0] + 1, image.size[1] + 1))

    name, change = {
        "statistics_swapped": ("normalize", swap),
        "channels_swapped": ("normalize", reverse),
        "float16_statistics": ("normalize", halved),
        "nearest": ("resize", nearest),
        "squashed": ("resize", squashed),
        "crop_off_by_one": ("center_crop", moved),
    }[edit]
    setattr(module, name, _called_with(getattr(module, name), change))


def _mmcls_transform(module: Any, edit: str) -> None:
    if edit == "crop_off_by_one":
        _shifted(module.CenterCrop, "transform", lambda given: given["img"], "img")
        return
    if edit == "nearest":
        _before(module.ResizeEdge, lambda given: given.update(interpolation="nearest"))
        return
    _before(module.ResizeEdge, lambda given: given.update(edge="width"))


def _shifted(kind: Any, name: str, take: Callable[[Any], Any], key: str) -> None:
    import numpy as np

    done = getattr(kind, name)

    @functools.wraps(done)
    def wrong(self: Any, given: Any) -> Any:
        given[key] = np.roll(take(given), (-1, -1), (0, 1))
        return done(self, given)

    setattr(kind, name, wrong)


def _ppcls_transform(module: Any, edit: str) -> None:
    import numpy as np

    if edit in ("statistics_swapped", "channels_swapped", "levels_not_divided"):

        def change(given: dict[str, Any]) -> None:
            if edit == "statistics_swapped":
                given["mean"], given["std"] = given["std"], given["mean"]
            elif edit == "channels_swapped":
                given["mean"], given["std"] = given["mean"][::-1], given["std"][::-1]
            else:
                given["scale"] = 1.0

        _before(module.NormalizeImage, change)
        return
    if edit == "nearest":
        _before(module.ResizeImage, lambda given: given.update(interpolation="nearest"))
        return
    done = module.CropImage.__call__

    @functools.wraps(done)
    def wrong(self: Any, image: Any) -> Any:
        return done(self, np.roll(image, (-1, -1), (0, 1)))

    module.CropImage.__call__ = wrong
