"""Libraries and counts that say what a test wants them to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from types import SimpleNamespace

from harness.counting.counts import Counts
from harness.expected.variants import Variant
from harness.judging.published import Preprocessing, Published
from harness.records import Claim, Figure, Metric, Row
from harness.resolving.counting import Counted
from harness.sources.choices import Choice, Preferred

UNITS = {Metric.TOP1: "%", Metric.TOP5: "%", Metric.PARAMS: "M", Metric.INPUT_SIZE: "px"}


def row(name: str, *, source: str = "lib", link: str = "", unit: str = "G", **figures: str) -> Row:
    """A documented row; figures by metric, as ``top1="76.1"``."""
    claims = tuple(
        Claim(Metric(key), Figure(text), UNITS.get(Metric(key), unit), key, 7, 1)
        for key, text in figures.items()
    )
    return Row(f"page/{source}/{name}", source, name, link, 7, 1, claims)


def choice(model: str, *accuracies: tuple[str, str, int]) -> Choice:
    """A model with its published accuracies: top-1, top-5, input size."""
    published = tuple(
        Published(
            model,
            "a table",
            Preprocessing(size, Fraction(7, 8), "bilinear"),
            Decimal(top1),
            Decimal(top5),
        )
        for top1, top5, size in accuracies
    )
    return Choice(model, model.split(".")[0], f"{model}.pth", 224, published)


@dataclass
class Shelf:
    """A library of these choices, by name."""

    offered: Mapping[str, tuple[Choice, ...]]
    old: Mapping[str, str] = field(default_factory=dict)
    default: str = ""
    title: str = "shelf 1.0"

    def names(self) -> Mapping[str, str]:
        return {name: name for name in self.offered}

    def renamed(self) -> Mapping[str, str]:
        return self.old

    def choices(self, name: str) -> tuple[Choice, ...]:
        return self.offered[name]

    def preferred(self, row: Row, choices: tuple[Choice, ...]) -> Preferred | None:  # noqa: ARG002
        found = [one for one in choices if one.model == self.default]
        return Preferred(found[0], "the default of the documented version") if found else None


@dataclass
class Tally:
    """Counts of models by rule, and by input size where it is another than 224 pixels.

    In place of networks. ``asked`` are the rules that were applied.
    """

    counts: Mapping[tuple[str, str] | tuple[str, str, int], Counts]
    true_params: int = 25_557_032
    asked: list[str] = field(default_factory=list)

    def count(self, variant: Variant, size: int, rule: str) -> Counts | None:
        self.asked.append(rule)
        key = (variant.model, rule)
        return self.counts.get(key if size == 224 else (*key, size))

    def network(self, variant: Variant, size: int) -> SimpleNamespace:  # noqa: ARG002
        return SimpleNamespace(framework="torch")

    def params(self, variant: Variant, size: int) -> int:  # noqa: ARG002
        return self.true_params


def counted(name: str, metric: str, figure: str, *, unit: str = "G") -> Counted:
    """A row of the source timm that claims one count."""
    documented = row(name, source="timm", unit=unit, **{metric: figure})
    variant = Variant(documented.id, "timm", name, f"{name}.pth", name)
    return Counted(documented.id, variant, 224, documented.claims[0])
