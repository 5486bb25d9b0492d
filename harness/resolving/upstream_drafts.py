"""Drafts of what upstream publishes for a page, and of how its images are prepared."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

import tomli_w

from harness.images.pipelines import ImagePipeline
from harness.images.pipelines import pipelines as all_pipelines
from harness.images.pipelines.recipe import Kernel, Recipe
from harness.judging.published import Preprocessing, Published
from harness.resolving.page import PageResolution, Resolved
from harness.runtime import entry_points
from harness.sources import source, sources
from harness.sources.published import ResultsModule

_RESIZE: Final = re.compile(r"\bresize\W{0,3}(?:\w+\W{1,2})?\(?\s*(\d{2,4})", re.IGNORECASE)
_CROP: Final = re.compile(
    r"\bcent(?:er|re)[\s_-]*crop\W{0,3}(?:\w+\W{1,2})?\(?\s*(\d{2,4})", re.IGNORECASE
)
_BICUBIC: Final = re.compile(r"\bresize\b[^\n]{0,80}bicubic", re.IGNORECASE)

_NUMBER: Final = r"([01]?\.\d{1,9}|\d{1,3}(?:\.\d{1,9})?)"
_STATISTICS: Final = {
    key: re.compile(
        rf"\b{key}\b[^\d\n]{{0,12}}{_NUMBER}[,\s]+{_NUMBER}[,\s]+{_NUMBER}", re.IGNORECASE
    )
    for key in ("mean", "std")
}
_HIGHEST_LEVEL: Final = 255

_EXACT: Final = {
    "fractions": ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    "levels": ([123.675, 116.28, 103.53], [58.395, 57.12, 57.375]),
}
"""ImageNet's statistics as build configs have them, before run-time files round them."""


_SHIPS: Final = {"fractions": "vendor-run-time", "levels": "vendor-run-time-levels"}
"""The pipeline of a run-time file, by how it has the statistics."""


def published(resolution: PageResolution, text: str) -> str:
    """``expected/published/<page>.toml``; ``text`` is the page's."""
    missing: dict[str, str] = {}
    tables: dict[str, Any] = {}
    for name, declared in sources().items():
        if declared.table:
            table: ResultsModule = entry_points.load(declared.table)
            results, gone = _of_table(name, table, resolution)
            missing |= gone
            if results:
                tables[name] = {
                    "source": name,
                    "role": "current",
                    "where": table.WHERE,
                    "remeasured": table.REMEASURED,
                    "reason": table.REASON,
                    "results": results,
                }
    missing |= _unpublished(resolution)
    content = {**_stated(text), "missing": missing, "tables": tables}
    return "# Drafted by `python -m harness update`; kept by hand.\n" + tomli_w.dumps(content)


def _stated(text: str) -> dict[str, Any]:
    """The page's own pipeline, where its text has one; torchvision's kernel where it names none."""
    resize, crop = _RESIZE.search(text), _CROP.search(text)
    if not resize or not crop or not 0 < int(crop[1]) <= int(resize[1]):
        return {}
    kernel = "bicubic" if _BICUBIC.search(text) else "bilinear"
    stated = {"resize": int(resize[1]), "crop": int(crop[1]), "interpolation": kernel}
    return {"page": stated | _normalization(text)}


def _normalization(text: str) -> dict[str, list[float]]:
    """Mean and deviation where a text says both, in fractions even where it has levels."""
    found = {}
    for key, pattern in _STATISTICS.items():
        if (said := pattern.search(text)) is None:
            return {}
        values = [float(x) for x in said.groups()]
        if max(values) > 1:
            values = [round(x / _HIGHEST_LEVEL, 6) for x in values]
        if max(values) > 1:
            return {}
        found[key] = values
    return found


def _of_table(
    name: str, table: ResultsModule, resolution: PageResolution
) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """What a table has of a source's rows and their siblings; and which rows are not in it."""
    known = table.published_results()
    names, results, missing = set(), [], {}
    chosen: dict[str, tuple[Published, ...]] = {}
    for one in resolution.rows:
        if one.choice is None or one.variant.source != name:
            continue
        own = [each.preprocessing.size for each in one.choice.published]
        names.add(one.choice.name)
        chosen[one.choice.model] = one.choice.published
        if one.size not in own:
            sizes = f", only at {', '.join(map(str, own))} px" if own else ""
            missing[one.row.id] = f"{name}'s table has no figure at {one.size} px{sizes}"
    hidden = {one.variant.model for one in resolution.rows if one.row.id in missing}
    for model, published_of in known.items():
        if model.partition(".")[0] in names and model not in hidden:
            results += [_result(each) for each in chosen.get(model, published_of)]
    return results, missing


