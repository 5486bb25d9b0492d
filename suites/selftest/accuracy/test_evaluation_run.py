"""The loop: every image once, in its place, with its own answer, whatever came before."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny_evaluation import (
    BATCH,
    IDENTITY,
    IMAGES,
    Linear,
    Preloaded,
    answered,
    items,
    linear,
    tensors,
)

from harness.accuracy.folder import ResultsFolder, open_results
from harness.accuracy.running import BAD, HIT, ModelRun, evaluate, grouped, known, prefetched
from harness.errors import HarnessError, MeasureError, RunError
from harness.images.tensors import Batch


def test_every_answer_is_the_models_own(tmp_path: Path) -> None:
    table = answered(tmp_path).table
    logits = tensors().reshape(IMAGES, -1) @ linear()
    labels = [item.image.class_id for item in items()]
    assert table["hit1"].to_pylist() == (logits.argmax(axis=1) == labels).tolist()
    assert [ids[0] for ids in table["top5_ids"].to_pylist()] == logits.argmax(axis=1).tolist()
    best = -np.sort(-logits, axis=1)
    assert np.allclose(table["margin"].to_numpy(), best[:, 0] - best[:, 1], atol=1e-5)


class Swapped(Linear):
    """Gives the answers of a batch in another order."""

    def logits(self, images: np.ndarray) -> np.ndarray:
        return super().logits(images)[::-1]


def test_answers_of_other_images_would_be_noticed(tmp_path: Path) -> None:
    right = answered(tmp_path / "right")
    assert answered(tmp_path / "wrong", session=Swapped()).table != right.table
    assert answered(tmp_path / "again").table == right.table


def test_what_is_known_is_not_evaluated_again(tmp_path: Path) -> None:
    first, second = Linear(), Linear()
    answered(tmp_path, session=first, stop=100)
    whole = answered(tmp_path, session=second)
    assert (sum(first.batches), sum(second.batches)) == (100, 300)
    assert whole.table == answered(tmp_path / "whole").table


def test_wanted_images_are_filled_up_to_a_whole_batch(tmp_path: Path) -> None:
    assert len(answered(tmp_path, stop=101)) == 110
    assert len(answered(tmp_path, stop=IMAGES)) == IMAGES


def test_a_damaged_part_alone_is_evaluated_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / IDENTITY.digest
    for stop in (100, 200, IMAGES):
        answered(tmp_path, stop=stop)
    middle = next(folder.glob("00000100-*.parquet"))
    middle.write_bytes(middle.read_bytes()[:-1])
    source = Preloaded(tensors())
    with caplog.at_level(logging.WARNING):
        again = answered(tmp_path, source=source)
    assert source.asked == [(100, 200)]
    assert "is damaged, its images are evaluated again" in caplog.text
    assert again.table == answered(tmp_path / "whole").table


def test_two_models_share_their_images_and_each_does_only_what_it_lacks(tmp_path: Path) -> None:
    other = replace(IDENTITY, precision="int8", model="ff" * 32)
    answered(tmp_path, stop=200)
    folders = [ResultsFolder(tmp_path, identity) for identity in (IDENTITY, other)]
    sessions, source = [Linear(), Linear(linear(0.1))], Preloaded(tensors())
    with folders[0].held(), folders[1].held():
        runs = [ModelRun(*pair, items()) for pair in zip(sessions, folders, strict=True)]
        assert known(runs) == 0
        assert list(evaluate(runs, source, stop=IMAGES, batch=BATCH))[-1] == IMAGES
    assert [sum(session.batches) for session in sessions] == [200, IMAGES]
    assert source.made == IMAGES


# ── bad files, bad outputs ────────────────────────────────────────────────────────────────────

BROKEN = {0: "ends too early", 13: "no image", **dict.fromkeys(range(20, 31), "empty"), 399: "x"}


def test_bad_files_are_listed_and_never_scored(tmp_path: Path) -> None:
    session = Linear()
    found = answered(tmp_path, source=Preloaded(tensors(), BROKEN), session=session)
    assert {one.file: one.reason for one in found.bad} == {
        f"{place:05}.JPEG": reason for place, reason in BROKEN.items()
    }
    good = [place for place in range(IMAGES) if place not in BROKEN]
    assert found.scored().table["position"].to_pylist() == good
    everything = answered(tmp_path / "whole").table
    assert np.array_equal(found.scored().hit1, everything["hit1"].to_numpy()[good])
    assert sum(session.batches) == len(good)


def test_bad_files_stay_known(tmp_path: Path) -> None:
    answered(tmp_path, source=Preloaded(tensors(), BROKEN), stop=200)
    again = Preloaded(tensors(), BROKEN)
    answered(tmp_path, source=again)
    assert again.asked == [(200, IMAGES)]
    folder = ResultsFolder(tmp_path, IDENTITY)
    with folder.held():
        run = ModelRun(Linear(), folder, items())
    assert np.flatnonzero(run.hits == BAD).tolist() == sorted(BROKEN)
    assert (run.hits == HIT).sum() == open_results(folder.path).scored().hit1.sum()


def test_batches_hold_the_same_images_wherever_a_run_begins() -> None:
    source = Preloaded(tensors(), BROKEN)
    whole = {group.first: group for group in grouped(source, 0, IMAGES, BATCH)}
    later = {group.first: group for group in grouped(source, 200, IMAGES, BATCH)}
    assert list(whole) == list(range(0, IMAGES, BATCH))
    assert all(np.array_equal(later[first].tensors, whole[first].tensors) for first in later)
    assert whole[20].tensors is None
    assert len(whole[30].tensors) == 9


class Forgetful(Preloaded):
    """Leaves an image out and says nothing."""

    def batches(self, *, size: int, start: int = 0, stop: int | None = None) -> Iterator[Batch]:
        for batch in super().batches(size=size, start=start, stop=stop):
            kept = [place for place, index in enumerate(batch.indices) if index != 5]
            yield Batch(tuple(batch.indices[place] for place in kept), batch.tensors[kept])


def test_an_image_without_tensor_and_without_reason_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MeasureError, match="image 5 has neither a tensor nor a reason"):
        answered(tmp_path, source=Forgetful(tensors()))


class NotNumbers(Linear):
    """Gives a NaN or an infinity for one image of its third batch."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self._value = value

    def logits(self, images: np.ndarray) -> np.ndarray:
        logits = super().logits(images)
        if len(self.batches) == 3:
            logits[4, 2] = self._value
        return logits


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_outputs_that_are_no_numbers_end_the_run_and_name_the_image(
    tmp_path: Path, value: float
) -> None:
    for session in (NotNumbers(value), Linear()):  # the second one finds it on the disk
        with pytest.raises(MeasureError, match=r"00024\.JPEG are NaN, infinite"):
            answered(tmp_path, session=session)
    kept = open_results(tmp_path / IDENTITY.digest)
    row = kept.table.slice(24, 1).to_pylist()[0]
    assert (row["finite"], row["hit1"], row["hit5"], row["top5_ids"]) == (False, None, None, [])
    with pytest.raises(MeasureError, match=r"1 of 30 images have no answer"):
        kept.scored()


