"""Rate and remaining time on a terminal; a line at either end where there is none."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text


class RateColumn(ProgressColumn):
    """Images a second since the start, those known from before left out."""

    def render(self, task: Task) -> Text:
        """The rate, once there is one."""
        evaluated, spent = task.completed - task.fields["done"], task.elapsed
        return Text(f"{evaluated / spent:.1f} images/s" if evaluated and spent else "")


@contextmanager
def shown(
    what: str, *, total: int, done: int = 0, stream: TextIO | None = None
) -> Iterator[Callable[[int], None]]:
    """Show how an evaluation goes on; gives what is to be told how many images were evaluated.

    Args:
        what: is evaluated.
        total: images.
        done: of them known from before, which count for no rate.
        stream: by default standard error.
    """
    stream = stream or sys.stderr
    if stream.isatty():
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            RateColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=Console(file=stream), transient=True) as progress:
            task = progress.add_task(what, total=total, completed=done, done=done)
            yield lambda images: progress.advance(task, images)
        return
    count, began = 0, time.monotonic()

    def advance(images: int) -> None:
        nonlocal count
        count += images

    known = f", {done} known" if done else ""
    print(f"{what}: {total} images{known}", file=stream, flush=True)
    try:
        yield advance
    finally:
        spent = time.monotonic() - began
        rate = f", {count / spent:.1f} images/s" if count and spent else ""
        print(f"{what}: {count} images evaluated in {spent:.0f} s{rate}", file=stream, flush=True)
