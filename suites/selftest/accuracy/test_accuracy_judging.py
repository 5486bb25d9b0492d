"""What answers come to: claims only on the validation set, pairs always, blame where it belongs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tiny_evaluation import IDENTITY, IMAGES, Linear, Preloaded, answered, linear, tensors

from harness.accuracy import judging
from harness.accuracy.flip_table import write_flips
from harness.accuracy.judging import Question, judge, paired
from harness.accuracy.predictions import Predictions
from harness.accuracy.wording import report
from harness.errors import MeasureError
from harness.judging.accuracy.blame import Culprit
from harness.judging.accuracy.pairs import PairedCounts
from harness.judging.accuracy.risks import Margin
from harness.records import Claim, Figure, Metric, Outcome

pytestmark = [pytest.mark.shows("a set passes for the validation set")]

CLAIMS = tuple(
    Claim(metric, Figure(figure), "%", str(metric), 4, 1)
    for metric, figure in ((Metric.TOP1, "70.5"), (Metric.TOP5, "100.0"))
)
QUESTION = Question(CLAIMS, Margin(Decimal(10)))

Half = Callable[..., Predictions]


@pytest.fixture
def half(tmp_path: Path) -> Half:
    """Answers of a model with some noise; of the validation set if asked for."""

    def make(
        precision: str = "fp32", *, noise: float = 0.0, gap: str = IDENTITY.gap, **options: object
    ) -> Predictions:
        identity = replace(IDENTITY, precision=precision, model=f"{noise}", gap=gap)
        session = Linear(linear(noise))
        return answered(tmp_path, identity=identity, session=session, **options)

    return make


def verdicts(question: Question, **halves: Predictions) -> list[Outcome]:
    judgement = judge(question, **{"fp32": None, "int8": None, **halves})
    return [one.outcome for one in judgement.claims]


def on_validation_set(answers: Predictions, copies: int = 125) -> Predictions:
    """The same answers as often as make 50,000 images."""
    tables = []
    for copy in range(copies):
        positions = pa.array(range(copy * IMAGES, (copy + 1) * IMAGES))
        tables.append(answers.table.set_column(0, answers.table.schema.field(0), positions))
    identity = replace(answers.identity, gap="", images=copies * IMAGES)
    return Predictions(identity, pa.concat_tables(tables))


def test_another_set_is_never_held_against_the_claim(half: Half) -> None:
    judgement = judge(QUESTION, fp32=half(), int8=half("int8", noise=0.01))
    assert [one.outcome for one in judgement.claims] == [Outcome.NOT_MEASURED] * 2
    assert "not the validation set: 400 of 50000 images" in judgement.claims[0].headline
    assert judgement.paired is not None
    assert (judgement.paired.outcome, judgement.outcome) == (Outcome.CONFORMS, Outcome.CONFORMS)


def test_the_validation_set_is_held_against_the_claim(half: Half) -> None:
    right = on_validation_set(half())
    documented = f"{100 * right.scored().hit1.mean():.2f}"
    question = replace(QUESTION, claims=(replace(CLAIMS[0], figure=Figure(documented)),))
    assert verdicts(question, fp32=right) == [Outcome.CONFORMS]
    wrong = replace(QUESTION, claims=(replace(CLAIMS[0], figure=Figure("75.00")),))
    assert verdicts(wrong, fp32=right) == [Outcome.DOES_NOT_CONFORM]


def test_bad_files_keep_a_set_from_being_the_full_one(half: Half) -> None:
    source = Preloaded(tensors(), {7: "ends too early"})
    judgement = judge(QUESTION, fp32=on_validation_set(half(source=source)), int8=None)
    assert judgement.outcome is Outcome.NOT_MEASURED
    assert "125 files are bad" in judgement.claims[0].headline
    assert "00007.JPEG: ends too early" in report(judgement, CLAIMS)


def test_a_run_that_stopped_by_itself_says_nothing_about_the_claim(half: Half) -> None:
    part = on_validation_set(half()).first(1000)
    question = replace(QUESTION, until_decided=True)
    assert verdicts(question, fp32=part) == [Outcome.NOT_MEASURED] * 2
    assert verdicts(QUESTION, fp32=part) != [Outcome.NOT_MEASURED] * 2


def test_int8_alone_may_lose_the_margin(half: Half) -> None:
    int8 = on_validation_set(half("int8"))
    lower = 100 * float(int8.scored().hit1.mean()) + 5.0
    claims = (replace(CLAIMS[0], figure=Figure(f"{lower:.2f}")),)
    assert verdicts(replace(QUESTION, claims=claims), int8=int8) == [Outcome.CONFORMS]
    narrow = replace(QUESTION, claims=claims, margin=Margin(Decimal(1)))
    assert verdicts(narrow, int8=int8) == [Outcome.DOES_NOT_CONFORM]


@pytest.mark.shows("documented int8 is of another model, or of a column that was swapped")
def test_a_claim_of_int8_leaves_int8_no_margin(half: Half) -> None:
    """It says what is left after the loss."""
    int8 = on_validation_set(half("int8"))
    measured = 100 * float(int8.scored().hit1.mean())
    for figure, outcome in (
        (measured, Outcome.CONFORMS),
        (measured + 0.5, Outcome.DOES_NOT_CONFORM),
    ):
        claim = replace(CLAIMS[0], metric=Metric.INT8_TOP1, figure=Figure(f"{figure:.2f}"))
        asked = replace(QUESTION, claims=(*CLAIMS, claim))
        assert verdicts(asked, int8=int8)[-1] is outcome


def test_a_loss_is_blamed_on_quantization(half: Half) -> None:
    judgement = judge(QUESTION, fp32=half(), int8=half("int8", noise=1.0))
    assert judgement.outcome is Outcome.DOES_NOT_CONFORM
    assert judgement.blame is not None
    assert judgement.blame.culprit is Culprit.QUANTIZATION
    assert judgement.flips


def test_halves_that_collapse_together_do_not_pass(half: Half) -> None:
    """Each is right as often as the other, and both are guessing."""
    noise = 1e-6 * np.random.default_rng(1).normal(size=tensors().shape).astype(np.float32)
    fp32 = on_validation_set(half(source=Preloaded(0 * tensors())))
    int8 = on_validation_set(half("int8", source=Preloaded(noise)))
    question = replace(QUESTION, claims=(replace(CLAIMS[0], figure=Figure("70.50")),))
    judgement = judge(question, fp32=fp32, int8=int8)
    assert judgement.paired is not None
    assert judgement.paired.outcome is Outcome.CONFORMS
    assert judgement.outcome is Outcome.DOES_NOT_CONFORM
    assert judgement.blame is not None
    assert judgement.blame.culprit is Culprit.SHARED


def test_only_images_that_both_scored_are_paired(half: Half) -> None:
    fp32 = half(source=Preloaded(tensors(), {7: "x"}))
    int8 = half("int8", source=Preloaded(tensors(), {9: "x"}))
    ours, theirs = paired(fp32, int8)
    assert ours.files == theirs.files
    assert len(ours) == IMAGES - 2


def test_halves_on_other_images_are_refused(half: Half) -> None:
    fp32, int8 = half(), half("int8")
    other = Predictions(replace(int8.identity, dataset="other"), int8.table)
    with pytest.raises(MeasureError, match="do not belong together: dataset"):
        paired(fp32, other)
    shifted = int8.table.set_column(1, int8.table.schema.field(1), [["other"] * IMAGES])
    with pytest.raises(MeasureError, match="the halves differ in file: not the same images"):
        paired(fp32, Predictions(int8.identity, shifted))


def test_all_flips_are_in_the_file_and_ten_in_the_report(half: Half, tmp_path: Path) -> None:
    judgement = judge(QUESTION, fp32=half(), int8=half("int8", noise=0.5))
    write_flips(tmp_path / "flips.parquet", judgement.flips)
    table = pq.read_table(tmp_path / "flips.parquet")
    assert table.num_rows == len(judgement.flips) > 10
    assert table["file"].to_pylist() == [flip.image for flip in judgement.flips]
    assert len(table["int8_ids"][0].as_py()) == 5
    text = report(judgement, CLAIMS)
    assert text.count("top-1") == 10
    assert f"and {len(judgement.flips) - 10} more" in text


def test_the_report_says_what_was_documented_and_measured(half: Half) -> None:
    text = report(judge(QUESTION, fp32=half(), int8=half("int8")), CLAIMS)
    for expected in ("documented  top1 70.5 %", "fp32        top1 ", "int8        top1 ", "95%: "):
        assert expected in text


def test_without_a_scored_image_there_is_no_figure(half: Half) -> None:
    nothing = half(source=Preloaded(tensors(), dict.fromkeys(range(IMAGES), "gone")))
    with pytest.raises(MeasureError, match="not one image could be scored"):
        judge(QUESTION, fp32=nothing, int8=None)


@pytest.mark.parametrize(("margin", "open_"), [("1", True), ("2", False)])
def test_unread_images_leave_a_stopped_run_open_where_they_could_turn_it(
    margin: str, open_: bool
) -> None:
    question = replace(QUESTION, margin=Margin(Decimal(margin)), until_decided=True)
    worst = PairedCounts(both=988, losses=12, gains=0, neither=0)
    assert judging._may_fail(worst, question, None) == open_
