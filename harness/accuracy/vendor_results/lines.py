"""One line of a result file."""

from __future__ import annotations

import re
from dataclasses import dataclass

FORM = "<npz path>: Relay top-<rank> id: <class id>, prob: <8 decimals>, class name: <label>"

_LINE = re.compile(
    r"(?P<image>.+): Relay top-(?P<rank>[0-9]{1,9}) id: (?P<id>[0-9]{1,9}), "
    r"prob: (?P<score>-?[0-9]{1,39}\.[0-9]{8}), class name: (?P<label>.*)",  # float32 ends at 3e38
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Guess:
    """A class that was named for an image.

    Attributes:
        class_id: its position in the network's output.
        score: what the file calls ``prob``: a probability where the compiled graph ends in a
            softmax, and the logit where it does not.
        label: what the label list calls the class; two classes may share a label.
    """

    class_id: int
    score: float
    label: str


def render_line(image: str, rank: int, guess: Guess) -> str:
    """The line, without its end.

    >>> render_line("/npz/n01440764/a.npz", 0, Guess(0, 0.5, "tench, Tinca tinca"))
    '/npz/n01440764/a.npz: Relay top-0 id: 0, prob: 0.50000000, class name: tench, Tinca tinca'
    """
    return (
        f"{image}: Relay top-{rank} id: {guess.class_id}, prob: {guess.score:.8f}, "
        f"class name: {guess.label}"
    )


def parse_line(line: str) -> tuple[str, int, Guess] | None:
    """Image, rank and guess of a line without its end, or None where it has another form.

    Whatever stands before the last ``: Relay top-`` that fits is the path, so a path may hold
    colons, spaces, and even a whole such line. White space around the label is not part of it.
    """
    match = _LINE.fullmatch(line)
    if match is None:
        return None
    guess = Guess(int(match["id"]), float(match["score"]), match["label"].strip())
    return match["image"], int(match["rank"]), guess
