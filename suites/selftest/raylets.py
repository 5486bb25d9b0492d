"""Hosts of a Ray cluster, all on this machine: Ray's own test cluster."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ray.cluster_utils import Cluster


def host(memory_bytes: int) -> Mapping[str, Any]:
    """What a host has that takes one step at a time."""
    return {"num_cpus": 1, "memory": memory_bytes, "object_store_memory": 80 * 2**20}


@contextmanager
def raylets(number: int, *, memory_bytes: int) -> Iterator[Cluster]:
    """A head that takes no step, and so many hosts."""
    Path(tempfile.gettempdir(), "ray").mkdir(exist_ok=True)  # where Ray notes which is the last
    with tempfile.TemporaryDirectory(prefix="ray") as folder:  # a short path, for sockets
        head = {**host(memory_bytes), "num_cpus": 0, "include_dashboard": False}
        cluster = Cluster(initialize_head=True, head_node_args=head | {"temp_dir": folder})
        try:
            for _ in range(number):
                cluster.add_node(**host(memory_bytes))
            yield cluster
        finally:
            cluster.shutdown()
