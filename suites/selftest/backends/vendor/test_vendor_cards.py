"""A card has one case at a time, and one that died is not used again."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import vendor_stand_in as tiny

from harness.backends.vendor import Cards, CompiledModel
from harness.errors import DeadCard, NoCard, RunCrash, RunError

RunnerOf = Callable[..., CompiledModel]
HOLD = (
    "import sys, time; from pathlib import Path; from harness.backends.vendor import Cards\n"
    "with Cards(Path(sys.argv[1]), (0, 1)).lease(timeout_s=60) as card:\n"
    "    print(card, flush=True); time.sleep(999)"
)


def holder(folder: Path) -> tuple[subprocess.Popen[str], int]:
    """Another process that holds a card, and the card."""
    repository = Path(__file__).resolve().parents[4]
    command = [sys.executable, "-c", HOLD, str(folder)]
    process = subprocess.Popen(command, cwd=repository, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, int(process.stdout.readline())


def test_another_process_gets_another_card_and_its_death_frees_it(tmp_path: Path) -> None:
    cards = Cards(tmp_path, (0, 1))
    process, taken = holder(tmp_path)
    with process:
        try:
            with (
                cards.lease(timeout_s=0) as card,
                pytest.raises(NoCard, match="none of the cards 0, 1 became free within 0 s"),
                cards.lease(timeout_s=0),
            ):
                pytest.fail("a card was given away twice")
            assert {card, taken} == {0, 1}
        finally:
            process.kill()
    with cards.lease(timeout_s=0), cards.lease(timeout_s=0):
        pass


@pytest.mark.shows(
    "two cases share a card, or go on on a dead one", by="a lock, and a mark that stays"
)
def test_jobs_side_by_side_never_meet_on_a_card(
    runner_of: RunnerOf, files: tuple[Path, ...], tmp_path: Path
) -> None:
    tools = tiny.stand_in(VENDOR_STANDIN_CARDS=str(tmp_path), VENDOR_STANDIN_SECONDS="0.1")
    runner = runner_of(toolchain=tools, cards=Cards(tmp_path / "cards", (0, 1)))
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(runner.answers, [files] * 6))
    assert {one.card for one in answers} == {0, 1}


def test_stand_in_turns_a_second_user_of_a_card_away(
    runner_of: RunnerOf, files: tuple[Path, ...], tmp_path: Path
) -> None:
    (tmp_path / "in-use-0").touch()
    with pytest.raises(RunError, match="card 0 is in use by another process"):
        runner_of(toolchain=tiny.stand_in(VENDOR_STANDIN_CARDS=str(tmp_path))).answers(files)


def test_lost_card_is_set_aside_and_the_other_goes_on(
    runner_of: RunnerOf, files: tuple[Path, ...], tmp_path: Path
) -> None:
    cards = Cards(tmp_path / "cards", (0, 1))
    runner = runner_of("vamp:device-lost@0", cards=cards)
    with pytest.raises(DeadCard):
        runner.answers(files)
    assert runner.answers(files).card == runner.answers(files).card == 1
    assert "DeadCard at tiny/row: vamp: card lost" in cards.set_aside()[0]


@pytest.mark.shows("two cases share a card, or go on on a dead one")
def test_card_that_hangs_is_set_aside_until_somebody_looked(
    runner_of: RunnerOf, files: tuple[Path, ...], tmp_path: Path
) -> None:
    runner = runner_of("vamp:hang", timeout_s=0.5)
    with pytest.raises(RunError, match="did not finish"):
        runner.answers(files)
    mark = tmp_path / "cards/card-0.aside"
    with pytest.raises(NoCard, match=f"(?s)RunHang at tiny/row.*remove {mark}"):
        runner.answers(files)
    mark.unlink()
    assert runner_of().answers(files).card == 0


def test_crash_of_the_tool_is_not_the_cards_death(
    runner_of: RunnerOf, files: tuple[Path, ...], tmp_path: Path
) -> None:
    cards = Cards(tmp_path / "cards")
    with pytest.raises(RunCrash):
        runner_of("vamp:crash", cards=cards).answers(files)
    assert not cards.set_aside()


def test_who_waits_for_a_card_that_dies_does_not_get_it(tmp_path: Path) -> None:
    cards = Cards(tmp_path)
    waiting: list[Exception] = []

    def wait() -> None:
        try:
            with cards.lease(timeout_s=tiny.LONG_S):
                pytest.fail("a dead card was given away")
        except NoCard as error:
            waiting.append(error)

    def lose(waiter: threading.Thread) -> None:
        with cards.lease(timeout_s=0):
            waiter.start()
            time.sleep(0.3)  # it polls meanwhile
            raise DeadCard("lost")

    thread = threading.Thread(target=wait)
    with pytest.raises(DeadCard):
        lose(thread)
    thread.join(tiny.LONG_S)
    assert "every card is set aside" in str(waiting[0])


@pytest.mark.parametrize("devices", [(), (-1,), (0, 0)])
def test_impossible_cards_are_refused(devices: tuple[int, ...], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected different numbers from 0"):
        Cards(tmp_path, devices)
