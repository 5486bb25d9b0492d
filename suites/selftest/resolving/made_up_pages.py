"""Pages of made-up rows and what was found of them: whatever libraries and counts may come to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from hypothesis import strategies as st
from large_page import LAYERS, Files

from harness.counting.counts import Counts
from harness.expected.variants import Variant
from harness.judging.published import Preprocessing, Published
from harness.pages.reading import read_page
from harness.records import Figure, Page, Row
from harness.resolving import drafts, findings, upstream_drafts
from harness.resolving import page as resolving
from harness.resolving.counted import Countable
from harness.resolving.page import PageResolution, Resolved
from harness.resolving.running import FINDINGS
from harness.sources.choices import Choice

SOURCES = ("torchvision", "timm", "mmcls", "ppcls")
RULES = ("true", "thop", "paddle-flops", "paddle-model-stat", "torch-flops", "fvcore")
UNITS = {"K": 10**3, "M": 10**6, "G": 10**9, "B": 10**9}
STATISTICS = (None, (0.485, 0.456, 0.406), (0.5, 0.5, 0.5))
TITLES = (
    "# Own",
    "Resize 256, center crop 224, mean 0.485 0.456 0.406, std 0.229 0.224 0.225",
    "Resize (00, 00), CenterCrop(00), mean=[255, 999, 999], std=[0, 0, 0]",
)


@dataclass(frozen=True)
class MadeUp:
    """A model: its counts under each rule, and what became of the row."""

    params: int
    counts: Mapping[str, Counts | None]
    fate: str
    text: str
    published: tuple[Published, ...]


@st.composite
def made_up(draw: st.DrawFn) -> MadeUp:
    params = draw(st.sampled_from((0, 1)) | st.integers(10**5, 10**8) | st.integers(10**5, 10**11))
    macs = draw(st.integers(1, 10**13) | st.integers(10**6, 10**11))
    near = st.sampled_from((1, 1.001, 10 / 9, 0.5, 2, 1000, 0.001, 1.0485))

    def some(count: int) -> int:
        return int(count * draw(near)) + draw(st.integers(0, 3))

    counts = {
        rule: draw(st.just(Counts(some(macs), some(params))) | st.none()) for rule in RULES[1:]
    }
    known = draw(st.sampled_from((True, True, True, True, True, False)))
    counts["true"] = Counts(macs, params) if known else None
    hows = draw(
        st.lists(
            st.builds(
                Preprocessing,
                st.sampled_from((160, 224, 288)),
                st.sampled_from((Fraction(7, 8), Fraction(19, 20), Fraction(1))),
                st.sampled_from(("bilinear", "bicubic", "lanczos")),
                *(st.sampled_from(STATISTICS), st.sampled_from(STATISTICS)),
                st.sampled_from(("center", "squash")),
            ),
            max_size=2,
            unique_by=lambda one: one.size,
        )
    )
    published = tuple(
        Published("net", "a table", one, Figure("76").value, Figure("93").value) for one in hows
    )
    fate = draw(st.sampled_from(("known", "known", "known", "unresolved", "lost")))
    return MadeUp(params, counts, fate, draw(st.text(max_size=20)), published)


@st.composite
def figures(draw: st.DrawFn, model: MadeUp, unit: str, *, params: bool) -> str:
    """What some rule prints in some way, a digit of which may be another; or anything."""
    found = [one for one in model.counts.values() if one is not None]
    raws = [one.params if params else one.operations for one in found] or [model.params]
    raw = draw(st.sampled_from(raws)) * draw(st.sampled_from((1, 2, 10 / 9, 1 / 2, 1000)))
    text = f"{raw / UNITS[unit]:.{draw(st.integers(0, 4))}f}" + draw(st.sampled_from(("", "0")))
    if "." not in text:
        text = text.rstrip() or "1"
    if draw(st.booleans()) and text[-1] in "12345678":
        text = text[:-1] + "9"
    plain = len(text.partition(".")[0]) <= 15 and text.strip("0.") and not text.endswith(".")
    return text if plain and len(text) < 25 else draw(st.sampled_from(("25.557", "4.1", "0.300")))


@dataclass(frozen=True)
class MadeUpPage:
    """The text of a page, its models by row, and the columns' units."""

    text: str
    models: tuple[MadeUp, ...]
    failing: tuple[MadeUp, ...]


