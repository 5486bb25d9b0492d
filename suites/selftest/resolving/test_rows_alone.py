"""Whatever becomes of one row, while it is looked up, built or counted, is that row's alone."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import ending_rows
import pytest
from stand_ins import row

from harness.errors import BuildError
from harness.pipeline.steps import counting
from harness.records import Page, Row
from harness.resolving import counted, drafts, running
from harness.resolving import page as resolving
from harness.resolving.page import LOOKED_UP, Lost, resolve_page
from harness.resolving.running import described
from harness.runtime.store import Store
from harness.sources.choices import Choice

SIZES = {"top1": "76.13", "macs": "4.1", "params": "25.56", "input_size": "224"}


class UnprintableError(RuntimeError):
    def __str__(self) -> str:
        raise TypeError("not even this")


FAULTS: dict[str, tuple[BaseException, str]] = {
    "paddle": (ValueError("can only get\n  shape for dense"), "ValueError: can only get shape"),
    "meta": (RuntimeError("Tensor on device cpu is not on meta"), "RuntimeError: Tensor on device"),
    "wordless": (AssertionError(), "AssertionError"),
    "unprintable": (UnprintableError(), "UnprintableError"),
    "exit": (SystemExit(3), "SystemExit: 3"),
    "endless": (MemoryError("x" * 10**6), "(of 1,000,000 characters)"),
    "escapes": (OSError("\x1b[31m\udcff"), r"\x1b[31m\udcff"),
}


def page_of(*names: str) -> Page:
    rows = tuple(row(name, source="lib", **SIZES) for name in names)
    return Page("page", "page.md", "0" * 64, rows)


@pytest.fixture
def stages(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """A library whose models are faults, raised in the stages that the test puts into the set."""
    raised: set[str] = set()

    def fault(stage: str, name: str) -> None:
        if stage in raised and name in FAULTS:
            raise FAULTS[name][0]

    def choose(documented: Row, source: str) -> tuple[Choice, str]:
        fault("look up", documented.name)
        name = documented.name
        return Choice(name, name, name, 224), f"a name of {source}"

    def build(model: str, **_: Any) -> SimpleNamespace:
        fault("build", model)
        weight = SimpleNamespace(numel=lambda: 25_557_032)
        module = SimpleNamespace(parameters=lambda: [weight], modules=tuple)
        return SimpleNamespace(
            framework="torch", module=module, countable=model, input_shape=(3, 224, 224)
        )

    def count(model: str, *_: Any, **__: Any) -> counted.Counts:
        fault("count", model)
        return counted.Counts(4_089_184_256, 25_557_032)

    monkeypatch.setattr(resolving, "source_named", lambda name: name)
    monkeypatch.setattr(resolving, "adapter", lambda _: None)
    monkeypatch.setattr(resolving, "library_of", lambda _: None)
    monkeypatch.setattr(resolving, "network_name", lambda source, name: f"{source}-{name}")
    monkeypatch.setattr(resolving, "_chosen", choose)
    monkeypatch.setattr(counting, "adapter", lambda _: SimpleNamespace(build=build))
    monkeypatch.setattr(counted, "source", lambda _: SimpleNamespace(rules=(), framework="torch"))
    monkeypatch.setattr(counted.rules, "count", count)
    read = SimpleNamespace(operators=())
    monkeypatch.setattr(counted.rules, "read_network", lambda *_, **__: read)
    return raised


@pytest.mark.shows(
    "a library that throws at one row takes down the others", by="a reason for each row"
)
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("stage", ["look up", "build", "count"])
def test_what_a_library_raises_is_the_reason_of_its_row(
    stages: set[str], stage: str, fault: str
) -> None:
    stages.add(stage)
    page = page_of("sound", fault, "other")
    unknown = drafts.uncountable(resolve_page(page))
    assert set(unknown) == {f"page/lib/{fault}"}
    reason = unknown[f"page/lib/{fault}"]
    assert FAULTS[fault][1] in reason
    assert len(reason) < 600
    assert reason.isprintable()


def test_without_a_fault_every_row_is_counted(stages: set[str]) -> None:
    assert not stages
    resolution = resolve_page(page_of("sound", *FAULTS))
    assert drafts.uncountable(resolution) == {}
    assert len(resolution.operations) == len(resolution.params) == 1 + len(FAULTS)


def test_a_row_that_ended_an_earlier_process_is_not_tried_again(stages: set[str]) -> None:
    stages |= {"look up", "build", "count"}
    lost = {
        "page/lib/paddle": Lost(LOOKED_UP, "killed by SIGSEGV"),
        "page/lib/sound": Lost("building sound", "killed by SIGKILL"),
    }
    rows = resolve_page(page_of("paddle", "sound", "other"), lost=lost).rows
    assert [one.variant.unresolved for one in rows] == ["killed by SIGSEGV", "", ""]
    assert [one.uncountable for one in rows] == ["", "killed by SIGKILL", ""]


# ── the process ───────────────────────────────────────────────────────────────────────────────


def test_a_row_that_ends_the_process_is_told_and_the_others_go_on() -> None:
    page = page_of("sound", "SIGSEGV", "other", "SIGABRT")
    told = described(page, "", describe=ending_rows.killed_by_its_name)
    assert set(told) == {"page/lib/SIGSEGV", "page/lib/SIGABRT"}
    assert told["page/lib/SIGSEGV"].startswith("building SIGSEGV: the process: ")
    assert "killed by SIGSEGV" in told["page/lib/SIGSEGV"]


def test_a_process_that_ends_over_no_row_is_nobodys_reason() -> None:
    with pytest.raises(BuildError, match="killed by SIGKILL"):
        described(page_of("sound"), "END", describe=ending_rows.killed_by_its_name)


def test_a_mistake_of_our_own_is_no_rows_reason() -> None:
    with pytest.raises(BuildError, match="raised ValueError: ours 0, None"):
        described(page_of("sound"), "ours", describe=ending_rows.raising)


def test_rows_that_end_either_of_two_processes_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "_count", ending_rows.killed_by_its_name)
    names = {"ppcls": ("SIGSEGV", "sound"), "timm": ("other", "SIGABRT"), "nobody": ("SIGKILL",)}
    rows = [row(name, source=source, **SIZES) for source, all_ in names.items() for name in all_]
    page = Page("page", "page.md", "0" * 64, tuple(rows))
    told = described(page, "", store=Store(tmp_path), describe=ending_rows.killed_by_its_name)
    assert set(told) == {"page/ppcls/SIGSEGV", "page/timm/SIGABRT", "page/nobody/SIGKILL"}
    assert described(page, "", store=Store(tmp_path), describe=ending_rows.told) == {}


def test_a_row_that_hangs_in_one_of_two_processes_is_not_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "_count", ending_rows.hanging_by_its_name)
    monkeypatch.setattr(running, "_START_S", 2.0)
    monkeypatch.setattr(running, "_ROW_S", 0.0)
    monkeypatch.setattr(running, "_HUNG_S", 1.0)
    rows = [row(name, source="timm", **SIZES) for name in ("sound", "other", "hangs")]
    page = Page("page", "page.md", "0" * 64, tuple(rows))
    told = described(page, "", store=Store(tmp_path), describe=ending_rows.told)
    assert set(told) == {"page/timm/hangs"}
    assert told["page/timm/hangs"].startswith("building hangs: the process: ")
    assert "did not finish within 2 s" in told["page/timm/hangs"]
