"""The model index that mmpretrain's package carries: ``.mim/configs/<family>/metafile.yml``.

mmpretrain itself is not imported. How a model was evaluated stands in its config.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mmengine.config import Config

from harness.errors import ExpectationError, MissingSource
from harness.expected.buildconfig import strict_yaml
from harness.expected.percentages import percentage
from harness.judging.published import Preprocessing, Published, Statistics, statistics
from harness.sources.mmcls.earlier import earlier_models

DATASET = "ImageNet-1k"
"""The name of the data set in the index: the 50,000 validation images."""

HIGHEST_LEVEL = 255
"""Of a pixel of 8 bits."""


def results(model: str, *, weights: str) -> tuple[Published, ...]:
    """All models of a family, named by their config; see :class:`PublishedReader`."""
    return family_results(package_root(), model, weights=weights)


def package_root() -> Path:
    """The folder ``.mim`` of the installed package.

    Raises:
        MissingSource: mmpretrain is not installed.
    """
    spec = find_spec("mmpretrain")
    if spec is None or spec.origin is None:
        raise MissingSource("mmpretrain is not installed")
    return Path(spec.origin).parent / ".mim"


@cache
def family_results(root: Path, model: str, *, weights: str) -> tuple[Published, ...]:
    """The results of the family whose index, below ``root``, names the model.

    Raises:
        MissingSource, ExpectationError, MeasureError: see :class:`PublishedReader`.
    """
    for path in sorted((root / "configs").glob("*/metafile.yml")):
        entries = _entries(path) if f"Name: {model}\n" in path.read_text(encoding="utf-8") else {}
        if model in entries:
            own = _result(root, model, entries[model])
            before = earlier_models().get(weights)
            if before is not None and before.network == model:
                return (before.published(own), own, *_siblings(root, entries))
            _require_file(entries.pop(model), model, weights)
            return (own, *_siblings(root, entries))
    raise MissingSource(f"no index of mmpretrain {version('mmpretrain')} names {model!r}")


def _entries(path: Path) -> dict[str, Mapping[str, Any]]:
    try:
        models = strict_yaml.load(path)["Models"]
        return {entry["Name"]: entry for entry in models}
    except (ExpectationError, KeyError, TypeError) as error:
        raise MissingSource(f"mmpretrain's index cannot be read: {path}: {error}") from error


def _siblings(root: Path, entries: Mapping[str, Mapping[str, Any]]) -> Iterator[Published]:
    """Of the other models those that have figures and can be read."""
    for name, entry in entries.items():
        with suppress(MissingSource):
            yield _result(root, name, entry)


def _require_file(entry: Mapping[str, Any], model: str, weights: str) -> None:
    published = str(entry.get("Weights", "")).rpartition("/")[2]
    if published != weights:
        raise ExpectationError(
            f"mmpretrain {version('mmpretrain')} publishes {published or 'no file'} for {model}, "
            f"expected/variants pins {weights}"
        )


def _result(root: Path, model: str, entry: Mapping[str, Any]) -> Published:
    accuracy = _accuracy(entry)
    if not accuracy:
        raise MissingSource(f"mmpretrain publishes no {DATASET} figures for {model}")
    config = Config.fromfile(root / entry["Config"])
    pipeline = config.test_dataloader.dataset.pipeline
    of_model = (config.get("model") or {}).get("data_preprocessor")
    normalized = config.get("data_preprocessor") or of_model or {}
    return Published(
        model,
        f"the model index of mmpretrain {version('mmpretrain')}",
        replace(
            _preprocessing(pipeline, model),
            mean=_fractions(normalized.get("mean")),
            std=_fractions(normalized.get("std")),
        ),
        percentage(accuracy.get("Top 1 Accuracy"), what=f"top1 of {model}"),
        percentage(accuracy.get("Top 5 Accuracy"), what=f"top5 of {model}"),
    )


def _accuracy(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    for result in entry.get("Results") or ():
        if result.get("Dataset") == DATASET and "Top 1 Accuracy" in (result.get("Metrics") or {}):
            metrics: Mapping[str, Any] = result["Metrics"]
            return metrics
    return {}


def _fractions(levels: Any) -> Statistics | None:
    """Three levels of 255 as fractions, in the order in which the network takes the channels."""
    if not isinstance(levels, Sequence) or len(levels) != 3:
        return None
    return statistics(level / HIGHEST_LEVEL for level in levels)


def _preprocessing(pipeline: Sequence[Mapping[str, Any]], model: str) -> Preprocessing:
    """From the steps ResizeEdge (whose kernel is bilinear where it names none) and CenterCrop."""
    steps = {step["type"]: step for step in pipeline}
    if "ResizeEdge" not in steps or "CenterCrop" not in steps:
        raise MissingSource(
            f"how {model} was evaluated cannot be told from its config: {', '.join(steps)}"
        )
    resize, size = steps["ResizeEdge"], int(steps["CenterCrop"]["crop_size"])
    kernel = str(resize.get("interpolation", "bilinear"))
    return Preprocessing(size, Fraction(size, int(resize["scale"])), kernel)