@st.composite
def made_up_pages(draw: st.DrawFn) -> MadeUpPage:
    models = tuple(draw(st.lists(made_up(), min_size=1, max_size=5)))
    failing = tuple(draw(st.lists(made_up(), max_size=1)))
    metric = draw(st.sampled_from(("MACs", "FLOPs")))
    unit, of_params = draw(st.sampled_from(sorted(UNITS))), draw(st.sampled_from("KMG"))
    sized = draw(st.booleans())
    source = draw(st.sampled_from(SOURCES)) if failing else ""
    lines = [
        draw(st.sampled_from(TITLES)),
        "",
        f"| model | source | top1 | top5 | {metric}({unit}) | params({of_params}) |"
        + " input size |" * sized,
        "| --- " * (6 + sized) + "|",
    ]
    for at, model in enumerate(models):
        cells = [
            *(f"net{at}", source or draw(st.sampled_from(SOURCES)), "76.130", "92.862"),
            draw(figures(model, unit, params=False)),
            draw(figures(model, of_params, params=True)),
        ]
        cells += [draw(st.sampled_from(("160", "224", "288")))] * sized
        lines.append(f"| {' | '.join(cells)} |")
    if failing:
        lines += ["", "Note: `other0` fails to convert to onnx"]
    return MadeUpPage("\n".join(lines) + "\n", models, failing)


@dataclass
class Counter:
    """Counts of the made-up models, in place of networks."""

    models: Mapping[str, MadeUp]

    def count(self, variant: Variant, size: int, rule: str) -> Counts | None:
        found = self.models[variant.row].counts.get(rule)
        if found is None or size == 224:
            return found
        return Counts(found.operations * size**2 // 224**2, found.params)

    def network(self, variant: Variant, size: int) -> SimpleNamespace:  # noqa: ARG002
        return SimpleNamespace(framework="paddle" if variant.source == "ppcls" else "torch")

    def params(self, variant: Variant, size: int) -> int:  # noqa: ARG002
        return self.models[variant.row].params


def resolution_of(page: Page, made: MadeUpPage) -> PageResolution:
    """What would be found of the page, by the code that decides on rules and defects."""
    models = {one.id: model for one, model in zip(page.rows, made.models, strict=True)}
    models |= {one.id: model for one, model in zip(page.failures, made.failing, strict=False)}
    counter = Counter(models)

    def resolved(row: Row) -> Resolved:
        model, claim = models[row.id], row.claim(resolving.Metric.INPUT_SIZE)
        size = int(claim.figure.value) if claim else 224
        if model.fate == "unresolved":
            reason = model.text.strip() or "no such model"
            return Resolved(row, Variant(row.id, row.source, "", "", "", unresolved=reason), size)
        choice = Choice(f"{row.name}.tag", row.name, f"{row.name}.pth", 224, model.published)
        variant = Variant(row.id, row.source, choice.model, choice.weights, row.name)
        if model.fate == "lost":
            reason = model.text.strip() or "killed"
            return Resolved(row, variant, size, choice, model.text, uncountable=reason)
        counts = counter.count(variant, size, "true")
        macs, reason = (counts.operations, "") if counts else (0, "the reader does not know it")
        return Resolved(
            row, variant, size, choice, model.text, model.params, macs, reason, layers=LAYERS
        )

    rows = [resolved(row) for row in page.rows]
    failures = [resolved(resolving._as_row(one)) for one in page.failures]
    countable = cast(Countable, counter)
    operations = resolving._operations(rows, countable)
    params = resolving._params(rows, countable, operations)
    return PageResolution(page, tuple(rows), tuple(failures), operations, params)


def written(folder: Path, made: MadeUpPage, *, name: str = "own") -> tuple[Path, Page, Files]:
    """The page's file, the page, and the drafts that resolving it would leave in the store."""
    path, entry = folder / f"{name}.md", folder / f"{name}-drafts"
    path.write_text(made.text, encoding="utf-8")
    page = read_page(path)
    found = resolution_of(page, made)
    entry.mkdir()
    contents: dict[str, Any] = {
        "variants.toml": drafts.variants(found),
        "complexity.toml": drafts.complexity(found),
        "published.toml": upstream_drafts.published(found, made.text),
        "pipelines.toml": upstream_drafts.pipelines(found),
        FINDINGS: json.dumps(findings.as_json(found)),
    }
    for file, text in contents.items():
        (entry / file).write_text(text, encoding="utf-8")
    return path, page, Files(entry)
