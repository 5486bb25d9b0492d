"""Claims, int8 against fp32, blame and flips, from the answers of one row."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np
import pyarrow as pa

from harness.accuracy.identity import require_same
from harness.accuracy.order import Order
from harness.accuracy.predictions import BadFile, Predictions
from harness.accuracy.sequential import difference, stands_for
from harness.errors import MeasureError
from harness.images.datasets.imagenet import mislabelled
from harness.judging.accuracy.belief import Answered, disbelief
from harness.judging.accuracy.blame import CAUSES, Blame, Culprit, assign_blame
from harness.judging.accuracy.claims import FULL_SET, Sample, accuracy_bounds, judge_claim
from harness.judging.accuracy.fixed import judge_fixed
from harness.judging.accuracy.flips import Flip, find_flips
from harness.judging.accuracy.pairs import CONFIDENCE, PairedCounts, count_pairs
from harness.judging.accuracy.plausible import doubt
from harness.judging.accuracy.risks import Margin
from harness.judging.accuracy.sequential import follow, judge_sequential
from harness.judging.verdicts import EXACT
from harness.records import Claim, Measurement, Metric, Outcome, Tolerance, Verdict

_NOT_SHARED = ("row", "precision", "model", "pipeline", "tensors", "batch", "tools")
"""In what the identities of two halves may differ; set, order and seed are the same."""


@dataclass(frozen=True, slots=True)
class Question:
    """What answers are held against.

    Attributes:
        claims: the row's claims about top-1 and top-5, as far as it makes them; those in int8 where
            int8 is held against them.
        margin: what int8 may lose, and fp16.
        allowed: what fp32 may differ from a claim beyond print and sampling, in points.
        until_decided: the run ended when int8 against fp32 was decided. What else it shows was
            then not chosen beforehand.
    """

    claims: tuple[Claim, ...]
    margin: Margin
    allowed: Tolerance = EXACT
    until_decided: bool = False

    def claim(self, metric: Metric) -> Claim | None:
        """The claim about a metric."""
        return next((claim for claim in self.claims if claim.metric is metric), None)


@dataclass(frozen=True, slots=True)
class Half:
    """What one model got right.

    Attributes:
        top1: hits of the first class; top5: among the five. With the bounds of what explains
            them, in percent; two-sided, 95 %.
        bad: files that were not scored.
    """

    precision: str
    top1: Sample
    top5: Sample
    bad: tuple[BadFile, ...]

    def measurements(self, metric: Metric, *, backend: str) -> tuple[Measurement, ...]:
        """The accuracy, in percent, and how many images could not be read."""
        sample = self.top1 if metric.in_float is Metric.TOP1 else self.top5
        how = {"precision": self.precision, "backend": backend, "images": str(sample.images)}
        return (
            Measurement(f"{metric.in_float}_{self.precision}", sample.percent, "%", how),
            Measurement(f"unread_{self.precision}", len(self.bad), "images"),
        )

    @staticmethod
    def bounds(sample: Sample) -> tuple[float, float]:
        """The least and the greatest accuracy that explain the hits, in percent."""
        return accuracy_bounds(sample, risk=(1.0 - CONFIDENCE) / 2.0)


@dataclass(frozen=True, slots=True)
class Judgement:
    """All that is said about a row.

    Attributes:
        gap: why the images are not the validation set, "" where they are.
        claims: a verdict for each claim, of fp32 where it was measured.
        paired: int8 against fp32, where both were.
        disbelief: why one half is not believed, and with it nothing that rests on it.
    """

    gap: str
    halves: tuple[Half, ...]
    claims: tuple[Verdict, ...]
    paired: Verdict | None
    blame: Blame | None
    flips: tuple[Flip, ...]
    disbelief: Verdict | None = None

    @property
    def paired_or_blame(self) -> Verdict:
        """Of two halves: int8 against fp32, or whose fault it is where one is to blame.

        Raises:
            ValueError: there was one half alone.
        """
        if self.paired is None:
            raise ValueError("only one half was judged")
        if self.blame is None or self.blame.verdict.outcome is not Outcome.DOES_NOT_CONFORM:
            return self.paired
        return self.blame.verdict

    def measurements(self) -> tuple[Measurement, ...]:
        """Images that could not be read, and images whose answer changed."""
        unread = len({one.file for half in self.halves for one in half.bad})
        return (
            Measurement("unread", unread, "images"),
            Measurement("flips", len(self.flips), "images"),
        )

    @property
    def outcome(self) -> Outcome:
        """The worst of all verdicts; what could not be measured counts where nothing else could."""
        verdicts = [*self.claims, *([self.paired] if self.paired else [])]
        outcomes = {verdict.outcome for verdict in verdicts}
        if self.blame is not None and self.blame.verdict.outcome is Outcome.DOES_NOT_CONFORM:
            outcomes.add(Outcome.DOES_NOT_CONFORM)
        if self.disbelief is not None:
            outcomes.add(Outcome.DOES_NOT_CONFORM)
        order = (Outcome.DOES_NOT_CONFORM, Outcome.INCONCLUSIVE, Outcome.CONFORMS)
        return next((one for one in order if one in outcomes), Outcome.NOT_MEASURED)


def judge(question: Question, *, fp32: Predictions | None, int8: Predictions | None) -> Judgement:
    """Judge what was measured; at least one half. In place of int8 may be another low precision.

    Raises:
        MeasureError: outputs are no numbers; the halves are about different images; or there is no
            image that was scored.
        ValueError: neither half is given.
    """
    halves = {one.identity.precision: one for one in (fp32, int8) if one is not None}
    if not halves:
        raise ValueError("neither fp32 nor int8 is given")
    for one in halves.values():
        if not len(one.scored()):
            raise MeasureError("not one image could be scored")
    name, held = next(iter(halves.items()))
    claims = tuple(_claim_verdict(claim, held, name, question) for claim in question.claims)
    found = tuple(_half(name, one) for name, one in halves.items())
    disbelieved = _disbelief(question, *halves.values())
    if fp32 is None or int8 is None:
        return Judgement(held.identity.gap, found, claims, None, None, (), disbelieved)
    ours, theirs = paired(fp32, int8)
    if disbelieved is not None:
        why = f"{int8.identity.precision} is not held against fp32, which is not believed"
        verdict = Verdict(Outcome.NOT_MEASURED, f"{why}: {disbelieved.headline}")
        return Judgement(held.identity.gap, found, claims, verdict, None, (), disbelieved)
    verdict = _paired_verdict(ours, theirs, question)
    verdict = _with_unread(verdict, ours, theirs, question, len(_unread(fp32, int8)))
    if differs := _preprocessing(ours, theirs):
        verdict = replace(verdict, details=(*verdict.details, differs))
    flips = find_flips(ours.files, ours.labels, ours.ranking, theirs.ranking)
    blame = _blame(question, ours, theirs, claims, verdict)
    if blame.culprit is not Culprit.SHARED and (
        implausible := _implausible(ours, theirs, differs)
    ):  # of two halves that collapsed a gain says nothing more
        return Judgement(held.identity.gap, found, claims, implausible, None, flips)
    return Judgement(held.identity.gap, found, claims, verdict, blame, flips)


def paired(
    fp32: Predictions, int8: Predictions, *, case: str = ""
) -> tuple[Predictions, Predictions]:
    """The answers of both halves on the images that both have scored, in order.

    Raises:
        MeasureError: they are about different sets or orders, name an image or its class
            differently, or no image was scored by both.
    """
    require_same(fp32.identity, int8.identity, but=_NOT_SHARED, case=case)
    halves = [one.scored(case=case) for one in (fp32, int8)]
    places = [one.table["position"].to_numpy() for one in halves]
    both = np.intersect1d(places[0], places[1], assume_unique=True)
    ours, theirs = (
        Predictions(one.identity, one.table.filter(pa.array(np.isin(place, both))))
        for one, place in zip(halves, places, strict=True)
    )
    if not len(ours):
        raise MeasureError("no image was scored in both precisions", case=case)
    for column in ("file", "label"):
        if ours.table[column] != theirs.table[column]:
            raise MeasureError(f"the halves differ in {column}: not the same images", case=case)
    return ours, theirs


def sample(answers: Predictions, hits: int) -> Sample:
    """Hits among scored images, and what these images are a sample of.

    Where the set is not the validation set, its images stand for an endless number of others.
    """
    identity, images = answers.identity, len(answers)
    if not identity.gap:
        return Sample(hits, images, FULL_SET, stratified=identity.order is Order.BY_CLASS)
    return Sample(hits, images, max(FULL_SET, images + 1), stratified=True)


def _half(precision: str, answers: Predictions) -> Half:
    scored = answers.scored()
    top1, top5 = (sample(scored, int(hits.sum())) for hits in (scored.hit1, scored.hit5))
    return Half(precision, top1, top5, answers.bad)


def _unread(*halves: Predictions) -> tuple[str, ...]:
    """Files that one half at least did not score, in order."""
    return tuple(dict.fromkeys(str(one) for half in halves for one in half.bad))


def _disbelief(question: Question, *halves: Predictions) -> Verdict | None:
    """Whether the first half, fp32 where there is one, can be believed; of both what they read."""
    held = halves[0]
    scored = held.scored()
    precision = held.identity.precision
    claim = question.claim(Metric.TOP1) if held.identity.gap else None  # else it is judged itself
    return disbelief(
        Answered(
            scored.files,
            scored.labels,
            np.asarray(scored.ranking.ids[:, 0], np.int64),
            unread=_unread(*halves),
            mislabelled=mislabelled(zip(scored.files, scored.labels.tolist(), strict=True)),
        ),
        documented=None if claim is None else claim.figure.value,
        allowed=Decimal(0) if precision == "fp32" else question.margin.points,
        precision=precision,
    )


def _with_unread(
    verdict: Verdict, fp32: Predictions, int8: Predictions, question: Question, unread: int
) -> Verdict:
    """The verdict with what was not read; one that it could turn is inconclusive."""
    if not unread:
        return verdict
    told = f"{unread} images could not be read and count for neither half"
    counts = count_pairs(fp32.hit1, int8.hit1)
    worst = replace(counts, losses=counts.losses + unread)
    population = None if fp32.identity.gap else FULL_SET
    outcome = verdict.outcome
    if outcome is Outcome.CONFORMS and _may_fail(worst, question, population):
        outcome = Outcome.INCONCLUSIVE
        told += ", and would decide if int8 lost them all"
    return Verdict(outcome, verdict.headline, (*verdict.details, told))


def _may_fail(worst: PairedCounts, question: Question, population: int | None) -> bool:
    """Whether int8 might not conform if it lost what was not read. Of a run that stopped when it
    was decided the loss itself is looked at, since its number of images was not chosen before."""
    if question.until_decided:
        loss = 100 * Decimal(worst.losses - worst.gains) / worst.images
        return loss > question.margin.points
    judged = judge_fixed(worst, question.margin, population=population)
    return judged.outcome is not Outcome.CONFORMS


def _implausible(fp32: Predictions, int8: Predictions, differs: str) -> Verdict | None:
    """That what lies between the halves cannot come of a lower precision, or None."""
    ours, theirs = fp32.ranking, int8.ranking
    known = all(np.isfinite(one.probabilities).all() for one in (ours, theirs))
    found = doubt(
        count_pairs(fp32.hit1, int8.hit1),
        fp32=np.asarray(ours.ids, np.int64),
        other=np.asarray(theirs.ids, np.int64),
        scores=(ours.probabilities, theirs.probabilities) if known else None,
        precision=int8.identity.precision,
        population=None if fp32.identity.gap else FULL_SET,
        differs=differs,
    )
    if found is None:
        return None
    return Verdict(Outcome.DOES_NOT_CONFORM, found.finding, (f"likely cause: {found.cause}",))


def _claim_verdict(
    claim: Claim, answers: Predictions, precision: str, question: Question
) -> Verdict:
    scored = answers.scored()
    hits = int((scored.hit1 if claim.metric.in_float is Metric.TOP1 else scored.hit5).sum())
    measured = sample(scored, hits)
    why = answers.identity.gap
    if not why and answers.bad:
        why = f"{len(answers.bad)} files are bad, so the images are no fair part of the set"
    if not why and question.until_decided and not measured.is_full:
        why = "the run ended when int8 was decided; --images N chooses them beforehand"
    if why:
        headline = f"{claim.metric} documented {claim.figure.text} %: {why}"
        return Verdict(Outcome.NOT_MEASURED, headline)
    allowed = question.allowed
    if precision != "fp32" and claim.metric.in_float is claim.metric:
        part = (precision, question.margin.points)
        allowed = Tolerance((*allowed.parts, part), allowed.reason)
    return judge_claim(claim, measured, allowed)


def _paired_verdict(fp32: Predictions, int8: Predictions, question: Question) -> Verdict:
    identity, margin = fp32.identity, question.margin
    cause = CAUSES[Culprit.QUANTIZATION]
    if question.until_decided:
        population = stands_for(identity.images)
        differences = difference(fp32.hit1, int8.hit1)
        evidence = follow(differences, margin=margin, population=population)
        return judge_sequential(evidence, margin, population=population, cause=cause)
    counts = count_pairs(fp32.hit1, int8.hit1)
    return judge_fixed(counts, margin, population=None if identity.gap else FULL_SET, cause=cause)


def _preprocessing(fp32: Predictions, int8: Predictions) -> str:
    """A sentence on preprocessing where the halves do not share it, else nothing."""
    ours, theirs = fp32.identity, int8.identity
    if ours.pipeline == theirs.pipeline:
        return ""
    return (
        f"preprocessing differs too: {ours.pipeline} for {ours.precision}, "
        f"{theirs.pipeline} for {theirs.precision}"
    )


def _blame(
    question: Question,
    fp32: Predictions,
    int8: Predictions,
    claims: tuple[Verdict, ...],
    verdict: Verdict,
) -> Blame:
    """Where the set is not the validation set, the documented figure plays no part."""
    claim = question.claim(Metric.TOP1)
    documented: Decimal | None = None
    against = Verdict(Outcome.NOT_MEASURED, "no claim about top1")
    if claim is not None:
        against = claims[question.claims.index(claim)]
        documented = None if fp32.identity.gap else claim.figure.value
    return assign_blame(
        documented=documented,
        fp32_percent=100.0 * float(fp32.hit1.mean()),
        int8_percent=100.0 * float(int8.hit1.mean()),
        fp32=against,
        int8=verdict,
        differs=_preprocessing(fp32, int8),
    )
