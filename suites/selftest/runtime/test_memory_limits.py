"""Memory is what the machine has, or what the control groups around this process leave of it."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from harness.runtime.memory_limits import available_bytes, total_bytes

MIB = 1024**2


@pytest.fixture
def membership(tmp_path: Path) -> Path:
    return tmp_path / "membership"


def write_group(folder: Path, files: dict[str, object]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in files.items():
        (folder / name).write_text(f"{value}\n")


def test_version_2_takes_the_smallest_limit_around(tmp_path: Path, membership: Path) -> None:
    membership.write_text("0::/job/step\n")
    stat = f"anon 1\ninactive_file {10 * MIB}\n"
    write_group(tmp_path / "job", {"memory.max": 100 * MIB, "memory.current": 70 * MIB})
    write_group(tmp_path / "job", {"memory.stat": stat})
    write_group(tmp_path / "job/step", {"memory.max": "max", "memory.current": 60 * MIB})
    assert total_bytes(membership=membership, mount=tmp_path) == 100 * MIB
    assert available_bytes(membership=membership, mount=tmp_path) == 40 * MIB


def test_version_1_has_other_names(tmp_path: Path, membership: Path) -> None:
    membership.write_text("5:cpu,cpuacct:/\n4:memory:/job\n0::/\n")
    group = {"memory.limit_in_bytes": 100 * MIB, "memory.usage_in_bytes": 30 * MIB}
    write_group(tmp_path / "memory/job", group)
    assert total_bytes(membership=membership, mount=tmp_path) == 100 * MIB
    assert available_bytes(membership=membership, mount=tmp_path) == 70 * MIB


def test_path_of_the_host_falls_back_to_the_mounted_root(tmp_path: Path, membership: Path) -> None:
    membership.write_text("0::/../../elsewhere\n")
    write_group(tmp_path, {"memory.max": 100 * MIB, "memory.current": 0})
    assert total_bytes(membership=membership, mount=tmp_path) == 100 * MIB


def test_group_over_its_limit_leaves_nothing(tmp_path: Path, membership: Path) -> None:
    membership.write_text("0::/\n")
    write_group(tmp_path, {"memory.max": 10 * MIB, "memory.current": 11 * MIB})
    assert available_bytes(membership=membership, mount=tmp_path) == 0


@pytest.mark.parametrize("text", [None, "", "0::/\n", "4:memory:/\n"])
def test_without_limits_it_is_the_machine(
    tmp_path: Path, membership: Path, text: str | None
) -> None:
    if text is not None:
        membership.write_text(text)
    write_group(tmp_path / "memory", {"memory.limit_in_bytes": 2**63 - 4096})
    assert total_bytes(membership=membership, mount=tmp_path) == psutil.virtual_memory().total
