"""Documented accuracies: their order, and the input size that they were published at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Final

from harness.judging.page import int8_verdict
from harness.judging.published import METRICS, Published
from harness.lint.findings import Evidence, Fault, LintRule, Severity
from harness.lint.known import Known
from harness.lint.zoo import LintedPage, Zoo
from harness.records import Claim, Metric, Outcome, Row

_REMEASURED: Final = Decimal("0.3")  # points; three times what measuring again has changed


def _top_order(zoo: Zoo) -> Iterator[Fault]:
    for page, row in zoo.rows():
        top1, top5 = row.claim(Metric.TOP1), row.claim(Metric.TOP5)
        if top1 and top5 and top1.value > top5.value:
            yield Fault(
                page.of_claim(top1),
                f"{row.id} top1",
                f"top-1 {top1.figure.text} is above top-5 {top5.figure.text}",
                f"if the cells are swapped: top-1 {top5.figure.text}, top-5 {top1.figure.text}",
                evidence=(Evidence(f"top-5 {top5.figure.text}", page.of_claim(top5)),),
            )


def _int8(zoo: Zoo) -> Iterator[Fault]:
    for page, row in zoo.rows():
        for metric in (Metric.INT8_TOP1, Metric.INT8_TOP5):
            in_int8, in_float = row.claim(metric), row.claim(metric.in_float)
            if in_int8 is None or in_float is None:
                continue
            verdict = int8_verdict(in_int8, in_float)
            if verdict.outcome is not Outcome.CONFORMS:
                yield Fault(
                    page.of_claim(in_int8),
                    f"{row.id} {metric}",
                    verdict.headline,
                    "the accuracy of this model in int8",
                    evidence=(Evidence(in_float.figure.text, page.of_claim(in_float)),),
                )


def _size_of_accuracy(zoo: Zoo) -> Iterator[Fault]:
    for page, row in zoo.rows():
        size = row.claim(Metric.INPUT_SIZE)
        claims = [claim for metric in METRICS if (claim := row.claim(metric))]
        if not size or not claims:
            continue
        known = zoo.known(row)
        here = [one for one in known.results if one.preprocessing.size == size.value]
        there = [one for one in known.results if one.preprocessing.size != size.value]
        if any(_is_of(claims, one, known) for one in here):
            continue
        elsewhere = [one for one in there if _is_of(claims, one, known)]
        if elsewhere:
            here.sort(key=lambda one: one.model != elsewhere[0].model)  # the same weights first
            yield _of_other_size(page, row, size, claims, elsewhere[0], here)


def _is_of(claims: Sequence[Claim], published: Published, known: Known) -> bool:
    """Whether all documented figures are those of one published result, give or take the print
    and what measuring again may change."""
    return all(
        published.value(claim.metric).is_finite()
        and abs(Fraction(published.value(claim.metric)) - Fraction(claim.figure.value))
        <= Fraction(claim.figure.half_unit) + known.noise
        for claim in claims
    )


def _of_other_size(
    page: LintedPage,
    row: Row,
    size: Claim,
    claims: Sequence[Claim],
    published: Published,
    here: Sequence[Published],
) -> Fault:
    figures = " / ".join(claim.figure.text for claim in claims)
    right = [" / ".join(str(one.value(claim.metric)) for claim in claims) for one in here]
    instead = f"input size {published.preprocessing.size}"
    if right:
        instead += f", or {right[0]} at {size.figure.text}"
    return Fault(
        page.of_claim(claims[0]),
        f"{row.id} {claims[0].metric}",
        f"{figures} is published at {published.preprocessing.size} px, and not at "
        f"{size.figure.text} px as documented",
        instead,
        evidence=(
            Evidence(f"published as {published}"),
            *(
                Evidence(f"published as {one}: {text}")
                for one, text in zip(here, right, strict=True)
            ),
            Evidence(f"documented input size {size.figure.text}", page.of_claim(size)),
        ),
    )


def _mistyped(zoo: Zoo) -> Iterator[Fault]:
    for page, row in zoo.rows():
        claims = [claim for metric in METRICS if (claim := row.claim(metric))]
        results = zoo.known(row).results
        if len(claims) < 2 or any(_prints(claims, one) for one in results):
            continue
        for claim, beside in zip(claims, reversed(claims), strict=True):
            near = [one for one in results if one.prints(beside.metric, beside.figure)]
            slips = {(slip, one) for one in near if (slip := _slip(claim, one))}
            if len({slip for slip, _ in slips}) == 1:
                slip, one = min(slips, key=lambda found: found[1].model)
                yield Fault(
                    page.of_claim(claim),
                    f"{row.id} {claim.metric}",
                    f"{claim.metric} {claim.figure.text} is {slip} but for a digit, which is "
                    f"published with the row's {beside.metric}, {beside.figure.text}",
                    slip,
                    evidence=(Evidence(f"published as {one}"),),
                )


def _prints(claims: Sequence[Claim], published: Published) -> bool:
    return all(published.prints(claim.metric, claim.figure) for claim in claims)


def _slip(claim: Claim, published: Published) -> str:
    """What is published, if the claim is that with a digit mistyped or two swapped; else ""."""
    value = published.value(claim.metric)
    if not value.is_finite():
        return ""
    right, text = str(claim.figure.round(Fraction(value))), claim.figure.text
    if len(right) != len(text):
        return ""
    apart = [at for at, (one, other) in enumerate(zip(text, right, strict=True)) if one != other]
    swapped = len(apart) == 2 and [text[at] for at in apart] == [right[at] for at in apart[::-1]]
    further = abs(claim.figure.value - value) > _REMEASURED
    return right if further and (len(apart) == 1 or swapped) else ""


RULES: Final = (
    LintRule(
        "top-order",
        Severity.ERROR,
        "Top-1 is above top-5",
        "Whoever is right at once is right within five, so top-1 can be at most top-5.",
        _top_order,
    ),
    LintRule(
        "int8-accuracy",
        Severity.WARNING,
        "An accuracy in int8 cannot be that of the model beside it",
        "int8 can neither be right more often than the network that it rounds, by more than "
        "chance, nor lose so much that nobody would ship it. The cells are swapped, or one is of "
        "another model or metric.",
        _int8,
    ),
    LintRule(
        "size-of-accuracy",
        Severity.ERROR,
        "The input size is not the one that the accuracy was measured with",
        "All documented accuracies of a row are published for another input size, and not for the "
        "documented one. It needs published results: expected/published, or a table given with "
        "--published. A model of which nothing is published is left alone.",
        _size_of_accuracy,
    ),
    LintRule(
        "accuracy-mistyped",
        Severity.WARNING,
        "An accuracy is the published one with a digit mistyped",
        "The row's other accuracy is what is published, and this one has another digit or two "
        "digits swapped, by more than measuring again changes. It needs published results: "
        "expected/published, a table given with --published, or those of --count.",
        _mistyped,
    ),
)
