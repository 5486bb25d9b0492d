"""A finding, and the rule that makes it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import IntEnum

from harness.lint.places import Place
from harness.lint.zoo import Zoo


class Severity(IntEnum):
    """How much a finding weighs, in order.

    An ERROR is wrong whatever anybody meant. A WARNING contradicts something else that is said, and
    it is not known which of the two is right. A NOTE is worth a look.
    """

    NOTE = 1
    WARNING = 2
    ERROR = 3

    def __str__(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for a finding, and where that stands, if it stands anywhere."""

    text: str
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """What a rule has found.

    Attributes:
        place: what is to be changed.
        about: what it is about whatever its line, as a row id and a metric: faults of one rule
            that say the same ``about`` are the same fault in two states of a page.
        message: what is wrong, in one line.
        suggestion: what to write instead, in one line.
        severity: where it is not the rule's own.
    """

    place: Place
    about: str
    message: str
    suggestion: str
    evidence: tuple[Evidence, ...] = ()
    severity: Severity | None = None


@dataclass(frozen=True, slots=True)
class LintRule:
    """One question to a zoo.

    Attributes:
        id: as it is printed, and as ``--ignore`` takes it.
        title: what is wrong where it finds something, in one line.
        help: how it is told, and what it leaves alone.
        check: every fault in a zoo, in any order.
    """

    id: str
    severity: Severity
    title: str
    help: str
    check: Callable[[Zoo], Iterable[Fault]]


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault, and the rule that found it."""

    rule: LintRule
    fault: Fault

    @property
    def severity(self) -> Severity:
        """The fault's own severity, else its rule's."""
        return self.fault.severity or self.rule.severity
