"""A bar on a terminal, two lines in CI."""

from __future__ import annotations

import io

import pytest

from harness.accuracy.progress import shown


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_without_a_terminal_there_is_a_line_at_either_end() -> None:
    stream = io.StringIO()
    with shown("row fp32", total=100, done=20, stream=stream) as advance:
        for _ in range(8):
            advance(10)
    first, last = stream.getvalue().splitlines()
    assert first == "row fp32: 100 images, 20 known"
    assert last.startswith("row fp32: 80 images evaluated in ")
    assert last.endswith(" images/s")


def test_a_run_that_fails_still_says_how_far_it_came() -> None:
    stream = io.StringIO()

    def fail() -> None:
        with shown("row", total=9, stream=stream) as advance:
            advance(3)
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        fail()
    assert "row: 3 images evaluated" in stream.getvalue()


def test_a_terminal_shows_rate_and_remaining_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    with shown("row fp32", total=100, stream=stream) as advance:
        advance(100)
    assert "100/100" in stream.getvalue()
    assert "images/s" in stream.getvalue()
    assert "evaluated in" not in stream.getvalue()
