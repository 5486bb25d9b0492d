"""Result files, read strictly and written whole."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from harness.accuracy.vendor_results.lines import FORM, Guess, parse_line, render_line
from harness.errors import MeasureError, quoted
from harness.runtime.atomic import write_bytes
from harness.runtime.foreign import read_bytes

RANKS = 5
"""Lines for each image, as the vendor's decoder writes and its evaluation expects them."""

LARGEST_FILE = 2**28
"""Bytes; five lines of a KiB each for the 50,000 images of the validation set."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a network said about one image, the most probable class first.

    ``image`` is a path as the data list has it. Bytes in it that are not UTF-8 are held as
    Python holds them in file names (PEP 383).
    """

    image: str
    guesses: tuple[Guess, ...]


def write_results(path: Path, results: Iterable[Result], *, ranks: int = RANKS) -> None:
    """Write a result file, whole or not at all.

    Raises:
        MeasureError: there is no result; or one has another number of guesses, names a class
            twice, is not in the order of its scores, stands twice, or would not be read back as
            it is (a line feed in its path; a label that looks like the middle of a line).
        HarnessError: the file cannot be written.
    """
    lines: list[bytes] = []
    seen: set[str] = set()
    for result in results:
        flaw = _flaw(result.guesses, ranks)
        if not flaw and result.image in seen:
            flaw = "it stands there twice"
        if flaw:
            raise MeasureError(f"cannot write {path}: {quoted(result.image)}: {flaw}")
        seen.add(result.image)
        for rank, guess in enumerate(result.guesses):
            lines.append(_line(path, result.image, rank, guess))
    if not lines:
        raise MeasureError(f"cannot write {path}: there is no result")
    write_bytes(path, b"".join(lines))


def read_results(
    path: Path, *, labels: Sequence[str] | None = None, ranks: int = RANKS
) -> tuple[Result, ...]:
    """Read a result file, in its order.

    Args:
        path: the file; UTF-8, other bytes are kept as in file names.
        labels: the label of each class id, where lines are to be held against them.
        ranks: lines for each image.

    Raises:
        MeasureError: the file cannot be read, is empty or ends within a line or an image; a line
            has another form, is out of order, or belongs to another image; a class is named twice
            or not as in ``labels``; scores rise; an image stands there twice. Names file and line.
    """
    lines = _lines(path)
    results: list[Result] = []
    seen: dict[str, int] = {}
    for start in range(0, len(lines), ranks):
        result = _result(path, lines[start : start + ranks], start + 1, labels, ranks)
        if result.image in seen:
            raise _wrong(
                path, start + 1, f"{quoted(result.image)} stands at line {seen[result.image]} too"
            )
        seen[result.image] = start + 1
        results.append(result)
    return tuple(results)


def _lines(path: Path) -> list[str]:
    try:
        text = read_bytes(path, most=LARGEST_FILE).decode("utf-8", "surrogateescape")
    except OSError as error:
        raise MeasureError(f"cannot read {path}: {error.strerror or error}") from error
    if not text:
        raise MeasureError(f"{path} is empty, expected lines of the form {FORM}")
    *lines, rest = text.split("\n")  # and at nothing else: a path may hold other line ends
    if rest:
        raise _wrong(path, len(lines) + 1, "the line has no end, the file is cut off")
    return lines


def _result(
    path: Path, lines: Sequence[str], first: int, labels: Sequence[str] | None, ranks: int
) -> Result:
    """The result that begins at line ``first``, from as many lines as are left, at most ranks."""
    image = ""
    guesses: list[Guess] = []
    for expected, line in enumerate(lines):
        number = first + expected
        parsed = parse_line(line)
        if parsed is None:
            raise _wrong(path, number, f"{quoted(line)} is not of the form {FORM}")
        owner, rank, guess = parsed
        if rank != expected:
            raise _wrong(path, number, f"top-{rank} stands where top-{expected} is expected")
        if expected and owner != image:
            raise _wrong(
                path,
                number,
                f"top-{rank} is of {quoted(owner)}, the lines before of {quoted(image)}",
            )
        image = owner
        guesses.append(guess)
        flaw = _flaw(guesses, len(guesses)) or _mislabelled(guess, labels)
        if flaw:
            raise _wrong(path, number, flaw)
    if len(lines) < ranks:
        last = first + len(lines) - 1
        raise _wrong(path, last, f"the file ends after {len(lines)} of {ranks} lines of an image")
    return Result(image, tuple(guesses))


def _flaw(guesses: Sequence[Guess], ranks: int) -> str:
    """What is wrong with the guesses of one image, or nothing."""
    if len(guesses) != ranks:
        return f"{len(guesses)} classes are named, expected {ranks}"
    ids = [guess.class_id for guess in guesses]
    if len(set(ids)) < len(ids):
        return f"class {next(one for one in ids if ids.count(one) > 1)} is named twice"
    for before, after in pairwise(guesses):
        if not before.score >= after.score:  # NaN included
            return f"the score rises from {before.score:.8f} to {after.score:.8f}"
    return ""


def _mislabelled(guess: Guess, labels: Sequence[str] | None) -> str:
    if labels is None:
        return ""
    if guess.class_id >= len(labels):
        return f"there is no class {guess.class_id}, the label list has {len(labels)}"
    if guess.label != labels[guess.class_id]:
        found, label = quoted(guess.label), quoted(labels[guess.class_id])
        return f"class {guess.class_id} is called {found}, in the label list {label}"
    return ""


def _line(path: Path, image: str, rank: int, guess: Guess) -> bytes:
    line = render_line(image, rank, guess)
    kept = image, rank, guess.class_id, guess.label
    if "\n" not in line and kept == _read_back(line):
        return line.encode("utf-8", "surrogateescape") + b"\n"
    raise MeasureError(f"cannot write {path}: {quoted(line)} would not be read back as it is")


def _read_back(line: str) -> tuple[str, int, int, str] | None:
    try:
        encoded = line.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return None
    parsed = parse_line(encoded.decode("utf-8", "surrogateescape"))
    return parsed and (parsed[0], parsed[1], parsed[2].class_id, parsed[2].label)


def _wrong(path: Path, line: int, message: str) -> MeasureError:
    return MeasureError(f"{path}:{line}: {message}")
