"""Steps on the hosts of a cluster end as they do here; a host that is lost costs no verdict.

The hosts are raylets of Ray's own test cluster, all on this machine.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any

import isolated_steps as steps
import psutil
import pytest
from ray.cluster_utils import Cluster as RayCluster
from raylets import host, raylets

from harness.errors import (
    CompileError,
    ExportError,
    HarnessError,
    LostHost,
    NotEnoughMemory,
    RunError,
    Unavailable,
)
from harness.runtime.cluster import ATTEMPTS, Cluster
from harness.runtime.cluster_host import look
from harness.runtime.identity import installed
from harness.runtime.isolation import MIB, Worker

REPOSITORY = Path(__file__).resolve().parents[3]
MEMORY = 2048 * MIB
LONG_S = 150.0  # seconds nothing here takes
Run = Callable[..., Any]


@pytest.fixture(scope="module")
def hosts() -> Iterator[RayCluster]:
    """Two of them, each for one step at a time."""
    with raylets(2, memory_bytes=MEMORY) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def joined(hosts: RayCluster) -> Iterator[Cluster]:
    cluster = Cluster(hosts.address, tools=("numpy",))
    yield cluster
    cluster.close()


@pytest.fixture
def run(joined: Cluster) -> Run:
    return partial(joined.run, memory_bytes=MIB, timeout_s=LONG_S, stage=ExportError)


@pytest.fixture(scope="module")
def child() -> Iterator[Worker]:
    with Worker() as worker:
        yield worker


def test_a_result_and_what_it_took_come_back(run: Run, joined: Cluster) -> None:
    assert run(steps.add, 2, 3) == 5
    run(steps.hold_memory, 200 * MIB)
    assert joined.last_peak_bytes is not None
    assert joined.last_peak_bytes > 200 * MIB
    assert "(process " in joined.last_host


def test_hosts_that_fit_are_told(joined: Cluster, tmp_path: Path) -> None:
    found = joined.require_fit(tmp_path / "store")
    assert str(found) == "2 hosts, 2 cores, 4.0 GiB for steps"
    assert list((tmp_path / "store").iterdir()) == []


def test_what_a_step_writes_is_in_its_folder_and_nothing_else(run: Run, tmp_path: Path) -> None:
    run(steps.write_model, "weights", folder=tmp_path)
    assert {one.name: one.read_text() for one in tmp_path.iterdir()} == {"model.bin": "weights"}


@pytest.mark.parametrize(
    ("step", "arguments"),
    [
        (steps.segfault, ()),
        (steps.kill_self, (signal.SIGKILL,)),
        (steps.leave_at_once, (0,)),
        (steps.complain, ("no such operator",)),
        (steps.lack_a_key, ()),
        (steps.refuse_unsendably, ()),
        (steps.fail_at_stage, ()),
        (steps.fail_with_details, ()),
        (steps.return_unsendable, ()),
    ],
)
def test_a_step_fails_on_a_host_as_it_fails_here(
    run: Run, child: Worker, step: Callable[..., object], arguments: tuple[object, ...]
) -> None:
    with pytest.raises(HarnessError) as there:
        run(step, *arguments, case="row")
    with pytest.raises(HarnessError) as here:
        child.run(step, *arguments, timeout_s=LONG_S, stage=ExportError, case="row")
    assert type(there.value) is type(here.value)
    told, expected = (str(one.value).splitlines()[0] for one in (there, here))
    assert told.partition(", last seen")[0] == expected.partition(", last seen")[0]


def test_a_hang_is_ended_with_all_that_it_started(run: Run, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    with pytest.raises(CompileError, match="did not finish within 2 s"):
        run(steps.hang_with_descendants, pids, timeout_s=2, stage=CompileError)
    for pid in map(int, pids.read_text().split()):
        wait_for(lambda pid=pid: not is_running(pid))


def test_what_cannot_be_sent_is_refused(run: Run) -> None:
    with pytest.raises(TypeError, match="cannot be sent"):
        run(lambda: 1)


def test_a_backend_that_few_hosts_have_runs_there(
    run: Run, hosts: RayCluster, tmp_path: Path
) -> None:
    with_cards = hosts.add_node(**host(MEMORY), resources={"vendor": 1})
    for number in range(3):
        folder = tmp_path / str(number)
        folder.mkdir()
        ran = run(steps.write_model, "weights", folder=folder, needs="vendor")
        assert host_of(ran, hosts) is with_cards
    hosts.remove_node(with_cards)
    assert run(steps.add, 1, 1, needs="nowhere") == 2


@pytest.mark.shows("a step is told as a host left it that was lost under it", by="another attempt")
def test_a_host_that_is_lost_in_the_middle_is_another_ones_work(
    run: Run, hosts: RayCluster, tmp_path: Path
) -> None:
    told, folder = tmp_path / "told", tmp_path / "folder"
    folder.mkdir()

    def lose() -> None:
        wait_for(told.exists)
        hosts.remove_node(host_of(int(told.read_text()), hosts), allow_graceful=False)

    losing = Thread(target=lose)
    losing.start()
    second = run(steps.wait_to_be_killed, told, "weights", folder=folder)
    losing.join()
    assert second != int(told.read_text())
    assert {one.name: one.read_text() for one in folder.iterdir()} == {"model.bin": "weights"}
    hosts.add_node(**host(MEMORY))


def host_of(process: int, hosts: RayCluster) -> Any:
    """The host whose process this is."""
    raylet = psutil.Process(process).ppid()
    (found,) = (
        one for one in hosts.worker_nodes if one.all_processes["raylet"][0].process.pid == raylet
    )
    return found


@pytest.mark.shows("a step is told as a host left it that was lost under it")
def test_a_step_that_takes_every_host_with_it_is_given_up(run: Run) -> None:
    with pytest.raises(LostHost, match=f"row: given up after {ATTEMPTS} attempts: WorkerCrashed"):
        run(steps.kill_the_host_process, case="row")
    assert run(steps.add, 1, 1) == 2


def test_more_memory_than_any_host_has_is_not_waited_for(run: Run) -> None:
    with pytest.raises(NotEnoughMemory, match=r"4\.00 GiB are needed; the largest of . hosts"):
        run(steps.add, 1, 1, memory_bytes=4096 * MIB)


@pytest.mark.shows("a host computes with other versions than the run", by="each host tells its own")
def test_a_host_with_another_version_is_refused_by_name(
    hosts: RayCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = installed(("numpy",)) | {"numpy": "0.1"}
    monkeypatch.setattr("harness.runtime.cluster.installed", lambda _: wanted)
    cluster = Cluster(hosts.address)
    with pytest.raises(Unavailable, match=r"host .* has numpy \d.*, where this run has 0\.1"):
        cluster.require_fit(tmp_path)
    with pytest.raises(LostHost, match=r"has numpy \d.*, where this run has 0\.1"):
        cluster.run(steps.add, 1, 1, memory_bytes=1, timeout_s=LONG_S, stage=RunError)


def test_a_host_that_does_not_see_the_store_is_refused(tmp_path: Path) -> None:
    assert "give --store a folder that all hosts see" in look(tmp_path / "none", "x", {})


def test_nobody_there_is_said_so() -> None:
    with pytest.raises(Unavailable, match=r"cluster 127\.0\.0\.1:1 cannot be joined"):
        Cluster("127.0.0.1:1").run(
            steps.add, 1, 1, memory_bytes=1, timeout_s=LONG_S, stage=RunError
        )


def test_without_ray_the_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(Unavailable, match=r"pip install 'zoo-conformance\[cluster\]'"):
        Cluster("local").run(steps.add, 1, 1, memory_bytes=1, timeout_s=LONG_S, stage=RunError)


STARTING = """
import sys, time
sys.path[:0] = [sys.argv[1]]
from harness.runtime import cluster
from harness.errors import RunError
with cluster.Local(cores=1, memory_bytes=2**30) as local:
    joined = cluster.Cluster(local.address)
    call = {"memory_bytes": 1, "timeout_s": 150, "stage": RunError}
    print(joined.run(abs, -7, **call), flush=True)
    time.sleep(300 * (sys.argv[2] == "killed"))
"""


@pytest.mark.parametrize("way", ["ends", "killed"])
def test_a_cluster_of_a_run_ends_with_it(way: str) -> None:
    started = [sys.executable, "-c", STARTING, str(REPOSITORY), way]
    with subprocess.Popen(started, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        assert parent.stdout.readline() == "7\n"
        theirs = [one.pid for one in psutil.Process(parent.pid).children(recursive=True)]
        parent.kill() if way == "killed" else parent.wait()
    for pid in theirs:
        wait_for(lambda pid=pid: not is_running(pid))


def is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LONG_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
