"""Drafts of what upstream publishes for a page, and of how its images are prepared."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import tomli_w

from harness.images.pipelines import PIPELINES, Pipeline
from harness.images.pipelines.recipe import Kernel
from harness.judging.published import Preprocessing, Published
from harness.resolving.page import PageResolution, Resolved
from harness.sources.timm.table import WHERE, published_results

_REMEASURED: Final = Decimal("0.1")
_REASON: Final = (
    "timm measures its table anew from time to time; the largest of 98 figures that stand in two "
    "editions moved by 0.050 points. The bound is twice that, 50 of 50,000 images."
)
_RESIZE: Final = re.compile(r"\bresize\W{0,3}(?:\w+\W{1,2})?\(?\s*(\d{2,4})", re.IGNORECASE)
_CROP: Final = re.compile(
    r"\bcent(?:er|re)[\s_-]*crop\W{0,3}(?:\w+\W{1,2})?\(?\s*(\d{2,4})", re.IGNORECASE
)
_BICUBIC: Final = re.compile(r"\bresize\b[^\n]{0,80}bicubic", re.IGNORECASE)

_OF_SOURCE: Final[Mapping[str, tuple[str, ...]]] = {
    "torchvision": ("torchvision-",),
    "timm": ("timm-",),
    "mmcls": ("mmpretrain",),
    "ppcls": ("paddleclas",),
}
"""The pipelines of a source, by how their ids begin."""

_EXACT: Final = {
    "fractions": ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    "levels": ([123.675, 116.28, 103.53], [58.395, 57.12, 57.375]),
}
"""ImageNet's statistics as build configs have them, before run-time files round them."""


def published(resolution: PageResolution, text: str) -> str:
    """``expected/published/<page>.toml``; ``text`` is the page's."""
    results, missing = _timm(resolution)
    missing |= _unpublished(resolution)
    tables: dict[str, Any] = {}
    if results:
        tables["timm"] = {
            "source": "timm",
            "role": "current",
            "where": WHERE,
            "remeasured": _REMEASURED,
            "reason": _REASON,
            "results": results,
        }
    content = {**_stated(text), "missing": missing, "tables": tables}
    return "# Drafted by `python -m harness update`; kept by hand.\n" + tomli_w.dumps(content)


def _stated(text: str) -> dict[str, Any]:
    """The page's own pipeline, where its text has one; torchvision's kernel where it names none."""
    resize, crop = _RESIZE.search(text), _CROP.search(text)
    if not resize or not crop or int(crop[1]) > int(resize[1]):
        return {}
    kernel = "bicubic" if _BICUBIC.search(text) else "bilinear"
    return {"page": {"resize": int(resize[1]), "crop": int(crop[1]), "interpolation": kernel}}


def _timm(resolution: PageResolution) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """What timm publishes for its rows and their siblings; and which rows are not in its table."""
    table = published_results()
    names, results, missing = set(), [], {}
    for one in resolution.rows:
        if one.choice is None or one.variant.source != "timm":
            continue
        own = [each.preprocessing.size for each in one.choice.published]
        names.add(one.choice.name)
        if one.size not in own:
            sizes = f", only at {', '.join(map(str, own))} px" if own else ""
            missing[one.row.id] = f"timm's table has no figure at {one.size} px{sizes}"
    hidden = {one.variant.model for one in resolution.rows if one.row.id in missing}
    for model, published_of in table.items():
        if model.partition(".")[0] in names and model not in hidden:
            results += [_result(each) for each in published_of]
    return results, missing


def _result(one: Published) -> dict[str, Any]:
    how = one.preprocessing
    return {
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
        elif one.variant.source not in ("torchvision", "timm", "mmcls"):
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
        else:
            ships = "levels" if one.variant.source == "mmcls" else "fractions"
            rows[one.row.id] = {"claim": pipeline.id, "ships": ships}
    used = {entry["ships"] for entry in rows.values()}
    content: dict[str, Any] = {
        "stated": "page",
        "run_time": {name: _run_time(name) for name in sorted(used)},
        "rows": rows,
    }
    if unknown:
        content["unknown"] = unknown
    return "# Drafted by `python -m harness update`; kept by hand.\n" + tomli_w.dumps(content)


def _pipeline(one: Resolved) -> Pipeline | None:
    """The pipeline that a row's accuracies were measured with, where the suite has it."""
    if one.choice is None:
        return None
    beginnings = _OF_SOURCE.get(one.variant.source, ())
    wanted = _measured(one)
    for pipeline in PIPELINES.values():
        if pipeline.id.startswith(beginnings or "-") and _does(pipeline, one.size, wanted):
            return pipeline
    return None


def _measured(one: Resolved) -> Preprocessing | None:
    """How the source measured the row, at its size, or None where that is not published."""
    assert one.choice is not None
    found = [each.preprocessing for each in one.choice.published]
    return next((each for each in found if each.size == one.size), None)


def _does(pipeline: Pipeline, size: int, wanted: Preprocessing | None) -> bool:
    recipe = pipeline.recipe
    if recipe.crop != (size, size):
        return False
    if wanted is None:
        return pipeline.id == "paddleclas"
    bicubic = recipe.kernel is Kernel.PILLOW_BICUBIC
    return (
        recipe.resize == (int(size / wanted.crop),)
        and bicubic == (wanted.interpolation == "bicubic")
        and wanted.interpolation in ("bicubic", "bilinear")
    )


def _why(one: Resolved) -> str:
    how = _measured(one)
    if how is None:
        return f"how {one.variant.model} was measured at {one.size} px is not published"
    return f"the suite has no pipeline of {one.variant.source} with {how}"


def _run_time(name: str) -> dict[str, Any]:
    """The vendor's run-time file of a kind."""
    pipeline = "vendor-run-time" if name == "fractions" else "vendor-run-time-levels"
    recipe = PIPELINES[pipeline].recipe
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
