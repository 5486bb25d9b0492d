"""A page of many rows with expectations of its own, made without any framework."""

from __future__ import annotations

import json
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

from harness.expected.variants import Variant
from harness.judging.published import Preprocessing, Published
from harness.pages.reading import read_page
from harness.pipeline.catalogue import EXPECTED
from harness.records import Metric
from harness.resolving import drafts, findings, generated, upstream_drafts
from harness.resolving.counting import FigureOrigin
from harness.resolving.page import PageResolution, Resolved
from harness.resolving.running import FINDINGS
from harness.resolving.scales import PLAIN
from harness.resolving.uses import Use
from harness.sources.choices import Choice

MEASURED = Published(
    "net", "a table", Preprocessing(224, Fraction(7, 8), "bilinear"), Decimal(76), Decimal(93)
)
LAYERS = {"activations": "49 × relu"}
SOURCES = ("torchvision", "timm", "mmcls", "ppcls")
TEXT = """# Large

| model | source | top1 | top5 | MACs(G) | params(M) | input size |
| --- | --- | --- | --- | --- | --- | --- |
"""


class Files:
    """Stands for an entry of the store."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def file(self, name: str) -> Path:
        return self.folder / name


def large_expected(folder: Path, *, rows: int) -> Path:
    """A folder of expectations for a page of so many rows, a quarter from each source."""
    page_file = folder / "large.md"
    lines = [
        f"| net{at} | {SOURCES[at % 4]} | 76.130 | 92.862 | 4.134 | 25.557 | 224 |"
        for at in range(rows)
    ]
    page_file.write_text(TEXT + "\n".join(lines) + "\n", encoding="utf-8")
    page = read_page(page_file)
    resolved = []
    operations, params = {}, {}
    for row in page.rows:
        known = () if row.source == "ppcls" else (MEASURED,)
        choice = Choice(f"{row.name}.tag", row.name, f"{row.name}.pth", 224, known)
        variant = Variant(row.id, row.source, choice.model, choice.weights, row.name)
        resolved.append(
            Resolved(row, variant, 224, choice, "", 25_557_032, 4_089_184_256, layers=LAYERS)
        )
        for found, metric, raw, unit in (
            (operations, Metric.MACS, 4_133_742_592, 10**9),
            (params, Metric.PARAMS, 25_557_032, 10**6),
        ):
            claim = row.claim(metric)
            assert claim is not None
            found[row.id] = FigureOrigin(
                row.id, claim, Use("thop", PLAIN), raw, unit, reproduced=True
            )
    resolution = PageResolution(page, tuple(resolved), (), operations, params)
    made = folder / "drafts"
    made.mkdir()
    for name, text in {
        "variants.toml": drafts.variants(resolution),
        "complexity.toml": drafts.complexity(resolution),
        "published.toml": upstream_drafts.published(resolution, TEXT),
        "pipelines.toml": upstream_drafts.pipelines(resolution),
        FINDINGS: json.dumps(findings.as_json(resolution)),
    }.items():
        (made / name).write_text(text, encoding="utf-8")
    expected = folder / "expected"
    expected.mkdir()
    generated.write(expected, [(page, Files(made))], EXPECTED)
    return expected
