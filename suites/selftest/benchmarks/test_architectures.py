"""The table of what the source libraries offer: whole, and what the libraries still give."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import architectures
from benchmarks.architectures import TABLE, Architecture, counts, read, sweep, write
from benchmarks.command import BAD_INPUT, main
from harness.errors import HarnessError

COUNTED = Architecture("timm", "net_a", "net_a.in1k", 224, 25_028_904, 4_230_479_872)
FAILED = Architecture("mmcls", "net_b", "net_b", 224, reason='an "operator", not known')


def test_every_network_of_the_kept_table_counts_or_says_why_not() -> None:
    kept = read(TABLE)
    assert {one.source for one in kept} == {"torchvision", "timm", "mmcls", "ppcls"}
    assert all((one.params > 0 < one.macs) is not bool(one.reason) for one in kept)
    keys = [(one.source, one.name, one.model, one.size) for one in kept]
    assert len(set(keys)) == len(keys)


@pytest.mark.filterwarnings("ignore")  # what the libraries say while they are imported
@pytest.mark.parametrize("source", ["torchvision", "timm", "mmcls", "ppcls"])
def test_the_kept_counts_are_what_the_library_gives(source: str) -> None:
    own = [one for one in read(TABLE) if one.source == source and not one.reason]
    smallest = min(own, key=lambda one: one.params)
    assert counts(source, smallest.model, smallest.size) == (smallest.params, smallest.macs)


def test_a_table_is_read_as_it_was_written(tmp_path: Path) -> None:
    write(tmp_path / "table.csv", [COUNTED, FAILED])
    assert read(tmp_path / "table.csv") == [FAILED, COUNTED]
    assert read(tmp_path / "none.csv") == []


@pytest.mark.parametrize("text", ["a,b\n1,2\n", "{head}\ntimm,a,b,large,1,2,\n", "{head}\ntimm\n"])
def test_another_table_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "table.csv"
    write(path, [])
    path.write_text(text.format(head=path.read_text().strip()))
    with pytest.raises(HarnessError, match=r"table\.csv:\d"):
        read(path)


def test_what_is_known_is_not_counted_again(monkeypatch: pytest.MonkeyPatch) -> None:
    known = [replace(one, macs=1) for one in read(TABLE) if one.source == "torchvision"]
    monkeypatch.setattr(architectures, "_counted", lambda _, one: one)
    listed = list(sweep(["torchvision"], known[1:]))
    assert sorted(one.macs for one in listed) == [0, *[1] * (len(known) - 1)]


def test_a_source_that_there_is_not_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["architectures", "--source", "keras"]) == BAD_INPUT
    assert "no library keras, expected one of torchvision" in capsys.readouterr().err