class Failing(Linear):
    def logits(self, images: np.ndarray) -> np.ndarray:
        if len(self.batches) == 5:
            raise RunError("the device is gone")
        return super().logits(images)


def test_a_backend_that_fails_loses_nothing(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="the device is gone"):
        answered(tmp_path, session=Failing())
    assert len(open_results(tmp_path / IDENTITY.digest)) == 50


class TooFew(Linear):
    def logits(self, images: np.ndarray) -> np.ndarray:
        return super().logits(images)[1:]


def test_another_number_of_outputs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MeasureError, match=r"outputs \(9, 10\) for 10 images"):
        answered(tmp_path, session=TooFew())


def test_a_class_that_the_model_does_not_know_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MeasureError, match=r"\.JPEG is of class 8, the model knows 6 classes"):
        answered(tmp_path, session=Linear(linear()[:, :6]))


# ── the producer ──────────────────────────────────────────────────────────────────────────────


def test_only_so_much_is_made_ahead() -> None:
    made: list[int] = []

    def count() -> Iterator[int]:
        for number in range(1000):
            made.append(number)
            yield number

    ready = prefetched(count(), ahead=3)
    assert [next(ready) for _ in range(10)] == list(range(10))
    ready.close()
    assert len(made) <= 10 + 3 + 1  # taken, waiting, and one in the thread's hand


def test_what_the_producer_raises_arrives_after_what_it_made() -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise HarnessError("a file was changed")

    ready = prefetched(broken(), ahead=3)
    assert next(ready) == 1
    with pytest.raises(HarnessError, match="a file was changed"):
        next(ready)


def test_a_run_that_stops_early_keeps_what_it_knows(tmp_path: Path) -> None:
    folder, source = ResultsFolder(tmp_path, IDENTITY), Preloaded(tensors())
    with folder.held():
        steps = evaluate([ModelRun(Linear(), folder, items())], source, stop=IMAGES, batch=BATCH)
        assert [next(steps) for _ in range(6)] == [0, 10, 20, 30, 40, 50]
        steps.close()
    assert len(folder.answers()) == 50
    assert source.made < IMAGES
