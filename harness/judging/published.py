"""A documented accuracy against what upstream publishes for exactly that variant.

Nothing is measured here: two published figures are compared, and how they were measured.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

from harness.judging.verdicts import conforms
from harness.records import Claim, Figure, Measurement, Metric, Outcome, Tolerance, Verdict

METRICS = (Metric.TOP1, Metric.TOP5)
"""What is published of a variant, in per cent of the 50,000 validation images."""


Statistics = tuple[float, float, float]
"""Of R, G and B, in fractions of the highest level."""

USUAL_MEAN: Statistics = (0.485, 0.456, 0.406)
USUAL_STD: Statistics = (0.229, 0.224, 0.225)  # both of ImageNet; torchvision's reference scripts
_SAME_STATISTICS = 5e-4  # an eighth of a level of 255: pages print three places


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How images reach a network.

    Attributes:
        size: height and width of the input, in pixels.
        crop: the share of the resized short side that the centre crop keeps: 224 of 256 is 7/8.
        interpolation: the resize kernel, as ``bilinear``.
        mean, std: what is taken off, and divided by; None where that is not known.
        crop_mode: how the crop is taken, as timm calls it: ``center``, ``squash``, ``border``.
    """

    size: int
    crop: Fraction
    interpolation: str
    mean: Statistics | None = None
    std: Statistics | None = None
    crop_mode: str = "center"

    def __str__(self) -> str:
        told = [f"{self.size} px, crop {float(self.crop):.4g}, {self.interpolation}"]
        for name, usual in (("mean", USUAL_MEAN), ("std", USUAL_STD)):
            own = getattr(self, name)
            if own is not None and not same_statistics(own, usual):
                told.append(f"{name} {' '.join(f'{x:.4g}' for x in own)}")
        told += [f"crop mode {self.crop_mode}"] * (self.crop_mode != "center")
        return ", ".join(told)

    def differs(self, other: Preprocessing) -> tuple[str, ...]:
        """The names of what is not the same; what one of the two does not say is not compared."""
        exact = ("size", "crop", "interpolation", "crop_mode")
        return (
            *(name for name in exact if getattr(self, name) != getattr(other, name)),
            *(
                name
                for name in ("mean", "std")
                if (mine := getattr(self, name)) is not None
                and (theirs := getattr(other, name)) is not None
                and not same_statistics(mine, theirs)
            ),
        )


def statistics(values: Iterable[object]) -> Statistics:
    """Three numbers of somebody's, of R, G and B.

    Raises:
        ValueError: there are more or fewer.
    """
    red, green, blue = (float(str(value)) for value in values)
    return red, green, blue


def same_statistics(one: Statistics, other: Statistics) -> bool:
    """Whether they are the same but for how they are printed. NaN is the same as nothing."""
    return all(abs(x - y) <= _SAME_STATISTICS for x, y in zip(one, other, strict=True))


@dataclass(frozen=True, slots=True)
class Published:
    """One published measurement of one variant.

    Attributes:
        model: the variant, under the name it is pinned by.
        table: where it is published.
        preprocessing: how it was measured.
        top1, top5: in per cent. NaN is kept, and conforms to nothing.
    """

    model: str
    table: str
    preprocessing: Preprocessing
    top1: Decimal
    top5: Decimal

    def value(self, metric: Metric) -> Decimal:
        """Top-1 or top-5, in per cent.

        Raises:
            KeyError: the metric is neither.
        """
        return {Metric.TOP1: self.top1, Metric.TOP5: self.top5}[metric]

    def prints(self, metric: Metric, figure: Figure) -> bool:
        """Whether the figure, rounded as printed, is this one. NaN prints nothing."""
        value = self.value(metric)
        return value.is_finite() and figure.prints(Fraction(value))

    def __str__(self) -> str:
        return f"{self.model} at {self.preprocessing} in {self.table}"


@dataclass(frozen=True, slots=True)
class FigureDefect:
    """A documented figure that is not the published one: both, and why."""

    documented: Figure
    published: Decimal
    cause: str


@dataclass(frozen=True, slots=True)
class PreprocessingDefect:
    """A figure that was measured in another way than the page describes: how, and what of it."""

    measured: Preprocessing
    cause: str


