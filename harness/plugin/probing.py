"""What of a nightly run can be done on this machine, and what cannot, before anything is built."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from harness.backends.backend import Host
from harness.backends.registry import backend
from harness.errors import HarnessError, MissingWeights, StageError, Unavailable
from harness.pipeline.catalogue import DocumentedModel
from harness.reporting import machine
from harness.reporting.outline import STAND_IN
from harness.sources import weights as published

GIB = 2**30
LOADGEN = "mlcommons-loadgen"


@dataclass(frozen=True, slots=True)
class Probe:
    """One thing that a run may use.

    Attributes:
        subject: what it is, such as "backend vendor".
        runs: whether it can be used.
        told: its versions, or why it cannot.
        stand_in: it only stands in for the real thing.
    """

    subject: str
    runs: bool
    told: str
    stand_in: bool = False


def probe_backend(name: str, host: Host) -> Probe:
    """Ask a backend for its tools; one that fails in any way cannot be used."""
    try:
        tools = backend(name, host).tools()
    except (Unavailable, StageError) as error:
        return Probe(f"backend {name}", False, _first_line(error))
    told = ", ".join(_tool(tool, said) for tool, said in tools.items())
    return Probe(f"backend {name}", True, told, STAND_IN in told.lower())


def probe_cards(name: str, host: Host) -> tuple[Probe, ...]:
    """A backend's cards, with those that were set aside."""
    try:
        cards = backend(name, host).runner.cards()
    except (Unavailable, StageError) as error:
        return (Probe("cards", False, _first_line(error)),)
    return tuple(
        Probe(f"card {card}", not aside, aside or "not set aside") for card, aside in cards.items()
    )


def probe_weights(asked: str | None, subjects: Iterable[DocumentedModel]) -> Probe:
    """For how many rows there are published weights."""
    if asked is None:
        return Probe("weights", False, "none given, --weights: rows have seeded ones")
    if asked == "hub":
        return Probe("weights", True, "each library's own download, tried when it is needed")
    rows = tuple(subjects)
    missing = [subject.id for subject in rows if not _has_weights(Path(asked), subject)]
    told = f"{len(rows) - len(missing)} of {len(rows)} rows, {asked}"
    if missing:
        told += f"; not {missing[0]}" + (f" and {len(missing) - 1} more" * (len(missing) > 1))
    return Probe("weights", len(missing) < len(rows), told)


def probe_folder(subject: str, folder: Path | None, option: str) -> Probe:
    """Whether a folder was given and is there."""
    if folder is None:
        return Probe(subject, False, f"none given, {option}")
    return Probe(subject, folder.exists(), f"{folder}{'' if folder.exists() else ' is not there'}")


def probe_loadgen() -> Probe:
    """Whether throughput and latency can be measured."""
    if importlib.util.find_spec("mlperf_loadgen") is None:
        return Probe("throughput", False, f"{LOADGEN} is not installed (extra 'throughput')")
    return Probe("throughput", True, f"LoadGen {version(LOADGEN)}")


def screen(probes: Sequence[Probe], *, place: Path) -> list[str]:
    """All of it in as many lines; ``place`` is where built things are kept."""
    here = machine.describe()
    free = shutil.disk_usage(_existing(place)).free
    lines = [
        f"nightly on {here.cpu}: {here.cores} cores, {here.memory_bytes / GIB:.1f} GiB of memory, "
        f"{free / GIB:.0f} GiB free in {place}"
    ]
    width = max((len(one.subject) for one in probes), default=0)
    for one in probes:
        word = "cannot run" if not one.runs else "STAND-IN" if one.stand_in else "runs"
        lines.append(f"  {word:<10}  {one.subject:<{width}}  {one.told}")
    return lines


def _has_weights(folder: Path, subject: DocumentedModel) -> bool:
    try:
        published.find(subject.variant, folder)
    except MissingWeights:
        return False
    return True


def _tool(name: str, said: str) -> str:
    """A tool that says its own name is not named twice."""
    return said if said.lower().startswith(name.lower()) else f"{name} {said}"


def _first_line(error: HarnessError) -> str:
    return str(error).partition("\n")[0]


def _existing(folder: Path) -> Path:
    return next(one for one in (folder.absolute(), *folder.absolute().parents) if one.exists())
