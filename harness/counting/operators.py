"""What a network's operators are set to, in words: what no count of them sees."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

ORDER = "order"
"""The key of the digest of all operators in the order in which they run."""
_DIGITS = 12


class OperatorKind(StrEnum):
    """What an operator does; those that only move numbers are of no kind."""

    CONVOLUTION = "convolutions"
    PRODUCT = "products"
    NORM = "norms"
    POOL = "pools"
    ACTIVATION = "activations"
    OTHER = "others"


KINDS = (*(str(kind) for kind in OperatorKind), ORDER)


@dataclass(frozen=True, slots=True)
class Operator:
    """One executed operator: its settings in words, and the channels that it gives."""

    kind: OperatorKind
    text: str
    channels: int


def in_words(operators: Iterable[Operator]) -> dict[str, str]:
    """The settings of each kind with how often they occur, and a digest of the order.

    >>> relu = Operator(OperatorKind.ACTIVATION, "relu", 8)
    >>> in_words([relu, relu])
    {'activations': '2 × relu', 'order': 'd236d407abc6'}
    """
    known = list(operators)
    told = {}
    for kind in OperatorKind:
        counted = Counter(one.text for one in known if one.kind is kind)
        if counted:
            told[str(kind)] = "; ".join(f"{count} × {text}" for text, count in counted.items())
    sequence = "\n".join(f"{one.kind} {one.text} {one.channels}" for one in known)
    return told | {ORDER: hashlib.sha256(sequence.encode()).hexdigest()[:_DIGITS]}


def convolution(
    kernel: Sequence[int],
    *,
    stride: Sequence[int],
    padding: Sequence[int] | str,
    dilation: Sequence[int],
    groups: int,
    transposed: bool = False,
) -> str:
    """A convolution's settings, but for what every plain one has.

    >>> convolution((3, 3), stride=(2, 2), padding=(1, 1), dilation=(1, 1), groups=32)
    '3×3 stride 2 padding 1 groups 32'
    """
    parts = ["×".join(map(str, kernel))]
    parts += ["transposed"] * transposed
    plain = (("stride", stride, "1"), ("padding", padding, "0"), ("dilation", dilation, "1"))
    parts += [f"{name} {sides(of)}" for name, of, usual in plain if sides(of) != usual]
    return " ".join([*parts, *([f"groups {groups}"] if groups != 1 else [])])


def sides(values: Sequence[int] | str) -> str:
    """One number for all sides where they are equal.

    >>> sides((1, 1)), sides([0, 1])
    ('1', '0×1')
    """
    if isinstance(values, str):
        return values
    return str(values[0]) if len(set(values)) == 1 else "×".join(map(str, values))


def number(value: float) -> str:
    """A setting to six digits: some frameworks hold it in float32.

    >>> number(9.999999747378752e-06), number(1)
    ('1e-05', '1')
    """
    return f"{value:.6g}"


def differences(found: Mapping[str, str], pinned: Mapping[str, str]) -> list[str]:
    """A sentence for each kind that is not as pinned; of the order only where no kind differs.

    >>> differences({"norms": "2 × a; 1 × b"}, {"norms": "3 × a"})
    ['norms: 2 × a; 1 × b, pinned 3 × a']
    """
    told = []
    for kind in OperatorKind:
        ours, theirs = (one.get(kind, "").split("; ") for one in (found, pinned))
        here = [text for text in ours if text not in theirs]
        there = [text for text in theirs if text not in ours]
        if here or there:
            told.append(f"{kind}: {_listed(here)}, pinned {_listed(there)}")
    if not told and found != pinned:
        return [f"{ORDER} of operators: {found.get(ORDER)}, pinned {pinned.get(ORDER)}"]
    return told


def _listed(texts: Iterable[str]) -> str:
    return "; ".join(filter(None, texts)) or "none"
