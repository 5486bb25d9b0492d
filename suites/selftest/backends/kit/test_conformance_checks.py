"""Each check of the kit passes right stand-ins, and fails a wrong one for the right reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import faulty_backends as faulty
import pytest

from harness.backends.backend import Host, Precision
from harness.backends.kit import CHECKS, BackendUnderTest, NetworkUnderTest
from harness.errors import NonConformance

WRONG: tuple[tuple[str, type[Any], Precision, str], ...] = (
    ("declared", faulty.StrangePrecision, "fp32", "precisions are .*'fp8'"),
    ("declared", faulty.LosesAnImage, "fp32", r"makes images \(5, 3, 32, 32\) of \(6, 3, 32, 32"),
    ("declared", faulty.NoTools, "fp32", "tools are .*expected names and versions"),
    ("declared", faulty.FactsOfNumpy, "int8", "facts cannot be stored: .*float32"),
    ("declared", faulty.FactsInTuples, "int8", "not in JSON's types"),
    ("declared", faulty.NothingCompiled, "int8", "compiled, and there is no model.npz"),
    ("shape", faulty.ExtraAxis, "fp32", r"1 images give \(1, 20, 1, 1\), not \(1, 20\)"),
    ("shape", faulty.LosesTheLast, "fp32", r"2 images give \(1, 20\), not \(2, 20\)"),
    ("float32", faulty.Doubles, "fp32", "outputs are ndarray float64, expected float32"),
    ("float32", faulty.Matrices, "fp32", "outputs are matrix"),
    ("finite", faulty.NotANumber, "fp32", r"images \[5\] have NaN or infinite logits"),
    ("own_memory", faulty.FortranOrder, "fp32", "not C-contiguous"),
    ("own_memory", faulty.OneBuffer, "fp32", "a second run overwrites the first one's outputs"),
    ("own_memory", faulty.InTheImages, "fp32", "share memory with the images"),
    ("images_unchanged", faulty.NormalizesInPlace, "fp32", "modifies the images"),
    ("any_layout", faulty.NormalizesInPlace, "fp32", "images read-only: ValueError"),
    ("any_layout", faulty.NoNegativeStrides, "fp32", "images backwards in memory: ValueError"),
    ("any_layout", faulty.IgnoresStrides, "fp32", "they differ by .* nothing is allowed"),
    ("batch_invariance", faulty.BatchStatistics, "fp32", "images alone, and as one batch"),
    ("order", faulty.OtherWayRound, "fp32", "images in another order"),
    ("determinism", faulty.ChangesOnTheThirdCall, "fp32", "two calls of one session"),
    ("determinism", faulty.EachSessionItsOwn, "fp32", "two sessions of one model"),
    ("compiled_again", faulty.RandomCompilation, "int8", "two compilations"),
    ("threads", faulty.SharedBetweenThreads, "fp32", "beside one in another thread"),
    ("processes", faulty.SharedBetweenProcesses, "fp32", "a process alone, and beside another"),
    ("exact", faulty.HalfAsLarge, "int8", "spacings off float64, at most 16 are allowed"),
    ("no_finer", faulty.SecretlyFloat32, "fp16", "it was computed in a finer precision"),
    ("no_finer", faulty.SecretlyFloat32, "int8", "it was computed in a finer precision"),
    ("no_finer", faulty.AlwaysHalf, "fp16", "equals fp32 bit for bit"),
    ("no_float_operators", faulty.LeftInFloat, "int8", "silent fallback: floating: .*Gemm"),
    ("no_float_operators", faulty.NamesTheUnquantized, "int8", "unquantized: .*/fc/Gemm"),
    ("no_float_operators", faulty.NothingHeavy, "int8", "no convolution or matrix product"),
    ("refuses_wrong_channels", faulty.TakesAnyChannels, "fp32", "taken without an error"),
    ("refuses_wrong_channels", faulty.CrashesOnChannels, "fp32", "killed by SIGABRT"),
    ("refuses_wrong_channels", faulty.SpoiltByChannels, "fp32", "before and after wrong channels"),
    ("refuses_wrong_dtype", faulty.TakesAnyType, "fp32", "taken without an error"),
    ("refuses_missing_file", faulty.ForeignError, "fp32", "got FileNotFoundError"),
    ("refuses_truncated_file", faulty.TakesHalfAFile, "int8", "taken without an error"),
    ("refuses_unknown_precision", faulty.RunsAnyPrecision, "fp32", "gives shape"),
    ("refuses_unknown_precision", faulty.CompilesToAnything, "int8", "gives .*heavy"),
    ("leaves_no_files", faulty.LeavesAProfile, "fp32", "cwd/profile.json"),
    ("leaves_no_files", faulty.LeavesTemporaryFiles, "fp32", "tmp/forgotten-"),
    ("leaves_no_files", faulty.WritesBesideTheModel, "fp32", "exam.cache"),
    ("leaves_no_files", faulty.CompilerLeavesFiles, "int8", "tmp/workspace-"),
    ("leaves_no_processes", faulty.LeavesAProcess, "fp32", "leaves processes: sleep 300"),
    ("leaves_no_threads", faulty.LeavesThreads, "fp32", "threads after the first session"),
    ("keeps_no_memory", faulty.KeepsImages, "fp32", "memory grew by"),
)


@pytest.fixture
def small(tmp_path: Path) -> NetworkUnderTest:
    (tmp_path / "subject").mkdir()
    return faulty.small_subject(tmp_path / "subject")


def examined(make: type[Any], subject: NetworkUnderTest, folder: Path) -> BackendUnderTest:
    (folder / "exam").mkdir()
    (folder / "cards").mkdir()
    host = Host(cards_folder=folder / "cards")
    return BackendUnderTest(make, subject, folder / "exam", name=make.__name__, host=host)


@pytest.mark.parametrize("precision", faulty.Right.precisions)
@pytest.mark.parametrize("make", [faulty.Right, faulty.RightLevels])
def test_a_right_backend_passes_every_check(
    make: type[Any], precision: Precision, small: NetworkUnderTest, tmp_path: Path
) -> None:
    with examined(make, small, tmp_path) as under_test:
        for check in CHECKS.values():
            check(under_test, precision)


@pytest.mark.shows("a backend is wrong in a way that one row does not show")
@pytest.mark.parametrize(
    ("check", "make", "precision", "cause"),
    WRONG,
    ids=[f"{check}-{make.__name__}-{precision}" for check, make, precision, _ in WRONG],
)
def test_a_wrong_backend_fails_for_the_right_reason(
    check: str,
    make: type[Any],
    precision: Precision,
    cause: str,
    small: NetworkUnderTest,
    tmp_path: Path,
) -> None:
    with (
        examined(make, small, tmp_path) as under_test,
        pytest.raises(NonConformance, match=rf"backend {make.__name__}, {precision}: .*{cause}"),
    ):
        CHECKS[check](under_test, precision)


@pytest.mark.shows("a backend is wrong in a way that one row does not show")
def test_every_check_has_a_backend_that_fails_it() -> None:
    assert {check for check, *_ in WRONG} == set(CHECKS)
