"""A run on the hosts of a cluster tells what a run here tells, though a host is lost on the way."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any

import psutil
import pytest
from ray.cluster_utils import Cluster as RayCluster
from raylets import raylets

from harness.pipeline.catalogue import EXPECTED
from harness.reporting.results import CaseOutcome, CaseResult, Run
from harness.reporting.runlog import read

ROW = "resnext/torchvision/resnext50_32x4d"


def run_gate(folder: Path, name: str, *options: str) -> Run:
    """Every case of a row but fuzzing, on two workers, from an empty store."""
    log = folder / f"{name}.jsonl"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "2"]
    command += ["-m", "not preprocessing and not postprocessing", f"--row={ROW}", *options]
    command += [f"--store={folder / name}", f"--run-log={log}"]
    environment = {**os.environ, "PYTHONPATH": str(EXPECTED.parent)}
    subprocess.run(command, cwd=EXPECTED.parent, env=environment, check=True, timeout=600)
    return read(log)


def told(run: Run) -> list[CaseResult]:
    """What a run tells of each case, but for what it took, and where."""
    bare = {"duration_s": 0.0, "steps": (), "worker": "", "command": ""}
    return sorted((replace(one, **bare) for one in run.results), key=lambda one: one.case)


@pytest.mark.shows("a step is told as a host left it that was lost under it")
def test_a_run_that_loses_a_host_tells_what_a_run_here_tells(tmp_path: Path) -> None:
    with raylets(2, memory_bytes=6 * 2**30) as hosts:
        clustered, address = while_a_host_is_lost(hosts, tmp_path), hosts.address
    here = run_gate(tmp_path, "here")
    assert told(clustered) == told(here)
    assert sum(one.outcome is CaseOutcome.PASSED for one in here.results) > 20
    on_hosts = {step.host for one in clustered.results for step in one.steps}
    assert len(on_hosts) >= 2
    assert "" not in on_hosts
    assert clustered.header.options["cluster"] == address


def while_a_host_is_lost(hosts: RayCluster, folder: Path) -> Run:
    """A run on a cluster that loses a host at work, once a network has been computed."""
    store = folder / "clustered"

    def lose() -> None:
        while not list(store.glob("reference/*")) or not list(store.glob("tmp/*/attempt-1")):
            time.sleep(0.02)
        (at_work,) = (one for one in hosts.worker_nodes if is_at_work(one))  # there is one row
        hosts.remove_node(at_work, allow_graceful=False)

    losing = Thread(target=lose, daemon=True)
    losing.start()
    clustered = run_gate(folder, "clustered", f"--cluster={hosts.address}")
    losing.join(1)
    assert not losing.is_alive()
    return clustered


def is_at_work(host: Any) -> bool:
    """Whether a host has a child for steps."""
    (raylet,) = host.all_processes["raylet"]
    for child in psutil.Process(raylet.process.pid).children(recursive=True):
        with suppress(psutil.Error):  # it has just ended
            if "isolation_child" in " ".join(child.cmdline()):
                return True
    return False
