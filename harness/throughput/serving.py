"""The process that holds instances: it answers positions of images with logits."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.backends.session import Session
from harness.errors import PartialOutput

Floats = npt.NDArray[np.float32]
Images = npt.NDArray[Any]
OpenSession = Callable[[], Session]


def serve(open_session: OpenSession, images: Path, address: str, instances: int) -> None:
    """Open sessions, connect each to the socket at ``address``, answer until all are closed.

    A session is used by one thread of its own. Where one fails, all connections are shut.

    Args:
        open_session: called once for each instance, one after the other.
        images: an ``.npy`` file, (n, 3, height, width) in whatever type the sessions take.
        address: a listening socket of the file system.
        instances: how many sessions.

    Raises:
        PartialOutput: a session gave another number of outputs than it was given images.
        HarnessError: what opening or running a session raised.
    """
    pictures = np.load(images, allow_pickle=False)
    sessions = [open_session() for _ in range(instances)]
    with ExitStack() as stack:
        sockets = [stack.enter_context(_connected(address)) for _ in sessions]
        with ThreadPoolExecutor(instances) as pool:
            running = [
                pool.submit(_answer, session, pictures, ours, sockets)
                for session, ours in zip(sessions, sockets, strict=True)
            ]
        for one in running:
            one.result()


def outputs_of(session: Session, images: Images) -> Floats:
    """Run one batch; what comes is in memory, contiguous, float32 (n, classes).

    Raises:
        PartialOutput: there are not as many outputs as images.
    """
    outputs = np.ascontiguousarray(session.logits(images), dtype=np.float32)
    if outputs.ndim != 2 or len(outputs) != len(images):
        raise PartialOutput(f"a batch of {len(images)} images gave outputs {outputs.shape}")
    return outputs


def _connected(address: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(address)
    return connection


def _answer(
    session: Session, images: Images, ours: socket.socket, every: Sequence[socket.socket]
) -> None:
    try:
        with Connection(os.dup(ours.fileno())) as connection:
            while True:
                try:
                    positions = connection.recv()
                except (EOFError, ConnectionError):
                    return
                connection.send(outputs_of(session, images[positions]))
    except BaseException:
        for one in every:  # wakes the other threads, which nobody would ask any more
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        raise
