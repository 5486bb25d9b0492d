"""What zoos promise of the networks that they share, and where two cannot both be right."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.__main__ import main
from harness.sources import sources

HEAD = "| Model | Source | top1 | int8 top1 | {} | params(M) | input |\n" + "| --- " * 7 + "|\n"
ROW = "| {} | {} | {} | {} | {} | {} | 224 |\n"
OURS = HEAD.format("macs(G)") + ROW.format("net_a", "timm", "76.1", "75.6", "4.1", "25.56")
THEIRS = HEAD.format("flops(G)") + ROW.format("Net-A", "lab", "76.2", "-", "8.2", "25.56")

Compare = Callable[..., tuple[int, str]]


@pytest.fixture
def compare(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Compare:
    """Writes zoos of one page each, and compares them."""

    def run(*options: str, **zoos: str) -> tuple[int, str]:
        for name, text in zoos.items():
            (tmp_path / name).mkdir()
            (tmp_path / name / "page.md").write_text(text, encoding="utf-8")
        status = main(["compare-zoos", *(str(tmp_path / name) for name in zoos), *options])
        said = capsys.readouterr()
        return status, said.out + said.err

    return run


def data(said: tuple[int, str]) -> list[dict[str, Any]]:
    assert said[0] == 0
    found: list[dict[str, Any]] = json.loads(said[1])
    return found


def test_a_network_of_two_zoos_is_told_with_what_each_promises(compare: Compare) -> None:
    (network,) = data(compare("--json", ours=OURS, theirs=THEIRS))
    assert network["network"] == "neta"
    ours, theirs = network["promises"]
    assert (ours["zoo"], ours["row"], ours["place"]) == ("ours", "page/timm/net_a", "page.md:3")
    assert ours["figures"] == {
        "top1": "76.1",
        "int8_top1": "75.6",
        "macs": "4.1 G",
        "params": "25.56 M",
        "input_size": "224",
    }
    assert (ours["int8_loss"], theirs["int8_loss"]) == ("0.5", None)
    assert network["contradictions"] == [], "8.2 G FLOPs are 4.1 G MACs"


def test_it_is_a_table_for_people(compare: Compare) -> None:
    status, said = compare(ours=OURS, theirs=THEIRS)
    lines = said.splitlines()
    assert (status, lines[0].strip()) == (0, "neta")
    assert lines[1].split()[:4] == ["zoo", "input", "top1", "int8"]
    assert lines[2].split()[:6] == ["ours", "224", "76.1", "75.6", "25.56", "M"]
    assert lines[-1].startswith("1 network in more than one of ours (1 row), theirs (1 row)")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("| 8.2 |", "| 4.1 |", "one of them counts MACs and the other FLOPs"),
        ("25.56", "25.03", "one of them is wrong, or they are two networks"),
    ],
)
def test_counts_that_cannot_both_be_right_are_named_with_both_places(
    compare: Compare, old: str, new: str, told: str
) -> None:
    (network,) = data(compare("--json", ours=OURS, theirs=THEIRS.replace(old, new)))
    (contradiction,) = network["contradictions"]
    assert told in contradiction
    assert "ours/page.md:3:" in contradiction
    assert "theirs/page.md:3:" in contradiction


def test_what_only_one_zoo_has_is_left_out(compare: Compare) -> None:
    others = HEAD.format("macs(G)") + ROW.format("net_b", "timm", "70.1", "-", "1.1", "5.56")
    twice = OURS + ROW.format("net_a", "mmcls", "76.5", "-", "4.1", "25.56")
    assert data(compare("--json", ours=twice, theirs=others)) == []


def test_one_name_in_two_zoos_may_be_of_other_rows(compare: Compare) -> None:
    """Ids are of a zoo: a contradiction in one is not told of the other's row of the same id."""
    third = THEIRS.replace("lab", "timm").replace("Net-A", "net_a")
    (network,) = data(
        compare("--json", ours=OURS, theirs=third, more=third.replace("25.56", "9.1"))
    )
    (contradiction,) = network["contradictions"]
    assert contradiction.startswith("9.1 M parameters (more, ")


@pytest.mark.parametrize("names", [["ours"], ["ours", "ours"]])
def test_one_zoo_is_refused(compare: Compare, tmp_path: Path, names: list[str]) -> None:
    compare(ours=OURS)
    assert main(["compare-zoos", *(str(tmp_path / name) for name in names)]) == 2


def test_a_folder_within_another_is_refused(compare: Compare, tmp_path: Path) -> None:
    compare(ours=OURS)
    assert main(["compare-zoos", str(tmp_path), str(tmp_path / "ours")]) == 2


@pytest.mark.parametrize(
    ("name", "network"),
    [
        ("resnet50_8xb32_in1k", "resnet50"),
        ("beit-base-p16_beit-in21k-pre_3rdparty_in1k", "beit-base-p16"),
        ("convnext-tiny_32xb128_in1k-384px", "convnext-tiny_32xb128_in1k-384px"),
        ("riformer-s12_in1k-384", "riformer-s12_in1k-384"),
        ("resnext50-32x4d", "resnext50-32x4d"),
    ],
)
def test_weights_in_openmmlabs_names_are_no_other_network(name: str, network: str) -> None:
    pattern = sources()["mmcls"].weights_in_names
    assert pattern is not None
    assert pattern.sub("", name) == network
