"""Any table written from rows, in any dialect, reads back as these rows."""

from __future__ import annotations

import dataclasses

from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it.rules_block.table import escapedSplit

from harness.pages.cells import split_line
from harness.pages.reading import read_page
from harness.records import Metric

HEADERS = {
    "name": ["模型", "Model", "name", "**Model**"],
    "source": ["源码", "source", "`library`"],
    Metric.TOP1: ["top1", "acc@1", "acc<br><sup>top1</sup>", "Top-1(%)", "ＴＯＰ１（％）"],
    Metric.TOP5: ["top5", "Acc@5", "Top-5 (%)"],
    Metric.MACS: ["MACs(G)", "macs (G)", "ＭＡＣｓ（Ｇ）", "GMACs"],
    Metric.FLOPS: ["flops(G)", "FLOPs (G)", "FLOPS[g]"],
    Metric.PARAMS: ["params(M)", "Params (M)", "参数量（M）"],
    Metric.INPUT_SIZE: ["input size", "resolution", "Input Size (px)"],
    "ignored": ["dataset", "Speed (ms)"],
}
SIZES = ["{0}", "{0}x{0}", "({0}, {0})", "{0}×{0}"]
STYLES = ["{}", "**{}**", "  {}  ", "<b>{}</b>"]


def decimals(low: int, high: int) -> st.SearchStrategy[str]:
    """Plain decimal numbers as a page prints them."""
    return st.decimals(low, high, allow_nan=False, places=3).map(
        lambda d: str(d).rstrip("0").rstrip(".")
    )


VALUES = {
    Metric.TOP1: decimals(2, 100),
    Metric.TOP5: decimals(2, 100),
    Metric.MACS: decimals(1, 400),
    Metric.FLOPS: decimals(1, 400),
    Metric.PARAMS: decimals(1, 900),
    Metric.INPUT_SIZE: st.integers(1, 999).map(str),
}
NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9_.+-]{0,12}", fullmatch=True)
SOURCES = st.sampled_from(["timm", "torchvision", "mmcls", "ppcls"])


@dataclasses.dataclass(frozen=True)
class Written:
    """A page in Markdown, and what was written into it: (source, name, link, figures)."""

    text: str
    rows: list[tuple[str, str, str, dict[Metric, str]]]


@st.composite
def written_pages(draw: st.DrawFn) -> Written:
    """A page with one model table in a drawn dialect, column order and cell style."""
    metrics = draw(st.lists(st.sampled_from(list(VALUES)), min_size=1, unique=True))
    columns = draw(st.permutations(["name", "source", *metrics]))
    columns += draw(st.sampled_from([[], ["ignored"]]))
    models = draw(st.lists(st.tuples(SOURCES, NAMES), min_size=1, max_size=4, unique_by=slug))
    header = [draw(st.sampled_from(HEADERS[column])) for column in columns]
    lines, rows = [header, [draw(st.sampled_from(["---", ":-:", "-:"])) for _ in columns]], []
    for source, name in models:
        link = draw(st.sampled_from(["", "https://example.org/a_b"]))
        figures = {metric: draw(VALUES[metric]) for metric in metrics}
        cells = {"name": f"`{name}`", "source": f"[{source}]({link})" if link else source}
        cells |= figures | {"ignored": "any *thing*"}
        if Metric.INPUT_SIZE in figures:
            cells[Metric.INPUT_SIZE] = draw(st.sampled_from(SIZES)).format(
                figures[Metric.INPUT_SIZE]
            )
        lines.append([draw(st.sampled_from(STYLES)).format(cells[column]) for column in columns])
        rows.append((source, name, link, figures))
    frame = draw(st.sampled_from(["| {} |", "|{}|", "> | {} |"]))
    text = "\n".join(frame.format(" | ".join(line)) for line in lines)
    return Written(f"# Page\n\n{text}\n\nText.\n", rows)


def slug(model: tuple[str, str]) -> str:
    return "-".join(model)


@given(page=written_pages())
@settings(max_examples=60, derandomize=True, deadline=None, database=None)
def test_written_rows_are_read_back(tmp_path_factory, page):
    path = tmp_path_factory.getbasetemp() / "roundtrip.md"
    path.write_text(page.text, encoding="utf-8")
    read = [
        (row.source, row.name, row.link, {c.metric: c.figure.text for c in row.claims})
        for row in read_page(path).rows
    ]
    assert read == page.rows


@given(line=st.text(alphabet="ab|\\ `", min_size=1).map(str.strip).filter(bool))
@settings(max_examples=200, derandomize=True, deadline=None, database=None)
def test_lines_are_split_as_the_parser_splits_them(line):
    cells = escapedSplit(line)
    cells = cells[1:] if cells[0] == "" else cells
    cells = cells[:-1] if cells and cells[-1] == "" else cells
    own = split_line(line)
    assert [text.replace("\\|", "|") for _, text in own] == [cell.strip() for cell in cells]
    assert all(line[column - 1 :].startswith(text) for column, text in own)
