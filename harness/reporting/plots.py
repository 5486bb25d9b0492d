"""Plots as SVG, made of what a run measured; they say in words what they show.

No colour stands alone: what was measured is a dot, a limit a line with a foot, a band a dashed box.
All figures are finite: what is no number is left out by whoever asks for a plot.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup

WIDTH = 360
"""Units of the drawing, so that its letters can be read on a screen of 390 pixels."""

LARGEST = 1e12
"""Beyond it a figure is of no use on an axis, and its line is left out."""

_LABEL, _RIGHT = 112, 52  # what names and figures take, left and right of a plot
_STEP, _TOP = 30, 8


@dataclass(frozen=True, slots=True)
class Span:
    """A measured figure against what it is held to.

    Attributes:
        label: short; what was measured, on what.
        measured: the figure.
        text: the figure as printed.
        told: the whole comparison in words, for those who cannot see the plot.
        band: within which it conforms, or None.
        limit: a bound on one side, or None.
        reach: how far sampling may have moved the figure either way; 0 where all images are known.
    """

    label: str
    measured: float
    text: str
    told: str
    band: tuple[float, float] | None = None
    limit: float | None = None
    reach: float = 0.0

    @property
    def ends(self) -> list[float]:
        """Every figure that has to be in sight."""
        found = [self.measured - self.reach, self.measured + self.reach, *(self.band or ())]
        return found if self.limit is None else [*found, self.limit]


def spans(title: str, unit: str, rows: Sequence[Span]) -> Markup:
    """Measured figures, a line each, on one axis; "" where there are none."""
    rows = [row for row in rows if all(abs(end) <= LARGEST for end in row.ends)]
    if not rows:
        return Markup()
    ends = [end for row in rows for end in row.ends]
    least, most = min(ends), max(ends)
    room = (most - least) * 0.08 or abs(most) * 0.08 or 1.0
    axis = _Axis(least - room, most + room)
    parts = [_span(row, axis, _TOP + index * _STEP) for index, row in enumerate(rows)]
    height = _TOP + len(rows) * _STEP
    told = f"{title}: " + "; ".join(row.told for row in rows)
    return _drawing(told, height + 24, [*parts, axis.drawn(height, unit)])


def bars(title: str, unit: str, rows: Sequence[tuple[str, float]]) -> Markup:
    """Amounts of at least 0, a bar each; "" where there are none."""
    rows = [(label, amount) for label, amount in rows if 0 <= amount <= LARGEST]
    if not rows:
        return Markup()
    axis = _Axis(0.0, max(amount for _, amount in rows) or 1.0)
    parts = []
    for index, (label, amount) in enumerate(rows):
        top = _TOP + index * 20
        shown = f"{amount:.3g}"
        parts.append(
            Markup(
                '<text x="{}" y="{}" class="l">{}</text>'
                '<rect x="{}" y="{}" width="{:.1f}" height="13" class="bar"/>'
                '<text x="{:.1f}" y="{}">{}</text>'
            ).format(
                *(_LABEL - 6, top + 11, _cut(label)),
                *(_LABEL, top, max(axis.at(amount) - _LABEL, 0.5)),
                *(axis.at(amount) + 4, top + 11, shown),
            )
        )
    told = f"{title} in {unit}: " + ", ".join(f"{label} {amount:.3g}" for label, amount in rows)
    return _drawing(told, _TOP + len(rows) * 20 + 4, parts)


def over_time(
    title: str,
    unit: str,
    points: Sequence[tuple[datetime, float]],
    steps: Collection[datetime] = (),
    *,
    band: tuple[float, float] | None = None,
    changes: Collection[datetime] = (),
) -> Markup:
    """A figure over time, the oldest first; "" where there are no figures.

    Args:
        steps: runs in which it came to another level, marked by a ring.
        band: within which it is accepted, a dashed box.
        changes: runs from which on other versions were used, a dashed line.
    """
    drawn = [(when, value) for when, value in points if abs(value) <= LARGEST]
    if not drawn:
        return Markup()
    first, last = drawn[0][0], drawn[-1][0]
    length = (last - first).total_seconds() or 1.0
    least, most = min(value for _, value in drawn), max(value for _, value in drawn)
    height, right = 90.0, WIDTH - 12
    low, high = (min(least, band[0]), max(most, band[1])) if band else (least, most)

    def across(when: datetime) -> float:
        return _LABEL + (right - _LABEL) * (when - first).total_seconds() / length

    def down(value: float) -> float:
        return _TOP + height * (1 - ((value - low) / (high - low) if high > low else 0.5))

    places = [(across(when), down(value)) for when, value in drawn]
    parts = []
    if band:
        box = '<rect x="{}" y="{:.1f}" width="{}" height="{:.1f}" class="band"/>'
        top, bottom = down(band[1]), down(band[0])
        parts.append(Markup(box).format(_LABEL, top, right - _LABEL, bottom - top))
    changed = sorted(when for when in changes if first < when <= last)
    stroke = Markup('<path d="M{:.1f} {}v{}" class="change"/>')
    parts += [stroke.format(across(when), _TOP, height) for when in changed]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    parts.append(Markup('<polyline points="{}" class="axis"/>').format(line))
    marks = Markup('<circle cx="{:.1f}" cy="{:.1f}" r="{}" class="{}"/>')
    for (when, _), (x, y) in zip(drawn, places, strict=True):
        if when in steps or when == last:
            parts.append(marks.format(x, y, 4, "dot" if when == last else "limit"))
    texts = Markup('<text x="{}" y="{}" class="{}">{}</text>')
    for value, y in {high: _TOP + 8, low: _TOP + height}.items():
        parts.append(texts.format(_LABEL - 6, y, "l", f"{value:.5g} {unit}".rstrip()))
    for when, x, side in ((first, _LABEL, "s"), (last, right, "e")):
        parts.append(texts.format(x, _TOP + height + 20, side, f"{when:%Y-%m-%d}"))
    moved = ", ".join(f"{when:%Y-%m-%d}" for when in sorted(steps)) or "never"
    told = (
        f"{title}: {len(drawn)} runs, from {least:.5g} to {most:.5g} {unit}, last "
        f"{drawn[-1][1]:.5g}, moved {moved}"
    )
    if band:
        told += f", accepted from {band[0]:.5g} to {band[1]:.5g}"
    if changed:
        told += f", other versions since {', '.join(f'{when:%Y-%m-%d}' for when in changed)}"
    return _drawing(told, _TOP + height + 28, parts)


@dataclass(frozen=True, slots=True)
class _Axis:
    least: float
    most: float

    def at(self, value: float) -> float:
        room = WIDTH - _LABEL - _RIGHT
        return _LABEL + room * (value - self.least) / (self.most - self.least)

    def drawn(self, top: float, unit: str) -> Markup:
        ends = [(self.least, "s"), (self.most, "e")]
        labels = [
            Markup('<text x="{:.1f}" y="{}" class="{}">{:.4g}{}</text>').format(
                self.at(value), top + 16, side, value, f" {unit}" if side == "e" and unit else ""
            )
            for value, side in ends
        ]
        line = Markup('<path d="M{} {}H{}" class="axis"/>').format(_LABEL, top, WIDTH - _RIGHT)
        return line + Markup().join(labels)


def _span(row: Span, axis: _Axis, top: int) -> Markup:
    middle = top + 12
    drawn = Markup('<text x="{}" y="{}" class="l">{}</text>').format(
        _LABEL - 6, middle + 4, _cut(row.label)
    )
    if row.band:
        low, high = (axis.at(end) for end in row.band)
        drawn += Markup('<rect x="{:.1f}" y="{}" width="{:.1f}" height="16" class="band"/>').format(
            low, middle - 8, max(high - low, 1.5)
        )
    if row.limit is not None:
        drawn += Markup('<path d="M{0:.1f} {1}v18m-3 0h6" class="limit"/>').format(
            axis.at(row.limit), middle - 9
        )
    if row.reach:
        drawn += Markup('<path d="M{:.1f} {}H{:.1f}" class="reach"/>').format(
            axis.at(row.measured - row.reach), middle, axis.at(row.measured + row.reach)
        )
    drawn += Markup('<circle cx="{:.1f}" cy="{}" r="4" class="dot"/>').format(
        axis.at(row.measured), middle
    )
    return drawn + Markup('<text x="{}" y="{}">{}</text>').format(
        WIDTH - _RIGHT + 6, middle + 4, _cut(row.text, 9)
    )


def _drawing(told: str, height: float, parts: Sequence[Markup]) -> Markup:
    return Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        WIDTH, height, told, Markup().join(parts)
    )


def _cut(label: str, most: int = 19) -> str:
    return label if len(label) <= most else f"{label[: most - 1]}…"