def _result(one: Published) -> dict[str, Any]:
    how = one.preprocessing
    known = {"mean": how.mean, "std": how.std}
    odd = {"crop_mode": how.crop_mode} if how.crop_mode != "center" else {}
    return {
        **{key: list(value) for key, value in known.items() if value is not None},
        **odd,
        "model": one.model,
        "size": how.size,
        "crop": round(Decimal(how.crop.numerator) / Decimal(how.crop.denominator), 3),
        "interpolation": how.interpolation,
        "top1": one.top1,
        "top5": one.top5,
    }


def _unpublished(resolution: PageResolution) -> dict[str, str]:
    missing = {}
    for one in resolution.rows:
        if one.variant.unresolved:
            missing[one.row.id] = one.variant.unresolved
        elif not source(one.variant.source).publishes:
            missing[one.row.id] = f"the installed package of {one.variant.source} has no figures"
    return missing


def pipelines(resolution: PageResolution) -> str:
    """``expected/pipelines/<page>.toml``."""
    rows: dict[str, dict[str, str]] = {}
    unknown: dict[str, str] = {}
    for one in resolution.rows:
        pipeline = _pipeline(one)
        if pipeline is None:
            unknown[one.row.id] = one.variant.unresolved or _why(one)
            continue
        ships = source(one.variant.source).statistics
        crop = all_pipelines()[_SHIPS[ships]].recipe.crop
        if pipeline.recipe.crop == crop:
            rows[one.row.id] = {"claim": pipeline.id, "ships": ships}
        else:
            unknown[one.row.id] = (
                f"{pipeline.id} gives {_pixels(pipeline.recipe.crop)}, and no run-time file is "
                f"known that does, only one that gives {_pixels(crop)}"
            )
    used = {entry["ships"] for entry in rows.values()}
    content: dict[str, Any] = {
        "stated": "page",
        "run_time": {name: _run_time(name) for name in sorted(used)},
        "rows": rows,
    }
    if unknown:
        content["unknown"] = unknown
    return "# Drafted by `python -m harness update`; kept by hand.\n" + tomli_w.dumps(content)


def _pixels(size: tuple[int, int]) -> str:
    return f"{size[0]}×{size[1]}"


def _pipeline(one: Resolved) -> ImagePipeline | None:
    """The pipeline that a row's accuracies were measured with, where the suite has it."""
    if one.choice is None:
        return None
    declared, wanted = source(one.variant.source), _measured(one)
    if wanted is None and declared.publishes:
        return None
    for pipeline in declared.pipelines:
        if _does(pipeline, one.size, wanted):
            return pipeline
    return None


def _measured(one: Resolved) -> Preprocessing | None:
    """How the source measured the row, at its size, or None where that is not published."""
    assert one.choice is not None
    found = [each.preprocessing for each in one.choice.published]
    return next((each for each in found if each.size == one.size), None)


def _does(pipeline: ImagePipeline, size: int, wanted: Preprocessing | None) -> bool:
    recipe = pipeline.recipe
    if recipe.crop != (size, size):
        return False
    if wanted is None:
        return True  # the library has one for all its models
    bicubic = recipe.kernel is Kernel.PILLOW_BICUBIC
    return (
        not wanted.differs(replace(wanted, **_statistics(recipe), crop_mode="center"))
        and recipe.resize == (int(size / wanted.crop),)
        and bicubic == (wanted.interpolation == "bicubic")
        and wanted.interpolation in ("bicubic", "bilinear")
    )


def _statistics(recipe: Recipe) -> dict[str, Any]:
    """Mean and deviation of a recipe, in fractions whatever it scales levels to."""
    unit = _HIGHEST_LEVEL * recipe.scale
    return {
        "mean": tuple(x / unit for x in recipe.mean),
        "std": tuple(x / unit for x in recipe.std),
    }


def _why(one: Resolved) -> str:
    how = _measured(one)
    if how is None:
        return f"how {one.variant.model} was measured at {one.size} px is not published"
    return f"the suite has no pipeline of {one.variant.source} with {how}"


def _run_time(name: str) -> dict[str, Any]:
    """The vendor's run-time file of a kind."""
    pipeline = _SHIPS[name]
    recipe = all_pipelines()[pipeline].recipe
    mean, std = _EXACT[name]
    height, width = recipe.resized(*recipe.crop)
    crop_height, crop_width = recipe.crop
    return {
        "pipeline": pipeline,
        "resize": [height, width],
        "origin": [(height - crop_height) // 2, (width - crop_width) // 2],
        "crop": [crop_height, crop_width],
        "div255": name == "fractions",
        "mean": list(recipe.mean),
        "std": list(recipe.std),
        "exact_mean": mean,
        "exact_std": std,
    }
