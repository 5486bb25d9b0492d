"""Batches are in order, whole and of the right images, whatever files do to their workers."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from tiny_preprocessors import Dying, Missing, Tiny, decoded, picture, require_faithful, tiny

from harness.errors import MissingSource, PreprocessError
from harness.images.datasets.faults import listed
from harness.images.decoding import decode
from harness.images.tensors import Batch, FileToTensor, PreprocessingPool, Stream

Batches = list[Batch]


@pytest.fixture
def two_workers(preprocessor: Tiny) -> Iterator[PreprocessingPool]:
    with PreprocessingPool(preprocessor, workers=2, file_limit_s=5.0) as pool:
        yield pool


@pytest.mark.parametrize("size", [7, 32, 50, 1000])
def test_every_image_comes_once_in_order(
    two_workers: PreprocessingPool, paths: list[Path], size: int
) -> None:
    stream = Stream(two_workers, paths, size=size)
    require_faithful(list(stream), paths, size=size)
    assert stream.bad == {}


WRONG: dict[str, Callable[[Batches], Batches]] = {
    "batches swapped": lambda all: [all[1], all[0], *all[2:]],
    "tensors swapped": lambda all: [Batch(all[0].indices, all[0].tensors[::-1]), *all[1:]],
    "black": lambda all: [Batch(all[0].indices, all[0].tensors * 0), *all[1:]],
    "one dropped": lambda all: [Batch(all[0].indices[1:], all[0].tensors[1:]), *all[1:]],
    "last lost": lambda all: all[:-1],
    "twice": lambda all: [*all, all[-1]],
    "off by one bit": lambda all: [*all[:-1], Batch(all[-1].indices, all[-1].tensors * 1.0000001)],
}


@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_batches_are_noticed(paths: list[Path], wrong: str) -> None:
    tensors = np.stack([tiny(decode(path)) for path in paths])
    places = [tuple(range(first, min(first + 30, 100))) for first in range(0, 100, 30)]
    right = [Batch(indices, tensors[list(indices)]) for indices in places]
    require_faithful(right, paths, size=30)
    with pytest.raises(AssertionError):
        require_faithful(WRONG[wrong](right), paths, size=30)


def test_bad_files_have_no_tensor_and_are_listed(
    two_workers: PreprocessingPool, paths: list[Path]
) -> None:
    paths[0].write_bytes(b"")
    paths[40].write_bytes(paths[41].read_bytes()[:-30])
    paths[41].write_text("<html>404")
    paths[99].unlink()
    stream = Stream(two_workers, paths, size=32)
    require_faithful(list(stream), paths, size=32, bad=(0, 40, 41, 99))
    reasons = ["is empty", "damaged: ", "begins with b'<html>40'", "cannot be read: No such file"]
    assert list(stream.bad) == [0, 40, 41, 99]
    for fault, index, reason in zip(stream.bad.values(), stream.bad, reasons, strict=True):
        assert str(fault).startswith(f"{paths[index]}: unreadable: {reason}")
    assert len(listed(stream.bad.values()).splitlines()) == 5


def test_black_image_in_place_of_a_bad_file_is_noticed(
    two_workers: PreprocessingPool, paths: list[Path]
) -> None:
    paths[1].write_bytes(b"")
    (batch,) = Stream(two_workers, paths[:3], size=3)
    black = Batch((0, 1, 2), np.insert(batch.tensors, 1, 0, axis=0))
    with pytest.raises(AssertionError):
        require_faithful([black], paths[:3], size=3, bad=[1])


def test_nothing_but_bad_files_is_no_batch(two_workers: PreprocessingPool, tmp_path: Path) -> None:
    stream = Stream(two_workers, [tmp_path / "a", tmp_path / "b"], size=2)
    assert list(stream) == []
    assert list(stream.bad) == [0, 1]


def test_file_that_hangs_is_bad_and_costs_no_other(preprocessor: Tiny, paths: list[Path]) -> None:
    paths[5] = picture(paths[5].with_name("hangs.png"), 5)
    with PreprocessingPool(preprocessor, workers=1, file_limit_s=0.5) as pool:
        stream = Stream(pool, paths[:40], size=32)
        require_faithful(list(stream), paths[:40], size=32, bad=[5])
    reason = "did not finish within 0.5 s and was killed, at the second attempt too"
    assert stream.bad[5].text == reason


def test_file_that_kills_is_done_twice_and_then_bad(
    two_workers: PreprocessingPool, paths: list[Path], trace: Path, caplog: pytest.LogCaptureFixture
) -> None:
    paths[70] = picture(paths[70].with_name("kills.png"), 70)
    stream = Stream(two_workers, paths, size=32)
    require_faithful(list(stream), paths, size=32, bad=[70])
    assert "killed by SIGKILL" in stream.bad[70].text
    assert decoded(trace).count("kills.png") == 2
    assert "its 32 files are done again, alone" in caplog.text


def test_file_that_kills_once_is_good(two_workers: PreprocessingPool, paths: list[Path]) -> None:
    paths[70] = picture(paths[70].with_name("once.png"), 70)
    stream = Stream(two_workers, paths, size=32)
    require_faithful(list(stream), paths, size=32)
    assert stream.bad == {}


def test_workers_that_are_killed_from_outside_cost_nothing(
    two_workers: PreprocessingPool, paths: list[Path]
) -> None:
    before = psutil.Process().children()
    two_workers.start()
    stream, batches = Stream(two_workers, paths, size=10), []
    for batch in stream:
        batches.append(batch)
        if len(batches) in (1, 4):
            worker = next(one for one in psutil.Process().children() if one not in before)
            os.kill(worker.pid, signal.SIGKILL)
    require_faithful(batches, paths, size=10)


def test_no_more_is_made_than_was_asked_for(
    two_workers: PreprocessingPool, paths: list[Path], trace: Path
) -> None:
    batches = iter(Stream(two_workers, paths, size=5, ahead=2))
    next(batches)
    time.sleep(0.5)
    assert 5 <= len(decoded(trace)) <= 5 * 3
    list(batches)
    assert len(decoded(trace)) == 100


def test_stream_that_is_left_leaves_nothing(
    preprocessor: Tiny, paths: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = psutil.Process().children()
    with PreprocessingPool(preprocessor, workers=2) as pool:
        batches = Stream(pool, paths, size=5).__iter__()
        next(batches)
        assert list(tmp_path.glob("zoo-tensors-*"))
        batches.close()
        assert not list(tmp_path.glob("zoo-tensors-*"))
    assert psutil.Process().children() == before


def test_missing_library_is_no_bad_file(trace: Path, paths: list[Path]) -> None:
    with (
        PreprocessingPool(Missing(trace), workers=1) as pool,
        pytest.raises(MissingSource, match="no such library"),
    ):
        list(Stream(pool, paths, size=5))


def test_library_that_ends_the_process_is_no_bad_file(trace: Path, paths: list[Path]) -> None:
    with (
        PreprocessingPool(Dying(trace), workers=1) as pool,
        pytest.raises(PreprocessError, match=r"preprocess failed: .*exit code 3.*tiny"),
    ):
        list(Stream(pool, paths, size=5))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"workers": 0}, "workers must be at least 1"),
        ({"workers": 1, "file_limit_s": 0.0}, "file_limit_s must be above 0"),
        ({"workers": 1, "file_limit_s": float("nan")}, "file_limit_s must be above 0"),
    ],
)
def test_impossible_options_are_refused(
    preprocessor: Tiny, wrong: dict[str, float], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        PreprocessingPool(preprocessor, **wrong)


def test_unknown_pipeline_is_refused() -> None:
    with pytest.raises(
        Exception, match="no pipeline 'pages', expected one of torchvision-IMAGENET1K_V1, page, "
    ):
        FileToTensor("pages")
