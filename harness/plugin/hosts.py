"""``--cluster``: the controller joins a Ray cluster, or starts one here, and looks at its hosts."""

from __future__ import annotations

import pytest

from harness.pipeline.building import Builder, Settings, make_worker
from harness.runtime import cluster

ADDRESS = "zoo_cluster"
"""What workers of pytest-xdist are told of the cluster."""
HOSTS = pytest.StashKey[cluster.Hosts]()
STARTED = pytest.StashKey[cluster.Local]()


def address_of(config: pytest.Config, *, memory_bytes: int) -> str | None:
    """Where steps run, or None for here; a cluster of this machine alone is started.

    ``memory_bytes``: what all its steps together may take.

    Raises:
        Unavailable: Ray is not installed, or does not start.
    """
    if hasattr(config, "workerinput"):
        return config.workerinput[ADDRESS]  # type: ignore[no-any-return]
    asked: str | None = config.getoption("--cluster")
    if asked != cluster.LOCAL or config.option.collectonly:
        return asked
    local = cluster.Local(memory_bytes=memory_bytes)
    config.stash[STARTED] = local
    return local.address


def require_hosts(config: pytest.Config, settings: Settings) -> None:
    """Refuse a cluster with a host that would compute something else.

    Raises:
        Unavailable: see :meth:`harness.runtime.cluster.Cluster.require_fit`.
    """
    if settings.cluster is None or hasattr(config, "workerinput") or config.option.collectonly:
        return
    builder = Builder(settings, make_worker())
    assert builder.cluster
    try:
        config.stash[HOSTS] = builder.cluster.require_fit(builder.store.root)
    finally:
        builder.close()


def pytest_report_header(config: pytest.Config) -> list[str]:
    """What the cluster has."""
    hosts = config.stash.get(HOSTS, None)
    return [f"cluster: {hosts}"] if hosts else []


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """End the cluster that was started for this run."""
    if (local := config.stash.get(STARTED, None)) is not None:
        local.close()
