"""Documented parameters and operations: units, MACs and FLOPs, true counts, one network twice."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Final

from harness.lint.comparing import ClaimDifference, Gap, differences, noun
from harness.lint.findings import Evidence, Fault, LintRule, Severity
from harness.lint.plausible import unit_of
from harness.lint.rules.units import unit_faults
from harness.lint.zoo import Zoo
from harness.records import Figure, Metric


def _is_other_word(difference: ClaimDifference) -> bool:
    """Whether the figure is right under the other of the two words, MACs and FLOPs."""
    wanted = {Metric.FLOPS: Gap.HALF, Metric.MACS: Gap.DOUBLE}
    return difference.gap is wanted.get(difference.figure.claim.metric)


def _flops_for_macs(zoo: Zoo) -> Iterator[Fault]:
    for difference in filter(_is_other_word, differences(zoo)):
        claim = difference.figure.claim
        other = Metric.MACS if claim.metric is Metric.FLOPS else Metric.FLOPS
        printed = Fraction(claim.figure.value) * (
            2 if claim.metric is Metric.FLOPS else Fraction(1, 2)
        )
        yield _fault(
            difference,
            f"{difference.figure.printed} are {noun(other)}: "
            f"{difference.times} of the network's {noun(claim.metric)}",
            f"a header {noun(other)}({claim.unit}), or {claim.figure.round(printed)} here",
        )


def _params_off(zoo: Zoo) -> Iterator[Fault]:
    for difference in differences(zoo):
        if difference.of_params and difference.certain and difference.gap is Gap.OTHER:
            yield _fault(
                difference,
                f"{difference.figure.printed}, the network has {_count(difference)}",
                difference.right or "the network's own count",
            )


def _operations_off(zoo: Zoo) -> Iterator[Fault]:
    for difference in differences(zoo):
        if difference.of_params or not difference.certain or difference.gap is Gap.THOUSAND:
            continue
        if not _is_other_word(difference):
            yield _fault(
                difference,
                f"{difference.figure.printed}, {difference.times} of what the network has"
                + (", as at 224 px" if difference.gap is Gap.AT_224 else ""),
                difference.right or "the network's own count",
                severity=Severity.ERROR if difference.cause else None,
            )


def _other_figure(zoo: Zoo) -> Iterator[Fault]:
    for difference in differences(zoo):
        if difference.certain or difference.gap is Gap.THOUSAND or _is_other_word(difference):
            continue
        times = "10/9" if difference.gap is Gap.TEN_NINTHS else difference.times
        at_224 = ", as at 224 px" if difference.gap is Gap.AT_224 else ""
        other = "the same network" if difference.same else "a network of that name"
        yield _fault(
            difference,
            f"{difference.figure.printed}, {times} of what {other} has elsewhere{at_224}",
            f"{difference.right or 'the figure there, with its digits'}, "
            "unless that is the wrong one",
            severity=None if difference.same or difference.gap is Gap.TEN_NINTHS else Severity.NOTE,
        )


def _fault(
    difference: ClaimDifference, message: str, suggestion: str, *, severity: Severity | None = None
) -> Fault:
    figure = difference.figure
    causes = [Evidence(difference.cause)] if difference.cause else []
    if padded := _padded(difference):
        causes.append(Evidence(f"{padded} would be right: rounded there, then padded with zeros"))
    return Fault(
        figure.page.of_claim(figure.claim),
        f"{figure.row.id} {figure.claim.metric}",
        message,
        suggestion,
        evidence=(*difference.evidence, *causes),
        severity=severity,
    )


def _count(difference: ClaimDifference) -> str:
    should = difference.should
    if should.low == should.high:
        return f"{should.low}"
    return f"{float(should.low):.0f} to {float(should.high):.0f}"


def _padded(difference: ClaimDifference) -> str:
    """The figure without its last zeros, where that is right and the figure is not."""
    figure = difference.figure
    text = figure.claim.figure.text
    while "." in text and text.endswith("0"):
        text = text[:-1].removesuffix(".")
        operations = 2 if figure.claim.metric is Metric.FLOPS else 1
        if Figure(text).prints(difference.should.middle * operations / unit_of(figure.claim)):
            return text
    return ""


RULES: Final = (
    LintRule(
        "unit-off-by-thousand",
        Severity.ERROR,
        "A count is off by a thousand, or by a million",
        "Against the network's true count, or another row of the same network. As a warning, where "
        "neither is known: the row's operations and parameters do not go together. Where most "
        "figures of a column are off alike, it is found once, as the unit of the column is wrong.",
        unit_faults,
    ),
    LintRule(
        "flops-for-macs",
        Severity.WARNING,
        "FLOPs stand where MACs are meant, or the other way round",
        "A multiply-accumulate is two floating-point operations. The figure is half or twice what "
        "its header promises, give or take the 12 % by which counters differ.",
        _flops_for_macs,
    ),
    LintRule(
        "params-off-upstream",
        Severity.ERROR,
        "The number of parameters is not the network's",
        "The true count, rounded as printed, is another figure. True counts are those in "
        "expected/complexity, in a table given with --published, or counted with --count.",
        _params_off,
    ),
    LintRule(
        "operations-off-upstream",
        Severity.WARNING,
        "The number of operations is not the network's",
        "As an error: a defect listed in expected/complexity. As a warning: further from the true "
        "count than the 12 % by which counters differ. Only at the size that was counted.",
        _operations_off,
    ),
    LintRule(
        "same-network-other-figure",
        Severity.WARNING,
        "The same network stands with another figure elsewhere",
        "As a note: a network of that name, in another library, which may be another network. "
        "Rows of one network, on one page or on several, differ: in parameters by more than the "
        "print; in operations by more than 12 %, by 10/9, or by 1 % where they stand in one table "
        "for one source. Rows whose own true count is known are held against that instead.",
        _other_figure,
    ),
)
