"""Manifests are tables: every value with its printed form, line and column, or a clear error."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from harness.errors import ExpectationError, HarnessError, MalformedTable, PageError
from harness.pages.columns import ColumnRole
from harness.pages.folders import pages_below
from harness.pages.manifests import kind_of_file
from harness.pages.reading import read_page
from harness.records import Metric

MANUAL = Path(__file__).resolve().parents[3] / "docs" / "zoos.md"
ZOO = """
[[manifest]]
files = ["models.yml", "one/*.yaml", "*.json"]
rows = "Models[?Results]"

[manifest.columns]
Model = "Name"
Source = { text = "mmcls", link = "Weights" }
"Top-1" = "Results[?Dataset=='ImageNet-1k'] | [0].Metrics.\\"Top 1\\""
"FLOPs (G)" = { value = "Metadata.FLOPs", divide = 1_000_000_000 }
Params = "Metadata.Params"
"Input size" = "Metadata.Input[1:]"
"""
MODELS = """\
Collections:
  - Name: Nets
Models:
  - Name: net-a
    Metadata:
      FLOPs: 4270000000
      Params: 25.03M
      Input: [3, 224, 224]
    Results:
      - Dataset: other
        Metrics: {Top 1: 1.5}
      - Dataset: ImageNet-1k
        Metrics:
          Top 1: "77.90"
    Weights: https://example.org/net-a.pth
  - Name: net-b
    Metadata: {FLOPs: 320000000, Params: 3.5M, Input: [3, 192, 192]}
    Results: [{Dataset: ImageNet-1k, Metrics: {Top 1: ~}}]
  - Name: no results
