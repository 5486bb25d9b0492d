"""On a number of images chosen beforehand, int8 passes, fails, or stays open, at stated risks."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from scipy.stats import multinomial, norm

from harness.judging.accuracy.fixed import decide, images_needed, judge_fixed
from harness.judging.accuracy.pairs import PairedCounts
from harness.judging.accuracy.risks import Margin, Risks, relative_margin
from harness.records import Outcome

HALF = Margin(Decimal("0.5"))
MOBILENET = PairedCounts(both=1003, losses=15, gains=17, neither=265)


def shares(loss: float, rate: float, images: int, decision: object) -> tuple[float, float]:
    """How probable it is that a model passes, and that it fails: summed, not simulated."""
    up, down = (rate + loss) / 2, (rate - loss) / 2
    losses, gains = np.meshgrid(np.arange(160), np.arange(160), indexing="ij")
    counts = np.stack([losses, gains, images - losses - gains], axis=-1)
    probability = multinomial.pmf(counts, images, [up, down, 1 - rate])
    passes, fails = decision(losses, gains, images)  # type: ignore[operator]
    return float(probability[passes].sum()), float(probability[fails].sum())


def paired(losses: np.ndarray, gains: np.ndarray, images: int) -> tuple[np.ndarray, np.ndarray]:
    return decide(losses, gains, images, margin=HALF, population=None)


def swapped(losses: np.ndarray, gains: np.ndarray, images: int) -> tuple[np.ndarray, np.ndarray]:
    """The wrong test: int8 is taken for fp32."""
    return paired(gains, losses, images)


def unpaired(losses: np.ndarray, gains: np.ndarray, images: int) -> tuple[np.ndarray, np.ndarray]:
    """The blunt test: both halves as if they had seen different images, fp32 at 79 %."""
    error = np.sqrt(2 * 0.79 * 0.21 / images)
    loss = (losses - gains) / images
    passes = loss + norm.isf(HALF.risks.beta) * error < HALF.share
    return passes, ~passes & (loss > norm.isf(HALF.risks.alpha) * error)


@pytest.mark.parametrize("rate", [0.006, 0.01, 0.025, 0.05])
def test_a_lost_margin_passes_no_more_often_than_stated(rate: float) -> None:
    passes, _ = shares(0.005, rate, 2000, paired)
    assert passes <= HALF.risks.beta


@pytest.mark.parametrize("rate", [0.002, 0.01, 0.025, 0.05])
def test_a_model_that_loses_nothing_is_flagged_no_more_often_than_stated(rate: float) -> None:
    _, fails = shares(0.0, rate, 2000, paired)
    assert fails <= HALF.risks.alpha


def test_swapped_halves_would_pass_what_is_lost() -> None:
    assert shares(0.005, 0.025, 2000, swapped)[0] > 0.5


def test_an_unpaired_test_does_not_see_what_the_paired_one_sees() -> None:
    assert shares(0.01, 0.02, 4000, paired)[1] > 0.95
    assert shares(0.01, 0.02, 4000, unpaired)[1] < 0.1
    assert shares(-0.005, 0.02, 4000, paired)[0] > 0.95
    assert shares(-0.005, 0.02, 4000, unpaired)[0] < 0.5


@pytest.mark.parametrize(
    ("net", "expected"), [(249, Outcome.CONFORMS), (250, Outcome.DOES_NOT_CONFORM)]
)
def test_the_full_set_is_exact_to_the_image(net: int, expected: Outcome) -> None:
    counts = PairedCounts(40_000, 700 + net, 700, 8600 - net)
    verdict = judge_fixed(counts, HALF, population=50_000)
    assert verdict.outcome is expected
    assert "all images known" in verdict.headline


def test_a_verdict_tells_loss_interval_and_what_it_would_take() -> None:
    verdict = judge_fixed(MOBILENET, HALF, population=None)
    assert str(verdict) == (
        "int8_top1_loss = -0.15 points, margin 0.5 points, alpha 0.01, beta 0.05\n"
        "  lost 15, gained 17 of 1300 images; McNemar p = 0.86, "
        "95% interval -1.15 to 0.82 points\n"
        "  undecided: about 629 more images, if the loss stays as it is"
    )
    assert verdict.outcome is Outcome.INCONCLUSIVE


def test_a_failure_names_the_cause_and_what_is_not_shown() -> None:
    counts = PairedCounts(3800, 40, 18, 1142)
    verdict = judge_fixed(counts, HALF, population=None, cause="per-tensor weights")
    assert verdict.outcome is Outcome.DOES_NOT_CONFORM
    assert "a loss of 0 points or less is ruled out" in verdict.details
    assert any("a loss of 0.5 points is not shown" in line for line in verdict.details)
    assert verdict.details[-1] == "likely cause: per-tensor weights"


@pytest.mark.parametrize("loss", [0.0, 0.003, 0.01, 0.02])
def test_as_many_images_as_it_takes_decide(loss: float) -> None:
    needed = images_needed(loss=loss, discordance=0.03, margin=HALF, population=50_000)
    for images, decided in ((needed, True), (needed - 1, False)):
        found = [images * (0.03 + sign * loss) / 2 for sign in (1, -1)]
        passes, fails = decide(*found, images, margin=HALF, population=50_000)
        assert bool(passes | fails) is decided


def test_mlperf_allows_one_percent_of_what_fp32_has() -> None:
    margin = relative_margin(Decimal("79.00"))
    assert str(margin) == "0.79 points (1 % of fp32's 79.00 %)"
    assert margin.caught_from(50_000) == 395


@pytest.mark.parametrize(
    ("points", "acceptable"), [("0", "0"), ("1", "1"), ("1", "-1"), ("101", "0")]
)
def test_a_margin_that_leaves_no_room_is_refused(points: str, acceptable: str) -> None:
    with pytest.raises(ValueError, match="expected 0 <= acceptable < points <= 100"):
        Margin(Decimal(points), Decimal(acceptable), Risks())
