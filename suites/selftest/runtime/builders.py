"""Builders for the store's tests, in this process and in others."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from harness.runtime.store import JSON, Key, Store

LARGE = 2 * 1024**2  # bytes, enough to be shared between entries
REPOSITORY = Path(__file__).parents[3]


def key_of(name: str = "net") -> Key:
    return Key.of("export", inputs={"network": name}, tools={"torch": "2.15.0"})


class Builder:
    """Writes ``model.bin``, and counts how often it was asked to."""

    def __init__(self, content: bytes = b"model" * 100) -> None:
        self.content = content
        self.runs = 0

    def __call__(self, folder: Path) -> Mapping[str, JSON]:
        self.runs += 1
        (folder / "model.bin").write_bytes(self.content)
        return {"bytes": len(self.content)}


def overwrite(path: Path, content: bytes) -> None:
    """Change a read-only file in place, as a bad disk would."""
    path.chmod(0o644)
    path.write_bytes(content)


def flip_last_byte(path: Path) -> None:
    content = path.read_bytes()
    overwrite(path, content[:-1] + bytes([content[-1] ^ 1]))


def start(function: str, *args: object) -> subprocess.Popen[bytes]:
    """Run a function of this module in a process of its own."""
    paths = [str(REPOSITORY), str(Path(__file__).parent)]
    source = f"import sys; sys.path[:0] = {paths!r}; import builders; builders.{function}"
    arguments = ", ".join(repr(str(argument)) for argument in args)
    return subprocess.Popen([sys.executable, "-c", f"{source}({arguments})"])


def wait_for(path: Path, *, within_s: float = 10.0) -> None:
    deadline = time.monotonic() + within_s
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} never came"
        time.sleep(0.01)


def build_slowly(root: str, traces: str) -> None:
    """Build, leaving a trace for every start of the work, which takes a while."""

    def produce(folder: Path) -> Mapping[str, JSON]:
        Path(traces, f"{os.getpid()}").touch()
        (folder / "model.bin").write_bytes(b"slow")
        time.sleep(0.4)
        return {}

    Store(Path(root)).use(key_of(), produce)


def build_half(root: str, written: str) -> None:
    """Write half of a file and then nothing more."""

    def produce(folder: Path) -> Mapping[str, JSON]:
        (folder / "model.bin").write_bytes(b"half of a mod")
        Path(written).touch()
        time.sleep(60)
        return {}

    Store(Path(root)).build(key_of(), produce)


def hold_entry(root: str, held: str) -> None:
    """Hold the entry for as long as the process lives."""
    entry = Store(Path(root)).get(key_of())
    assert entry is not None
    Path(held).write_text(json.dumps(entry.facts))
    time.sleep(60)