"""
AS_JSON = """\
{"Models": [
\t{"Name": "net-a", "Metadata": {"FLOPs": 4270000000, "Params": "25.03M", "Input": [3, 224, 224]},
\t "About": "\\ud83d\\ude00 \\u00e9",
\t "Results": [{"Dataset": "ImageNet-1k", "Metrics": {"Top 1": 77.90}}],
\t "Weights": "https:\\/\\/example.org\\/net-a.pth"}
]}
"""


def written(folder: Path, text: str = MODELS, *, name: str = "models.yml", zoo: str = ZOO) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    (folder / "zoo.toml").write_text(zoo, encoding="utf-8")
    return path


def test_every_value_keeps_its_printed_form_and_its_place(tmp_path: Path) -> None:
    path = written(tmp_path)
    page = read_page(path)
    first, second = page.rows
    assert (first.id, first.link) == ("models/mmcls/net-a", "https://example.org/net-a.pth")
    assert (first.line, second.line) == (4, 16)
    claims = {one.metric: (one.figure.text, one.unit) for one in first.claims}
    assert claims == {
        Metric.TOP1: ("77.90", "%"),
        Metric.FLOPS: ("4.27", "G"),
        Metric.PARAMS: ("25.03", "M"),
        Metric.INPUT_SIZE: ("224", "px"),
    }
    lines = MODELS.split("\n")
    for claim in (*first.claims, *second.claims):
        if claim.metric is not Metric.FLOPS:
            assert lines[claim.line - 1][claim.column - 1 :].startswith(claim.figure.text)
    (missing,) = (one for one in page.omissions if one.what == "missing figure")
    assert (missing.line, missing.reason) == (18, "Top-1 of net-b")


def test_json_is_read_as_yaml_is(tmp_path: Path) -> None:
    (row,) = read_page(written(tmp_path, AS_JSON, name="zoo.json")).rows
    assert (row.name, row.link, row.line) == ("net-a", "https://example.org/net-a.pth", 2)
    assert row.claim(Metric.TOP1).figure.text == "77.90"
    assert row.claim(Metric.TOP1).line == 4


def test_a_file_may_hold_one_model(tmp_path: Path) -> None:
    zoo = """
    [[manifest]]
    files = ["*/info.yaml"]
    rows = "[@][?contains(use, 'lassif')]"
    [manifest.columns]
    Model = "id"
    Source = "contains(repo, 'pytorch/vision') && 'torchvision' || 'other'"
    Params = "details.\\"Number of parameters\\""
    """
    text = (
        "id: net\nuse: Classification\nrepo: https://github.com/pytorch/vision\n"
        "details:\n  Number of parameters: 25.5M\n"
    )
    (row,) = read_page(written(tmp_path, text, name="nets/info.yaml", zoo=zoo)).rows
    assert (row.id, row.claim(Metric.PARAMS).figure.text) == ("nets/torchvision/net", "25.5")


def test_of_a_folder_only_what_is_said_to_be_a_manifest_is_a_page(tmp_path: Path) -> None:
    for name in ("one/a.yaml", "build/a.yaml", "deep/b.yml", "deep/c.json"):
        written(tmp_path, name=name)
    found = [one.relative_to(tmp_path).as_posix() for one in pages_below(tmp_path)]
    assert found == ["deep/c.json", "one/a.yaml"]


def test_the_nearest_zoo_toml_says_it(tmp_path: Path) -> None:
    written(tmp_path, name="one/a.yaml")
    (tmp_path / "one" / "zoo.toml").write_text("")
    with pytest.raises(PageError, match=r"no zoo\.toml in its folder or above it has a \[\[man"):
        read_page(tmp_path / "one" / "a.yaml")


def test_what_zoo_toml_says_is_read_anew_when_it_changes(tmp_path: Path) -> None:
    path = written(tmp_path)
    before = read_page(path)
    written(tmp_path, zoo=ZOO.replace("mmcls", "timm"))
    os.utime(tmp_path / "zoo.toml", ns=(1, 1))
    after = read_page(path)
    assert (before.rows[0].source, after.rows[0].source) == ("mmcls", "timm")
    assert before.sha256 != after.sha256, "it is another page to all that is known of it"


@pytest.mark.parametrize("name", ["cv/metafile.yml", "net/info.yaml", "ONNX_HUB_MANIFEST.json"])
def test_the_mappings_of_the_manual_can_be_read(tmp_path: Path, name: str) -> None:
    blocks = re.findall(r"```toml\n(.*?)```", MANUAL.read_text("utf-8"), re.DOTALL)
    assert len(blocks) == 3
    kind = kind_of_file(written(tmp_path, name=name, zoo="\n".join(blocks)))
    assert kind is not None
    assert {one.column.role for one in kind.columns} >= {ColumnRole.NAME, ColumnRole.SOURCE}


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"Name"', '"Name["', r"manifest\[1\]\.columns\.Model: not JMESPath"),
        ('"Top-1" =', '"Tpo-1" =', r"columns\.Tpo-1: unknown column 'Tpo-1'; did you mean 'top1'"),
        ("text =", "txet =", r"columns\.Source\.txet: unknown key \(did you mean 'text'\?\)"),
        ('text = "mmcls"', 'text = "a", value = "b"', "Source: expected either value, a path, or"),
        ("divide = 1_000_000_000", "divide = 0", "divide is 0, expected a positive whole number"),
        ('rows = "Models[?Results]"', "rows = 1", r"manifest\[1\]\.rows is 1, expected a text"),
        ("files = [", 'file = "x"\nfiles = [', r"manifest\[1\]\.file: unknown key"),
    ],
)
def test_a_wrong_mapping_is_refused_with_file_and_key(
    tmp_path: Path, old: str, new: str, told: str
) -> None:
    assert old in ZOO
    with pytest.raises(ExpectationError, match=rf"zoo\.toml: .*{told}"):
        read_page(written(tmp_path, zoo=ZOO.replace(old, new)))


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            "  - Name: net-b",
            "  - Name: net-b\n    Name: net-c",
            ":17: key 'Name' stands here twice",
        ),
        ("Collections:", "Collections: [", r"models\.yml:\d+: not YAML"),
        ("Name: net-a", "Name: {a: b}", r":4: Model: .* is no text, number or list of them"),
        ('"77.90"', "high", r":14: Top-1: 'high' is not a plain decimal number"),
        ("FLOPs: 4270000000", "FLOPs: many", r":6: FLOPs \(G\): 'many' is not a plain"),
        ("FLOPs: 4270000000", "FLOPs: 1e999999999", r"FLOPs \(G\): '1e999999999' is not a plain"),
        (
            "net-b\n    Metadata: {FLOPs: 320000000, Params: 3.5M, Input: [3, 192, 192]}",
            "net-a\n    Metadata: {Input: [3, 224, 224]}",
            r":16: models/mmcls/net-a already stands in line 4",
        ),
    ],
)
def test_a_wrong_value_is_refused_with_file_and_line(
    tmp_path: Path, old: str, new: str, told: str
) -> None:
    assert MODELS.count(old) == 1
    with pytest.raises(PageError, match=told):
        read_page(written(tmp_path, MODELS.replace(old, new)))


def test_a_function_that_does_not_take_what_stands_there_says_so(tmp_path: Path) -> None:
    zoo = ZOO.replace('"Name"', "\"join('-', Metadata)\"")
    with pytest.raises(MalformedTable, match=r":4: Model: In function join\(\), invalid type"):
        read_page(written(tmp_path, zoo=zoo))


BOMB = "a: &a [x, x]\n" + "".join(
    f"{name}: &{name} [*{before}, *{before}]\n"
    for before, name in zip("abcdefghijklmnopqrs", "bcdefghijklmnopqrst", strict=True)
)
"""A million times x."""


@pytest.mark.shows("a hostile file hangs or floods a run, which is then cut short")
@pytest.mark.parametrize(
    "text",
    [
        BOMB,
        BOMB + "Models: [{Name: *t, Results: 1}]\n",
        BOMB + "Models: *t\n",
        "Models: &x\n  - Name: *x\n    Results: 1\n",
        "[" * 20_000,
        "{" * 20_000,
        "Models: [{Results: 1, Name: " + "[" * 900 + "]" * 900 + "}]",
        "? [a]\n: 1\n",
        "--- 1\n--- 2\n",
        "!!python/object/apply:os.system ['true']",
    ],
)
def test_a_hostile_manifest_is_an_error_or_no_page(tmp_path: Path, text: str) -> None:
    with pytest.raises(HarnessError) as told:
        read_page(written(tmp_path, text))
    assert len(str(told.value)) < 2000
