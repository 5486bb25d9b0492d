"""What a shell is told about a row."""

from __future__ import annotations

from collections.abc import Iterator

from harness.accuracy.judging import Half, Judgement
from harness.judging.accuracy.claims import Sample
from harness.judging.accuracy.pairs import CONFIDENCE
from harness.records import Claim, Outcome, Verdict

SHOWN = 10  # flips and bad files that are told of; a file has all flips


def report(judgement: Judgement, claims: tuple[Claim, ...]) -> str:
    """Documented, fp32, int8, verdicts, blame, flips: a few lines each."""
    return "\n".join(_lines(judgement, claims))


def _lines(judgement: Judgement, claims: tuple[Claim, ...]) -> Iterator[str]:
    documented = ", ".join(f"{claim.metric} {claim.figure.text} %" for claim in claims)
    yield f"  documented  {documented or 'nothing'}"
    for half in judgement.halves:
        yield f"  {half.precision:<10}  {_half(half)}"
    if judgement.gap:
        yield f"  {judgement.gap}"
    for verdict in (*judgement.claims, *([judgement.paired] if judgement.paired else [])):
        yield from _verdict(verdict)
    if judgement.disbelief is not None:
        yield from _verdict(judgement.disbelief)
    if judgement.blame is not None:
        yield f"  blame: {judgement.blame.culprit}"
        if judgement.blame.verdict.outcome is Outcome.DOES_NOT_CONFORM:
            yield from _verdict(judgement.blame.verdict)
    bad = {str(one): None for half in judgement.halves for one in half.bad}
    if bad:
        yield f"  not scored: {len(bad)} bad files"
        yield from _first(list(bad))
    if judgement.flips:
        yield f"  answers that changed: {len(judgement.flips)}"
        yield from _first([str(flip) for flip in judgement.flips])


def _half(half: Half) -> str:
    top1, top5 = _figure(half, half.top1), _figure(half, half.top5)
    return f"top1 {top1}, top5 {top5}, {half.top1.images} images"


def _figure(half: Half, sample: Sample) -> str:
    low, high = half.bounds(sample)
    interval = "" if sample.is_full else f" ({CONFIDENCE:.0%}: {low:.2f} to {high:.2f})"
    return f"{sample.percent:.2f} %{interval}"


def _verdict(verdict: Verdict) -> Iterator[str]:
    yield f"  {verdict.outcome}: {verdict.headline}"
    for detail in verdict.details:
        yield f"    {detail}"


def _first(entries: list[str]) -> Iterator[str]:
    for entry in entries[:SHOWN]:
        yield "    " + entry.replace("\n", "\n    ")
    if len(entries) > SHOWN:
        yield f"    and {len(entries) - SHOWN} more"
