"""The waterfall held against the accepted one, either way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

import cv2
import PIL

from harness.expected.baselines import Baseline
from harness.images.ablation.figures import SetChange
from harness.images.ablation.pictures import ImageFile, digest
from harness.judging.verdicts import against_baseline
from harness.records import Measurement, Outcome, Verdict

ACCEPT = "python -m harness ablation --accept"

LEAST_BAND = Decimal("0.0001")
"""Levels of 255. Float32 alone moves a figure by less than a tenth of it."""

RELATIVE_BAND = Decimal("0.005")
"""Of an accepted figure in levels. The same libraries give the same figures to the last bit; with
the standard deviations left out, what float16 does falls by two percent."""

SQNR_BAND = Decimal("0.02")
"""dB: a quarter of a percent of noise."""

_PLACES = 6  # decimal places that are accepted, well below LEAST_BAND


def measurements(changes: Sequence[SetChange]) -> dict[str, Measurement]:
    """The figures of a route that are held, by name.

    For each step the mean over the images of the root mean square, and the worst image's; for the
    whole way the medians. SQNR is left out where nothing at all has changed.
    """
    last = changes[-1]
    figures = {
        **{f"{one.step.name.lower()}_mean_rms": one.mean_rms for one in changes},
        **{f"{one.step.name.lower()}_worst_rms": one.worst_own.rms for one in changes},
        "total_mean_abs": last.total.mean_abs,
        "total_rms": last.total.rms,
        "total_max_abs": last.total.max_abs,
    }
    found = {
        name: Measurement(name, round(value, _PLACES), "levels") for name, value in figures.items()
    }
    if last.sqnr_db != float("inf"):
        found["total_sqnr"] = Measurement("total_sqnr", round(last.sqnr_db, _PLACES), "dB")
    return found


def conditions(files: Sequence[ImageFile]) -> dict[str, str]:
    """What figures depend on beside the suite's own code."""
    return {
        "images": digest(files)[:16],
        "opencv": cv2.__version__,
        "pillow": PIL.__version__,
    }


def verdict(
    route: str,
    changes: Sequence[SetChange],
    baseline: Baseline,
    *,
    conditions: Mapping[str, str],
) -> Verdict:
    """Whether every figure of a route is where it was accepted.

    Inconclusive where nothing is accepted. NaN never conforms. An accepted figure that is measured
    no more does not conform either.
    """
    measured = measurements(changes)
    moved = [
        f"{name} was {accepted}, is {conditions.get(name, 'unknown')}"
        for name, accepted in baseline.conditions.items()
        if conditions.get(name) != accepted
    ]
    cause = "; ".join(moved) or "a pipeline, or the way from one to the other"
    accepted = baseline.measurements.get(route, {})
    missing = sorted(set(accepted) - set(measured))
    verdicts = [
        against_baseline(
            one,
            accepted.get(name),
            band=_band(accepted.get(name)),
            cause=cause,
            accept=ACCEPT,
        )
        for name, one in measured.items()
    ]
    failed = [one for one in verdicts if one.outcome is Outcome.DOES_NOT_CONFORM]
    if missing:
        return Verdict(
            Outcome.DOES_NOT_CONFORM,
            f"{', '.join(missing)}: accepted, and not measured any more",
            (f"accept: {ACCEPT}",),
        )
    if failed:
        rest = tuple(one.headline for one in failed[1:])
        return Verdict(Outcome.DOES_NOT_CONFORM, failed[0].headline, (*rest, *failed[0].details))
    for one in verdicts:
        if one.outcome is not Outcome.CONFORMS:
            return one
    total = next(one for one in verdicts if one.headline.startswith("total_rms"))
    return Verdict(
        Outcome.CONFORMS, f"{total.headline}, {len(verdicts)} figures as accepted in all"
    )


def _band(accepted: Measurement | None) -> Decimal:
    if accepted is None:
        return LEAST_BAND
    if accepted.unit == "dB":
        return SQNR_BAND
    value = Decimal(repr(accepted.value))
    return max(LEAST_BAND, abs(value) * RELATIVE_BAND) if value.is_finite() else LEAST_BAND
