"""Causes are told by what a failed tool printed, and not where it means something else."""

from __future__ import annotations

import pickle

import pytest

from harness.backends.vendor.diagnosis import COMPILING, RUNNING, cause, failure
from harness.backends.vendor.processes import Ended
from harness.errors import (
    CompileError,
    DeadCard,
    HarnessError,
    MissingLicence,
    NotEnoughDisk,
    OutOfDeviceMemory,
    RunCrash,
    RunError,
    RunHang,
    UnfitVersion,
)


def ended(log: str, code: int | None = 1) -> Ended:
    return Ended("vamp", code, 1.0, log)


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("OSError: [Errno 28] No space left on device", NotEnoughDisk),
        ("write failed: Disk quota exceeded", NotEnoughDisk),
        ("License expired on 2031-01-01", MissingLicence),
        ("ERROR: no valid licence found", MissingLicence),
        ("dongle not found", MissingLicence),
        ("driver version 1.2 does not match runtime 1.3", UnfitVersion),
        ("Unsupported model version: 7", UnfitVersion),
        ("vacc::malloc: out of device memory", OutOfDeviceMemory),
        ("DDR allocation failed: alloc failed for 3 GiB", OutOfDeviceMemory),
        ("die 3 not responding", DeadCard),
        ("PCIe bus error: severity=Fatal", DeadCard),
    ],
)
def test_cause_is_told_by_its_line(line: str, error: type[HarnessError]) -> None:
    found = failure(ended(f"loading\n{line}\nbye"), RUNNING)
    assert type(found) is error
    assert line in str(found)


@pytest.mark.parametrize(
    "line",
    [
        "Licensed under the Apache License, Version 2.0",
        "driver version 1.2",
        "saved to disk; full log in /tmp",
        "using device 0 with 16 GiB of memory",
        "resetting counters",
        "the model is out of date",
    ],
)
def test_harmless_line_is_no_cause(line: str) -> None:
    assert type(failure(ended(line), RUNNING)) is RunError


def test_success_is_success_whatever_is_printed() -> None:
    assert failure(ended("warning: No space left on device", code=0), RUNNING) is None
    assert type(cause(ended("No space left on device", code=0), RUNNING)) is NotEnoughDisk


def test_printed_cause_comes_before_the_signal_and_a_hang_before_both() -> None:
    log = "terminate called: out of device memory"
    assert type(failure(ended(log, code=-6), RUNNING)) is OutOfDeviceMemory
    assert type(failure(ended("", code=-6), RUNNING)) is RunCrash
    assert type(failure(ended(log, code=None), RUNNING)) is RunHang


def test_cards_error_told_by_the_compiler_is_the_compilers() -> None:
    assert type(failure(ended("out of device memory"), COMPILING)) is CompileError


def test_log_of_what_is_unavailable_is_shown_too() -> None:
    found = failure(ended("first\nlicense expired\nlast"), RUNNING, case="a/row")
    assert str(found).endswith("log:\n  | first\n  | license expired\n  | last")


@pytest.mark.parametrize("log", ["license expired", "card lost", "unheard of"])
def test_error_comes_whole_out_of_another_process(log: str) -> None:
    found = failure(ended(log), RUNNING, case="a/row")
    again = pickle.loads(pickle.dumps(found))
    assert (type(again), str(again)) == (type(found), str(found))


def test_unknown_signal_is_a_number() -> None:
    assert "killed by signal 33" in str(failure(ended("", code=-33), RUNNING))
