"""Pages written from drawn rows, in every dialect: strategies, and what has to be read back."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from hypothesis import strategies as st

from harness.records import Metric

# Headers, and the unit that they leave to the cells: None where they print it themselves.
HEADERS: dict[object, list[tuple[str, str | None]]] = {
    "name": [(h, None) for h in ("模型", "Model", "name", "网络", "Model Name", "Architecture")],
    "source": [(h, None) for h in ("源码", "source", "library", "Code Source", "来源")],
    "extra": [(h, None) for h in ("dataset", "Config", "论文", "Download", "数据集")],
    Metric.TOP1: [
        *((h, None) for h in ("top1", "acc@1", "acc<br><sup>top1", "Top-1(%)", "ＴＯＰ１（％）")),
        *(
            (h, None)
            for h in ("Top-1 Acc.", "Acc (top1)", "top1准确率", "Top-1 ↑", "ImageNet top-1")
        ),
    ],
    Metric.TOP5: [
        (h, None) for h in ("top5", "Acc@5", "Top-5 (%)", "精度top5", "acc<sup>top5</sup>")
    ],
    Metric.MACS: [
        *(
            (h, None)
            for h in ("MACs(G)", "macs (G)", "ＭＡＣｓ（Ｇ）", "GMACs", "MACs/G", "计算量(GMACs)")
        ),
        ("MAdds", "G"),
    ],
    Metric.FLOPS: [
        *((h, None) for h in ("flops(G)", "FLOPs (G)", "FLOPS[g]", "FLOPs<br><sup>(G)", "GFLOPs")),
        *((h, None) for h in ("FLOPs (10^9)", "浮点运算量（G）")),
        ("FLOPs", "G"),
    ],
    Metric.PARAMS: [
        *(
            (h, None)
            for h in ("params(M)", "Params (M)", "参数量（M）", "params<br>(M)", "#Params(M)")
        ),
        *((h, None) for h in ("Parameters, M", "Params (million)")),
        ("#params", "M"),
        ("参数量", "M"),
    ],
    Metric.INPUT_SIZE: [
        (h, None)
        for h in ("input size", "resolution", "Input Size (px)", "输入尺寸", "size (pixels)")
    ],
}
SIZES = [
    *("{0}", "{0}x{0}", "({0}, {0})", "{0}×{0}", "3x{0}x{0}", "[3, {0}, {0}]", "{0} px"),
    *("1x3x{0}x{0}", "{0} × {0}", "({0},{0},3)"),
]
MISSING = ["-", "/", "", "N/A", "—", "－"]
OTHERS = {
    "| label | class |\n| --- | --- |\n| 0 | tench |\n| 1 | goldfish |": 2,
    "| Operator | Params | Note |\n| --- | --- | --- |\n| Conv2d | (3, 96) | / |": 1,
    "| model | precision | top1 | fps |\n| --- | --- | --- | --- |\n| a | int8 | 70.1 | 9 |": 1,
    "<table><tr><td>step</td><td>figure</td></tr><tr><td>resize</td><td>256</td></tr></table>": 1,
}
UNITS = {
    Metric.TOP1: "%",
    Metric.TOP5: "%",
    Metric.MACS: "G",
    Metric.FLOPS: "G",
    Metric.PARAMS: "M",
    Metric.INPUT_SIZE: "px",
}
WIDE = str.maketrans({chr(n): chr(n + 0xFEE0) for n in range(0x21, 0x7F)})

Style = Callable[[str], str]
PLAIN: list[Style] = [str, str, "  {}  ".format, "\t{}".format, lambda text: text.translate(WIDE)]
IN_HTML: list[Style] = [
    *PLAIN,
    *(style.format for style in ("<b>{}</b>", "<span style='color:red'>{}</span>", "{}<br>")),
    *(style.format for style in ("<code>{}</code>", "<!-- new -->{}", "{}&nbsp;", "<a>{}</a>")),
]
IN_MARKDOWN: list[Style] = [*IN_HTML, *(s.format for s in ("**{}**", "`{}`", "*{}*", "***{}***"))]
MARKS = ["<sup>*</sup>", "<sup>[2]</sup>", "†"]
MARKS_IN_MARKDOWN = [*MARKS, "[^1]", r"\*"]


def decimals(low: int, high: int) -> st.SearchStrategy[str]:
    """Plain decimal numbers as a page prints them."""
    return st.decimals(low, high, allow_nan=False, places=3).map(
        lambda d: str(d).rstrip("0").rstrip(".")
    )


VALUES = {
    Metric.TOP1: decimals(2, 100),
    Metric.TOP5: decimals(2, 100),
    Metric.MACS: decimals(1, 40_000),
    Metric.FLOPS: decimals(1, 40_000),
    Metric.PARAMS: decimals(1, 90_000),
    Metric.INPUT_SIZE: st.integers(8, 999).map(str),
}
NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9_.+-]{0,12}", fullmatch=True)
SOURCES = st.sampled_from(["timm", "torchvision", "mmcls", "ppcls", "keras", "official"])

Read = tuple[str, str, str, dict[Metric, tuple[str, str]]]


@dataclasses.dataclass(frozen=True)
class Written:
    """A page, and what was written into it: (source, name, link, figures and units) of each row.

    ``unread`` counts the rows of other tables, ``missing`` and ``marks`` what cells lack or have.
    """

    data: bytes
    rows: list[Read]
    unread: int
    missing: int
    marks: int


@st.composite
def written_pages(draw: st.DrawFn, html: bool = False) -> Written:
    """A page with one model table in a drawn dialect, column order and cell style."""
    writing = _Writing(draw, html)
    metrics = draw(st.lists(st.sampled_from(list(VALUES)), min_size=1, unique=True))
    sourced = draw(st.booleans())
    extra = draw(st.lists(st.just("extra"), max_size=1))
    columns = draw(st.permutations(["name", *["source"] * sourced, *metrics, *extra]))
    headers = {column: draw(st.sampled_from(HEADERS[column])) for column in columns}
    models = draw(st.lists(st.tuples(SOURCES, NAMES), min_size=1, max_size=4, unique_by=_slug))
    rows: list[Read] = []
    lines = [[headers[column][0] for column in columns]]
    for source, name in models if sourced else {name: ("", name) for _, name in models}.values():
        link = draw(st.sampled_from(["", "https://example.org/a_b#c"]))
        cells = {"extra": r"any *thing* \| else" if not html else "any | thing"}
        cells["name"] = writing.text(name) if sourced or not link else writing.link(name, link)
        if sourced:
            cells["source"] = writing.link(source, link) if link else writing.text(source)
        second = f"lab{len(rows)}" if sourced and link and draw(st.booleans()) else ""
        if second:
            between = draw(st.sampled_from([" ", "<br>", " / ", "、", " <br/>", " and "]))
            cells["source"] += between + writing.link(second, f"{link}2")
        figures: dict[Metric, tuple[str, str]] = {}
        for metric in metrics:
            may_miss = bool(rows) or metric is not metrics[0]
            text = "" if may_miss and draw(st.integers(0, 5)) == 0 else draw(VALUES[metric])
            cells[metric] = writing.figure(metric, text, headers[metric][1])
            if text:
                figures[metric] = (text, UNITS[metric])
        lines.append([cells[column] for column in columns])
        rows.append((source, name, link, figures))
        rows += [(second, name, f"{link}2", figures)] * bool(second)
    table = writing.html_table(lines) if html else writing.markdown_table(lines)
    others = draw(st.lists(st.sampled_from(list(OTHERS)), max_size=2, unique=True))
    around = draw(st.permutations([table, *others]))
    text = "# Page\n\n" + "\n\nText.\n\n".join(around) + "\n\nText.\n\n[^1]: A footnote.\n"
    data = text.replace("\n", draw(st.sampled_from(["\n", "\r\n"]))).encode()
    bom = draw(st.sampled_from([b"", b"\xef\xbb\xbf"]))
    unread = sum(OTHERS[other] for other in others)
    return Written(bom + data, rows, unread, writing.missing, writing.marks)


class _Writing:
    """Cells in drawn styles, and a count of what was put beside the figures."""

    def __init__(self, draw: st.DrawFn, html: bool) -> None:
        self.draw, self.html = draw, html
        self.missing = self.marks = 0

    def text(self, text: str) -> str:
        styled = self.draw(st.sampled_from(IN_HTML if self.html else IN_MARKDOWN))(text)
        if self.draw(st.integers(0, 5)):
            return styled
        self.marks += 1
        return styled.rstrip() + self.draw(
            st.sampled_from(MARKS if self.html else MARKS_IN_MARKDOWN)
        )

    def link(self, text: str, address: str) -> str:
        return f'<a href="{address}">{text}</a>' if self.html else f"[{text}]({address})"

    def figure(self, metric: Metric, text: str, unit: str | None) -> str:
        if not text:
            self.missing += 1
            return self.draw(st.sampled_from(MISSING))
        if metric is Metric.INPUT_SIZE:
            return self.text(self.draw(st.sampled_from(SIZES)).format(text))
        if "." in text and self.draw(st.booleans()):
            whole, _, part = text.partition(".")
            text = f"{int(whole):,}.{part}"
        if metric in (Metric.TOP1, Metric.TOP5):
            unit = self.draw(st.sampled_from(["", "%", " %"]))
        return self.text(text + self.draw(st.sampled_from(["", " "])) * bool(unit) + (unit or ""))

    def markdown_table(self, lines: list[list[str]]) -> str:
        frame = self.draw(st.sampled_from(["| {} |", "|{}|", "> | {} |", "  |\t{} | "]))
        between = self.draw(st.sampled_from([" | ", "|", "   |\t"]))
        ruler = [self.draw(st.sampled_from(["---", ":-:", "-:"])) for _ in lines[0]]
        return "\n".join(
            frame.format(between.join(cells)) for cells in (lines[0], ruler, *lines[1:])
        )

    def html_table(self, lines: list[list[str]]) -> str:
        end, head = self.draw(
            st.sampled_from([("</td>", "</th>"), ("", ""), ("\n</td>", "</th>\n")])
        )
        between = self.draw(st.sampled_from(["\n", "\n  ", "\n\n", ""]))
        rows = ["<tr>" + "".join(f"<th>{cell}{head}" for cell in lines[0]) + "</tr>"]
        rows += ["<tr>" + "".join(f"<td>{cell}{end}" for cell in cells) for cells in lines[1:]]
        return f"<table border=1>{between.join(['', *rows])}\n</table>"


def _slug(model: tuple[str, str]) -> str:
    return "-".join(model)
