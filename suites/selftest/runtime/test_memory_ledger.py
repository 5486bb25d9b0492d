"""Steps that do not fit side by side run one after the other, and the dead hold nothing."""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from harness.errors import HarnessError, NotEnoughMemory
from harness.runtime import memory
from harness.runtime.memory import GIB, Ledger

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger.json", budget_bytes=10 * GIB)


def sizes(ledger: Ledger) -> list[int]:
    return [one.size // GIB for one in ledger.held()]


def hold_elsewhere(ledger: Ledger, gib: int, started: Path) -> subprocess.Popen[bytes]:
    """Another process that holds memory until it is killed, running already."""
    source = (
        f"import sys, time; sys.path.insert(0, {str(REPOSITORY)!r})\n"
        "from pathlib import Path; from harness.runtime.memory import Ledger\n"
        f"ledger = Ledger(Path({str(ledger.path)!r}), budget_bytes={ledger.budget_bytes})\n"
        f"with ledger.reserve({gib * GIB}, owner='other'):\n"
        f"    Path({str(started)!r}).touch(); time.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", source])
    while not started.exists():
        assert process.poll() is None
        time.sleep(0.01)
    return process


def test_what_fits_is_held_side_by_side(ledger: Ledger) -> None:
    with ledger.reserve(4 * GIB, owner="a"), ledger.reserve(6 * GIB, owner="b"):
        assert sizes(ledger) == [4, 6]
    assert sizes(ledger) == []


def test_failed_step_holds_nothing(ledger: Ledger) -> None:
    with pytest.raises(ZeroDivisionError), ledger.reserve(GIB, owner="a"):
        raise ZeroDivisionError
    assert sizes(ledger) == []


def test_more_than_the_budget_is_refused_at_once_with_the_figures(ledger: Ledger) -> None:
    message = r"export x needs 10\.50 GiB; the budget of this machine is 10\.00 GiB, available \d"
    with (
        pytest.raises(NotEnoughMemory, match=message),
        ledger.reserve(21 * GIB // 2, owner="export x"),
    ):
        pass


def test_waiting_ends_in_time_and_says_who_holds(ledger: Ledger) -> None:
    with ledger.reserve(6 * GIB, owner="quantize y"):
        message = r"needs 5\.00 of 10\.00 GiB and waited 0\.2 s; held by: quantize y 6\.00 GiB"
        with (
            pytest.raises(NotEnoughMemory, match=message),
            ledger.reserve(5 * GIB, owner="export x", timeout_s=0.2),
        ):
            pass
    with ledger.reserve(10 * GIB, owner="z"):
        assert sizes(ledger) == [10]


def test_other_process_blocks_until_it_is_killed(ledger: Ledger, tmp_path: Path) -> None:
    with hold_elsewhere(ledger, 8, tmp_path / "started") as other:
        with pytest.raises(NotEnoughMemory), ledger.reserve(3 * GIB, owner="a", timeout_s=0):
            pass
        other.kill()  # not reaped yet
        with ledger.reserve(3 * GIB, owner="a", timeout_s=5):
            assert sizes(ledger) == [3]


def test_later_process_with_the_same_id_holds_nothing(ledger: Ledger) -> None:
    with ledger.reserve(8 * GIB, owner="a"):
        text = ledger.path.read_text()
        started = str(psutil.Process().create_time())
        assert started in text
        ledger.path.write_text(text.replace(started, str(float(started) - 100)))
        assert sizes(ledger) == []


def test_long_waiting_request_lets_no_later_one_pass(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(memory, "POLL_SECONDS", 0.01)
    order: list[str] = []

    def step(name: str, gib: int) -> None:
        with ledger.reserve(gib * GIB, owner=name):
            order.append(name)

    with ThreadPoolExecutor() as threads, ledger.reserve(4 * GIB, owner="first"):
        threads.submit(step, "large", 8)
        wait_for_waiters(ledger, 1)
        threads.submit(step, "small", 1)
        wait_for_waiters(ledger, 2)
    assert order == ["large", "small"]


def test_small_request_passes_one_that_has_just_begun_to_wait(ledger: Ledger) -> None:
    with ThreadPoolExecutor() as threads:
        with ledger.reserve(4 * GIB, owner="first"):
            large = threads.submit(hold_briefly, ledger, 8)
            wait_for_waiters(ledger, 1)
            with ledger.reserve(GIB, owner="small", timeout_s=0):
                assert not large.done()
        large.result()


def hold_briefly(ledger: Ledger, gib: int) -> None:
    with ledger.reserve(gib * GIB, owner="large"):
        pass


def wait_for_waiters(ledger: Ledger, count: int) -> None:
    deadline = time.monotonic() + 5
    while ledger.path.read_text().count('"owner"') < count + 1:
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"held": [{"pid": 1}], "waiting": []}'])
def test_damaged_ledger_is_begun_anew(
    ledger: Ledger, caplog: pytest.LogCaptureFixture, text: str
) -> None:
    ledger.path.write_text(text)
    with ledger.reserve(GIB, owner="a"):
        assert sizes(ledger) == [1]
    assert "is damaged and begun anew" in caplog.text


def test_ledger_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ledger = Ledger(tmp_path / "file" / "ledger.json", budget_bytes=GIB)
    with pytest.raises(HarnessError, match=r"memory ledger .*ledger\.json: "):
        ledger.held()


def test_budget_is_less_than_the_machine(tmp_path: Path) -> None:
    budget = Ledger(tmp_path / "ledger.json").budget_bytes
    assert 0 < budget <= 0.75 * psutil.virtual_memory().total
