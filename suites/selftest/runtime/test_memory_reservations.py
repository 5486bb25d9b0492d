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
from harness.runtime.memory import GIB, MemoryReservations

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture
def reservations(tmp_path: Path) -> MemoryReservations:
    return MemoryReservations(tmp_path / "ledger.json", budget_bytes=10 * GIB)


def sizes(reservations: MemoryReservations) -> list[int]:
    return [one.size // GIB for one in reservations.books().held]


def hold_elsewhere(
    reservations: MemoryReservations, gib: int, started: Path
) -> subprocess.Popen[bytes]:
    """Another process that holds memory until it is killed, running already."""
    source = (
        f"import sys, time; sys.path.insert(0, {str(REPOSITORY)!r})\n"
        "from pathlib import Path; from harness.runtime.memory import MemoryReservations\n"
        f"held = MemoryReservations(Path({str(reservations.path)!r}), "
        f"budget_bytes={reservations.budget_bytes})\n"
        f"with held.reserve({gib * GIB}, owner='other'):\n"
        f"    Path({str(started)!r}).touch(); time.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", source])
    while not started.exists():
        assert process.poll() is None
        time.sleep(0.01)
    return process


def test_what_fits_is_held_side_by_side(reservations: MemoryReservations) -> None:
    with reservations.reserve(4 * GIB, owner="a"), reservations.reserve(6 * GIB, owner="b"):
        assert sizes(reservations) == [4, 6]
    assert sizes(reservations) == []


def test_failed_step_holds_nothing(reservations: MemoryReservations) -> None:
    with pytest.raises(ZeroDivisionError), reservations.reserve(GIB, owner="a"):
        raise ZeroDivisionError
    assert sizes(reservations) == []


def test_more_than_the_budget_is_refused_at_once_with_the_figures(
    reservations: MemoryReservations,
) -> None:
    message = r"export x needs 10\.50 GiB; the budget of this machine is 10\.00 GiB, available \d"
    with (
        pytest.raises(NotEnoughMemory, match=message),
        reservations.reserve(21 * GIB // 2, owner="export x"),
    ):
        pass


def test_waiting_ends_in_time_and_says_who_holds(reservations: MemoryReservations) -> None:
    with reservations.reserve(6 * GIB, owner="quantize y"):
        message = r"needs 5\.00 of 10\.00 GiB and waited 0\.2 s; held by: quantize y 6\.00 GiB"
        with (
            pytest.raises(NotEnoughMemory, match=message),
            reservations.reserve(5 * GIB, owner="export x", timeout_s=0.2),
        ):
            pass
    with reservations.reserve(10 * GIB, owner="z"):
        assert sizes(reservations) == [10]


def test_other_process_blocks_until_it_is_killed(
    reservations: MemoryReservations, tmp_path: Path
) -> None:
    with hold_elsewhere(reservations, 8, tmp_path / "started") as other:
        with pytest.raises(NotEnoughMemory), reservations.reserve(3 * GIB, owner="a", timeout_s=0):
            pass
        other.kill()  # not reaped yet
        with reservations.reserve(3 * GIB, owner="a", timeout_s=5):
            assert sizes(reservations) == [3]


def test_later_process_with_the_same_id_holds_nothing(reservations: MemoryReservations) -> None:
    with reservations.reserve(8 * GIB, owner="a"):
        text = reservations.path.read_text()
        started = str(psutil.Process().create_time())
        assert started in text
        reservations.path.write_text(text.replace(started, str(float(started) - 100)))
        assert sizes(reservations) == []


def test_long_waiting_request_lets_no_later_one_pass(
    reservations: MemoryReservations, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(memory, "POLL_SECONDS", 0.01)
    order: list[str] = []

    def step(name: str, gib: int) -> None:
        with reservations.reserve(gib * GIB, owner=name):
            order.append(name)

    with ThreadPoolExecutor() as threads, reservations.reserve(4 * GIB, owner="first"):
        threads.submit(step, "large", 8)
        wait_for_waiters(reservations, 1)
        threads.submit(step, "small", 1)
        wait_for_waiters(reservations, 2)
    assert order == ["large", "small"]


def test_small_request_passes_one_that_has_just_begun_to_wait(
    reservations: MemoryReservations,
) -> None:
    with ThreadPoolExecutor() as threads:
        with reservations.reserve(4 * GIB, owner="first"):
            large = threads.submit(hold_briefly, reservations, 8)
            wait_for_waiters(reservations, 1)
            with reservations.reserve(GIB, owner="small", timeout_s=0):
                assert not large.done()
        large.result()


def hold_briefly(reservations: MemoryReservations, gib: int) -> None:
    with reservations.reserve(gib * GIB, owner="large"):
        pass


def wait_for_waiters(reservations: MemoryReservations, count: int) -> None:
    deadline = time.monotonic() + 5
    while reservations.path.read_text().count('"owner"') < count + 1:
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"held": [{"pid": 1}], "waiting": []}'])
def test_damaged_ledger_is_begun_anew(
    reservations: MemoryReservations, caplog: pytest.LogCaptureFixture, text: str
) -> None:
    reservations.path.write_text(text)
    with reservations.reserve(GIB, owner="a"):
        assert sizes(reservations) == [1]
    assert "is damaged and begun anew" in caplog.text


def test_ledger_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    reservations = MemoryReservations(tmp_path / "file" / "ledger.json", budget_bytes=GIB)
    with pytest.raises(HarnessError, match=r"memory ledger .*ledger\.json: "):
        reservations.books()


def test_budget_is_less_than_the_machine(tmp_path: Path) -> None:
    budget = MemoryReservations(tmp_path / "ledger.json").budget_bytes
    assert 0 < budget <= 0.75 * psutil.virtual_memory().total
