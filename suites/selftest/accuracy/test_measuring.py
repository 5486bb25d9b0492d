"""From image files to answers, streamed or through the cache, with whatever is wrong among them."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from small_images import CLASSES, COUNT, MAKER, Brightness, write_image, write_set

from harness.accuracy.images import LabelledImages, labelled_by, read_images
from harness.accuracy.measuring import JOB_IMAGES, EvaluationPlan, Model, measure
from harness.accuracy.merging import merge
from harness.accuracy.order import Shard
from harness.accuracy.predictions import Predictions
from harness.backends.backend import InProcess, Runner
from harness.errors import HarnessError, MissingDataset
from harness.expected.buildconfig import Resize
from harness.images.datasets import open_dataset
from harness.images.tensors import Preprocessed, Preprocessor, Supply
from harness.judging.accuracy.risks import Margin

pytestmark = [pytest.mark.shows("answers of different images, models or pipelines are mixed")]

SYNSETS = tuple(f"n{number:08}" for number in range(CLASSES))


def read(root: Path) -> LabelledImages:
    return read_images(open_dataset(root, synsets=SYNSETS))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_set(tmp_path / "set")


@pytest.fixture
def plan(root: Path, tmp_path: Path) -> EvaluationPlan:
    return EvaluationPlan(read(root), tmp_path / "out")


def run(plan: EvaluationPlan, session: Brightness | None = None) -> Predictions:
    models = {"fp32": Model("ab" * 32, session or Brightness())}
    return measure("zoo/tiny/brightness", models, MAKER, plan)["fp32"]


def test_cached_and_streamed_answers_are_the_same(plan: EvaluationPlan, tmp_path: Path) -> None:
    streamed = run(plan)
    for _ in range(2):  # the cache is filled, then read
        cached = run(replace(plan, root=tmp_path / "other", cache=tmp_path / "cache"))
        assert cached.table == streamed.table
    assert streamed.hit1.all()
    assert len(streamed) == COUNT


def test_bad_files_are_told_of_and_not_scored(
    root: Path, plan: EvaluationPlan, tmp_path: Path
) -> None:
    (root / "val" / "007.JPEG").write_bytes(b"\xff\xd8\xff no image")
    (root / "val" / "021.JPEG").write_bytes(b"")
    for cache in (None, tmp_path / "cache"):
        found = run(replace(plan, images=read(root), cache=cache))
        assert sorted(bad.file for bad in found.bad) == ["val/007.JPEG", "val/021.JPEG"]
        assert all(bad.reason for bad in found.bad)
        assert len(found.scored()) == COUNT - 2


def test_images_are_evaluated_in_the_order_of_the_seed(plan: EvaluationPlan) -> None:
    first, again = run(plan), run(replace(plan, root=plan.root / "again"))
    other = run(replace(plan, seed=1))
    assert first.files == again.files
    assert first.files != sorted(first.files)
    assert sorted(first.files) == sorted(other.files)
    assert first.files != other.files


def test_a_number_of_images_is_spread_over_the_classes(plan: EvaluationPlan) -> None:
    part = run(replace(plan, count=20))
    assert sorted(part.labels.tolist()) == sorted([*range(CLASSES)] * 2)
    session = Brightness()
    longer = run(replace(plan, count=40), session)
    assert longer.files[:20] == part.files
    assert session.images <= 40


def test_shards_of_files_merge_to_the_whole(plan: EvaluationPlan) -> None:
    parts = [run(replace(plan, shard=Shard(number, 3))) for number in (1, 2, 3)]
    assert merge(parts).table.drop_columns(["margin"]) == run(plan).table.drop_columns(["margin"])


def test_a_changed_image_is_another_set(root: Path, plan: EvaluationPlan) -> None:
    before = run(plan)
    write_image(root / "val" / "011.JPEG", 5, seed=0)
    session = Brightness()
    after = run(replace(plan, images=read(root)), session)
    assert after.identity.dataset != before.identity.dataset
    assert session.images == COUNT
    assert not after.hit1.all()


def test_a_set_that_changes_after_it_was_read_is_noticed(root: Path, plan: EvaluationPlan) -> None:
    write_image(root / "val" / "011.JPEG", 5, seed=0)
    with pytest.raises(HarnessError, match="the set was changed since it was read"):
        run(plan)


class Meddler(Brightness):
    """Touches all images while it is at the first ones."""

    def __init__(self, root: Path) -> None:
        super().__init__()
        self._root = root

    def logits(self, images: np.ndarray) -> np.ndarray:
        for path in (self._root / "val").iterdir():
            path.touch()
        return super().logits(images)


def test_a_set_that_changes_during_the_run_is_noticed(
    root: Path, plan: EvaluationPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    def one_at_a_time(items: Generator, *, ahead: int) -> Generator:  # noqa: ARG001
        yield from items

    monkeypatch.setattr("harness.accuracy.running.prefetched", one_at_a_time)
    with pytest.raises(HarnessError, match=r"\.JPEG: was changed after it had been hashed"):
        run(plan, Meddler(root))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"count": COUNT + 1}, "61 images are asked for, expected 1 to 60"),
        ({"count": 0}, "0 images are asked for"),
    ],
)
def test_a_number_that_the_set_has_not_is_refused(
    plan: EvaluationPlan, wrong: dict[str, int], message: str
) -> None:
    with pytest.raises(HarnessError, match=message):
        replace(plan, **wrong)


# ── models of different backends ──────────────────────────────────────────────────────────────


class InJobs(InProcess):
    jobs = True


class ByItself(InProcess):
    """A runner that makes tensors in a way of its own."""

    def supply(self, preprocessor: Preprocessor) -> Supply:  # noqa: ARG002
        return Preprocessed(replace(MAKER, name="its own", ops=(Resize((4, 4)), *MAKER.ops[1:])))


def both(plan: EvaluationPlan, runner: Runner) -> dict[str, Predictions]:
    """The session as it is, and behind this runner."""
    models = {"fp32": Model("ab" * 32, Brightness()), "int8": Model("cd" * 32, Brightness())}
    models["int8"] = replace(models["int8"], runner=runner)
    return measure("zoo/tiny/brightness", models, MAKER, plan)


def test_jobs_are_given_large_batches_and_no_other_answers(plan: EvaluationPlan) -> None:
    found = both(plan, InJobs())
    assert [one.identity.batch for one in found.values()] == [plan.batch, JOB_IMAGES]
    assert found["int8"].hit1.tolist() == found["fp32"].hit1.tolist()


def test_each_model_has_the_images_that_its_runner_takes(plan: EvaluationPlan) -> None:
    found = both(plan, ByItself())
    assert [one.identity.pipeline for one in found.values()] == ["small", "its own"]
    assert len({one.identity.tensors for one in found.values()}) == 2


def test_a_run_until_it_is_decided_needs_the_same_images_for_both(plan: EvaluationPlan) -> None:
    with pytest.raises(HarnessError, match="needs the same images for all models"):
        both(replace(plan, until=Margin(Decimal(10))), ByItself())


# ── a label list elsewhere ────────────────────────────────────────────────────────────────────


def test_a_label_list_elsewhere_serves(root: Path, tmp_path: Path) -> None:
    labels = tmp_path / "labels.txt"
    labels.write_text("003.JPEG 4\n004.JPEG 4\n")
    found = labelled_by(labels, root, classes=CLASSES)
    assert [(image.name, image.class_id) for image in found.images] == [
        ("003.JPEG", 4),
        ("004.JPEG", 4),
    ]
    assert found.gap == "not the validation set: 2 of 50000 images"


def test_everything_wrong_with_a_label_list_is_named(root: Path, tmp_path: Path) -> None:
    labels = tmp_path / "labels.txt"
    labels.write_text("003.JPEG 10\n004.JPEG\nabc.JPEG 1\n")
    with pytest.raises(HarnessError) as error:
        labelled_by(labels, root, classes=CLASSES)
    for expected in (f"{labels}:1", f"{labels}:2", f"{labels}:3", "expected 0 to 9", "missing"):
        assert expected in str(error.value)
    with pytest.raises(MissingDataset, match="expected a folder"):
        labelled_by(labels, tmp_path / "nowhere", classes=CLASSES)
