"""The accelerator cards of this machine: one case at a time on each, whoever asks.

A card is held by a lock on a file, which the operating system lets go of when the process that
holds it ends, however it ends. A card that died is set aside by a file beside it, until somebody
who has looked at it removes that file.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from harness.errors import DeadCard, HarnessError, NoCard, RunHang
from harness.runtime.atomic import write_text

LOG = logging.getLogger(__name__)

POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Cards:
    """The cards that cases may use.

    Attributes:
        folder: where the lock files lie; one for all processes of the machine.
        devices: numbers of the cards, as the runner's ``-d`` takes them.
    """

    folder: Path
    devices: tuple[int, ...] = (0,)

    def __post_init__(self) -> None:
        valid = all(device >= 0 for device in self.devices)
        if not self.devices or not valid or len(set(self.devices)) < len(self.devices):
            raise ValueError(f"cards {list(self.devices)}, expected different numbers from 0")

    def set_aside(self) -> Mapping[int, str]:
        """The cards that are not used, each with its reason."""
        aside = {}
        for device in self.devices:
            try:
                aside[device] = self._mark(device).read_text(encoding="utf-8").strip()
            except FileNotFoundError:
                continue
            except (OSError, ValueError) as error:
                aside[device] = f"{self._mark(device)} cannot be read: {error}"
        return aside

    @contextmanager
    def lease(self, *, timeout_s: float, owner: str = "") -> Iterator[int]:
        """Hold a card alone; one on which a case hangs or which is lost is set aside.

        Args:
            timeout_s: seconds to wait for one.
            owner: what for, as the log and a card's mark say it.

        Raises:
            NoCard: all are set aside, or none became free in time.
        """
        device, lock = self._acquire(timeout_s, owner)
        try:
            yield device
        except (DeadCard, RunHang) as error:
            reason = f"{type(error).__name__} at {owner or 'a case'}: {error.message}"
            LOG.warning("card %d is set aside: %s", device, reason)
            write_text(self._mark(device), f"{reason}\n")
            raise
        finally:
            lock.release()

    def _acquire(self, timeout_s: float, owner: str) -> tuple[int, FileLock]:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise HarnessError(f"cards {self.folder}: {error.strerror or error}") from error
        deadline = time.monotonic() + timeout_s
        waiting = False
        while True:
            aside = self.set_aside()
            usable = [device for device in self.devices if device not in aside]
            if not usable:
                raise NoCard(self._none_left(aside))
            for device in usable:
                lock = FileLock(self.folder / f"card-{device}.lock", thread_local=False)
                try:
                    lock.acquire(blocking=False)
                except Timeout:
                    continue
                if device not in self.set_aside():  # its last holder may have lost it just now
                    return device, lock
                lock.release()
            if time.monotonic() >= deadline:
                cards = ", ".join(map(str, usable))
                raise NoCard(f"none of the cards {cards} became free within {timeout_s:g} s")
            if not waiting:
                LOG.info("%s waits for a card", owner or "a case")
                waiting = True
            time.sleep(POLL_SECONDS)

    def _none_left(self, aside: Mapping[int, str]) -> str:
        cards = "; ".join(
            f"card {device}: {reason} (remove {self._mark(device)} to use it again)"
            for device, reason in aside.items()
        )
        return f"every card is set aside: {cards}"

    def _mark(self, device: int) -> Path:
        return self.folder / f"card-{device}.aside"