def judge_figure(
    claim: Claim,
    published: Published,
    *,
    noise: Tolerance,
    copied: Sequence[Published],
    others: Iterable[Published],
    defect: FigureDefect | None,
) -> Verdict:
    """Whether a documented accuracy is the published one.

    It may differ by half a unit of its last printed digit, and by the noise of re-measuring. Where
    it is known from which table the page was copied, it must also be a figure of that table, to
    the digit: noise hides no changed digit. A known defect must still be exactly the known one.

    Args:
        claim: top-1 or top-5 of the page, in per cent.
        published: what upstream publishes for the variant at the documented input size.
        noise: how far figures of this table move when they are measured again, in points.
        copied: the variant's results in the table that the page was copied from, or none.
        others: further published results, in which the cause of a difference is looked for.
        defect: what is known to be wrong with this figure.
    """
    metric = claim.metric
    value = published.value(metric)
    tolerance = Tolerance((("print", claim.figure.half_unit), *noise.parts), noise.reason)
    verdict = conforms(
        Measurement(f"published {metric}", float(value), claim.unit),
        claim,
        tolerance,
        cause=_cause(claim, published, (*copied, *others)),
    )
    sources = [each for each in copied if each.prints(metric, claim.figure)]
    told = (
        f"published as {published}",
        *(f"documented to the digit as {each}" for each in sources[:1]),
    )
    if defect is not None:
        return _judge_defect(verdict, claim, value, defect, told=told)
    if verdict.outcome is Outcome.CONFORMS and copied and not sources:
        stands = "; ".join(f"{each.value(metric)} as {each}" for each in copied)
        return Verdict(
            Outcome.DOES_NOT_CONFORM,
            verdict.headline,
            (
                f"within the noise of re-measuring, but the page was copied from: {stands}",
                f"likely cause: {_cause(claim, published, (*copied, *others))}",
            ),
        )
    return replace(verdict, details=(*told, *verdict.details))


def judge_preprocessing(
    page: Preprocessing,
    measured: Published,
    *,
    defect: PreprocessingDefect | None,
) -> Verdict:
    """Whether the documented accuracy was measured in the way that the page describes.

    Size, crop, kernel, mean and deviation have to be equal, the last two where both sides say them;
    what is not compared is told. A known defect must still be exactly the known one.

    Args:
        page: the page's own pipeline, at the row's documented input size.
        measured: the published result that the documented figures come from.
        defect: what is known to be different.
    """
    headline = f"measured at {measured.preprocessing}, documented {page}"
    differing = measured.preprocessing.differs(page)
    told = f"published as {measured}"
    if defect is None and not differing:
        return Verdict(Outcome.CONFORMS, headline, (told, *_not_compared(page, measured)))
    if defect is None:
        cause = f"likely cause: the figure was copied without its {_shown(differing, measured)}"
        return Verdict(Outcome.DOES_NOT_CONFORM, headline, (told, cause))
    if not differing or defect.measured.differs(measured.preprocessing):
        stale = f"the documentation defect listed for this row says measured at {defect.measured}"
        cause = "likely cause: the page was corrected; then update expected/published"
        return Verdict(Outcome.DOES_NOT_CONFORM, headline, (told, stale, cause))
    return Verdict(Outcome.CONFORMS, headline, (told, f"known defect: {defect.cause}"))


def _judge_defect(
    verdict: Verdict,
    claim: Claim,
    value: Decimal,
    defect: FigureDefect,
    *,
    told: tuple[str, ...],
) -> Verdict:
    problem = ""
    if defect.documented != claim.figure:
        problem = (
            f"the documentation defect listed for this figure says {defect.documented.text}, the "
            f"page now says {claim.figure.text}"
        )
    elif defect.published != value:
        problem = (
            f"the documentation defect listed for this figure says that {defect.published} is "
            f"published, now it is {value}"
        )
    elif verdict.outcome is Outcome.CONFORMS:
        problem = "a documentation defect is listed for this figure, but it is the published one"
    if not problem:
        known = f"known defect: {defect.cause}"
        return Verdict(Outcome.CONFORMS, verdict.headline, (*told, known))
    cause = "likely cause: the page or upstream was corrected; then update expected/published"
    return Verdict(
        Outcome.DOES_NOT_CONFORM,
        verdict.headline,
        (
            *told,
            problem,
            cause,
        ),
    )


def _cause(claim: Claim, published: Published, others: Iterable[Published]) -> str:
    """Of which published result the documented figure is, to the digit: of this variant first."""
    (other_metric,) = set(METRICS) - {claim.metric}
    if published.prints(other_metric, claim.figure):
        return f"this is the published {other_metric}: top1 and top5 are swapped"
    exact = [each for each in others if each.prints(claim.metric, claim.figure)]
    own = [each for each in exact if each.model == published.model]
    if own and own[0].preprocessing != published.preprocessing:
        return f"the figure is that of {own[0]}, not at {published.preprocessing}"
    if own:
        return f"the figure is that of {own[0]}, and has been measured anew since"
    foreign = [each for each in exact if each.model != published.model]
    if foreign:
        return (
            f"the figure is that of another variant: {'; '.join(str(one) for one in foreign[:3])}"
        )
    return "a digit of the page was changed, or the figure is of weights that are not published"


def _shown(names: Iterable[str], measured: Published) -> str:
    return ", ".join(
        f"{name.replace('_', ' ')} ({_plain(getattr(measured.preprocessing, name))})"
        for name in names
    )


def _plain(value: object) -> str:
    return " ".join(f"{x:.4g}" for x in value) if isinstance(value, tuple) else str(value)


def _not_compared(page: Preprocessing, measured: Published) -> tuple[str, ...]:
    if page.mean is None:
        return ("mean and deviation are not compared: the page does not say them",)
    if measured.preprocessing.mean is None:
        return ("mean and deviation are not compared: upstream's table does not say them",)
    return ()
