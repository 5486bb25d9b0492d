"""Everything that goes wrong on a host with cards becomes a named error with the log's tail."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import vendor_stand_in as tiny

from harness.backends.vendor import CompiledModel, compile_model, versions
from harness.errors import (
    CompileCrash,
    CompileError,
    CompileHang,
    DeadCard,
    HarnessError,
    MismatchedOutput,
    MissingLicence,
    NotEnoughDisk,
    OutOfDeviceMemory,
    PartialCompilation,
    PartialOutput,
    RunCrash,
    RunError,
    RunHang,
    StageError,
    Unavailable,
    UnfitVersion,
    WrongOutput,
)
from harness.expected.buildconfig import BuildConfig

RunnerOf = Callable[..., CompiledModel]
ConfigOf = Callable[..., BuildConfig]
SHORT_S = 2.5  # seconds; the stand-in takes a twentieth of a second to start hanging

COMPILER_FAULTS = [
    ("licence", MissingLicence, "no licence: FATAL: license check failed"),
    ("version", UnfitVersion, "versions do not go together: FATAL: version mismatch"),
    ("disk-full", NotEnoughDisk, "disk full: terminate: write: No space left on device"),
    ("device-memory", CompileError, "out of device memory: E0101"),
    ("crash", CompileCrash, "vamc was killed by SIGSEGV"),
    ("killed", CompileCrash, r"vamc was killed by SIGKILL \(often the kernel's out-of-memory"),
    ("fail", CompileError, "vamc ended with exit code 9"),
    ("silent", PartialCompilation, "ended well and left nothing; expected one model of 3 files"),
    ("two-files", PartialCompilation, r"left \S+/mod.json \(\d+ bytes\), \S+/mod.so"),
    ("empty-file", PartialCompilation, r"mod.params \(0 bytes\)"),
    ("two-models", PartialCompilation, r"mod.so \(\d+ bytes\), \S+other.json"),
]

RUNNER_FAULTS = [
    ("licence", MissingLicence, "no licence: FATAL: license check failed"),
    ("version", UnfitVersion, "versions do not go together: FATAL: version mismatch"),
    ("disk-full", NotEnoughDisk, "disk full: terminate: write: No space left on device"),
    ("device-memory", OutOfDeviceMemory, "out of device memory: E0101 vacc_malloc"),
    ("device-lost", DeadCard, "card lost: E0202 device 0 lost"),
    ("crash", RunCrash, "vamp was killed by SIGSEGV"),
    ("abort", RunCrash, "vamp was killed by SIGABRT"),
    ("fail", RunError, "vamp ended with exit code 9"),
    ("silent", PartialOutput, "13 of 13 outputs are missing, the first is 00000000.npz"),
    ("drop", PartialOutput, "1 of 13 outputs are missing, the first is 00000003.npz"),
    ("extra", PartialOutput, "output 00000013.npz belongs to none of the 13 inputs"),
    ("rename", PartialOutput, "output result.npz belongs to none of the 13 inputs"),
    ("same-number", PartialOutput, "00000006.npz and copy_00000006.npz belong to one input"),
    ("empty-file", WrongOutput, "output 00000003.npz: cannot be read"),
    ("damaged", WrongOutput, "output 00000003.npz: cannot be read"),
    ("key", WrongOutput, "holds logits.npy, expected output_0 alone"),
    ("shape", WrongOutput, r"shape \(2, 1, 10\), expected one image's 10 logits"),
    ("classes", WrongOutput, r"shape \(1, 9\), expected one image's 10 logits"),
    ("dtype", WrongOutput, "00000003.npz: int32, expected float16 or float32"),
    ("objects", WrongOutput, "an array of objects, which are never loaded"),
    ("nan", WrongOutput, "1 of 10 values are not finite"),
    ("constant", WrongOutput, "every image got the same answer"),
    ("shuffle", MismatchedOutput, "of 7 copies of images got other answers than their first"),
    ("rotate", MismatchedOutput, "not in the order of the inputs"),
    ("reverse", MismatchedOutput, "not in the order of the inputs"),
    ("swap", MismatchedOutput, "00000003.npz are one image, and differ by up to"),
    ("repeat", MismatchedOutput, "1 of 7 copies"),
]

UNAVAILABLE = (MissingLicence, UnfitVersion, NotEnoughDisk)


@pytest.mark.shows(
    "a compiler or runner ends well and leaves nothing, or half",
    by="what it leaves is read, and not its exit code believed",
)
@pytest.mark.parametrize(("fault", "error", "told"), COMPILER_FAULTS)
def test_compiler_fault_is_named(
    fault: str, error: type[HarnessError], told: str, config_of: ConfigOf, tmp_path: Path
) -> None:
    tools = tiny.stand_in(f"vamc:{fault}")
    target = tmp_path / "out" / "model"
    with pytest.raises(error, match=told) as caught:
        compile_model(tools, config_of("fp16"), target, timeout_s=tiny.LONG_S, case="tiny/row")
    assert type(caught.value) is error
    assert "  | vamc stand-in" in str(caught.value)
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.shows("a compiler or runner ends well and leaves nothing, or half")
@pytest.mark.parametrize(("fault", "error", "told"), RUNNER_FAULTS)
def test_runner_fault_is_named(
    fault: str,
    error: type[HarnessError],
    told: str,
    runner_of: RunnerOf,
    files: tuple[Path, ...],
    tmp_path: Path,
) -> None:
    with pytest.raises(error, match=told) as caught:
        runner_of(f"vamp:{fault}").answers(files)
    assert type(caught.value) is error
    assert "  | vamp stand-in" in str(caught.value)
    assert isinstance(caught.value, Unavailable) or "[tiny/row]" in str(caught.value)
    assert not list((tmp_path / "scratch space").iterdir())


def test_only_what_the_host_lacks_counts_as_not_measured() -> None:
    errors = {error for _, error, _ in (*COMPILER_FAULTS, *RUNNER_FAULTS)}
    for error in errors:
        assert issubclass(error, Unavailable) == (error in UNAVAILABLE)
        assert issubclass(error, StageError) != issubclass(error, Unavailable)


@pytest.mark.parametrize("fault", ["hang", "stubborn-hang"])
def test_hanging_runner_is_killed_with_all_it_started(
    fault: str, runner_of: RunnerOf, files: tuple[Path, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.backends.vendor.processes.TERM_GRACE_SECONDS", 0.2)
    with pytest.raises(RunHang, match=r"did not finish within \d\.\d s and was killed") as caught:
        runner_of(f"vamp:{fault}", timeout_s=SHORT_S).answers(files)
    assert "waiting for the card" in caught.value.log
    for pid in re.findall(r"child (\d+)", caught.value.log):
        tiny.wait_until_gone(int(pid))
    assert ("child" in caught.value.log) == (fault == "stubborn-hang")


def test_hanging_compiler_leaves_nothing(config_of: ConfigOf, tmp_path: Path) -> None:
    tools = tiny.stand_in("vamc:hang")
    with pytest.raises(CompileHang, match="vamc did not finish within"):
        compile_model(tools, config_of("fp16"), tmp_path / "out", timeout_s=0.3)
    assert not list(tmp_path.iterdir())


def test_model_of_a_newer_compiler_is_unfit(
    runner_of: RunnerOf, tmp_path: Path, files: tuple[Path, ...]
) -> None:
    (tmp_path / "mod.json").write_text('{"format": 2}', encoding="ascii")
    with pytest.raises(UnfitVersion, match="model format version 2 is not supported"):
        runner_of(prefix=tmp_path / "mod").answers(files)


def test_disk_that_is_full_on_our_side_is_named(
    runner_of: RunnerOf, files: tuple[Path, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("harness.runtime.atomic.os.fsync", full)
    with pytest.raises(NotEnoughDisk, match="No space left on device"):
        runner_of().answers(files)


def test_target_that_holds_something_is_left_alone(config_of: ConfigOf, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "precious").touch()
    with pytest.raises(HarnessError, match="not empty"):
        compile_model(tiny.stand_in(), config_of("fp16"), tmp_path / "out", timeout_s=tiny.LONG_S)
    assert [path.name for path in tmp_path.rglob("*")] == ["out", "precious"]


def test_licence_is_asked_for_before_anything_else(tmp_path: Path) -> None:
    for name in ("vamc", "vamp"):
        (tmp_path / name).write_text("#!/bin/sh\necho no valid license; exit 1\n", encoding="ascii")
        (tmp_path / name).chmod(0o755)
    with pytest.raises(MissingLicence, match="vamc: no licence: no valid license"):
        versions(tiny.find_toolchain(tmp_path))


def test_tool_without_a_version_option_is_of_unknown_version(tmp_path: Path) -> None:
    for name in ("vamc", "vamp"):
        (tmp_path / name).write_text("#!/bin/sh\necho usage; exit 2\n", encoding="ascii")
        (tmp_path / name).chmod(0o755)
    told = versions(tiny.find_toolchain(tmp_path))
    assert (told.compiler, told.runner) == ("vamc, unknown version", "vamp, unknown version")
    assert not told.stand_in


def test_misspelt_fault_proves_nothing_and_is_told(
    runner_of: RunnerOf, files: tuple[Path, ...]
) -> None:
    with pytest.raises(RunError, match=r"(?s)exit code 1.*unknown fault 'vamp:hnag'"):
        runner_of("vamp:hnag").answers(files)
