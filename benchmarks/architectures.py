"""Every network of the source libraries that classifies ImageNet-1k, counted, or why it is not.

A page may name any of them. So each is built and counted once, and the table is kept.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Final

from harness.counting.rules import count
from harness.errors import CountError, HarnessError, one_line
from harness.resolving.libraries import library_of
from harness.resolving.networks import network_name
from harness.runtime import atomic
from harness.runtime.isolation import CHILD_ENVIRONMENT, Worker
from harness.sources import adapter, sources

TABLE: Final = Path(__file__).parent / "architectures.csv"

_USUAL_SIZE: Final = 224  # pixels; where the library says none
_INSTALLED: Final = re.compile(
    r'/\S*/site-packages/|(?<=")/\S*(?=…)'
)  # where packages are on this machine
_LISTING_S: Final = 600.0
_COUNTING_S: Final = 300.0  # seconds; the largest takes some forty


@dataclass(frozen=True, slots=True)
class Architecture:
    """A network that a library offers with a head for ImageNet-1k.

    Attributes:
        model: one of its models, as variants pin it.
        size: height and width of the input, in pixels.
        params, macs: its true counts; 0 where it cannot be counted.
        reason: why it cannot, or "".
    """

    source: str
    name: str
    model: str
    size: int
    params: int = 0
    macs: int = 0
    reason: str = ""


_COLUMNS: Final = [field.name for field in fields(Architecture)]


def sweep(names: Iterable[str], known: Iterable[Architecture] = ()) -> Iterator[Architecture]:
    """Count what the libraries offer, one after the other, each source in a process of its own.

    What is known is not counted again.

    Raises:
        StageError: a library cannot list its models.
    """
    before = {(one.source, one.name, one.model, one.size): one for one in known}
    for source in names:
        with Worker(environment=CHILD_ENVIRONMENT) as worker:
            listed = worker.run(offered, source, timeout_s=_LISTING_S, stage=CountError)
            for one in listed:
                kept = before.get((one.source, one.name, one.model, one.size))
                yield kept or (one if one.reason else _counted(worker, one))


def _counted(worker: Worker, one: Architecture) -> Architecture:
    try:
        params, macs = worker.run(
            counts, one.source, one.model, one.size, timeout_s=_COUNTING_S, stage=CountError
        )
    except CountError as error:
        reason = _told(HarnessError(error.message))
        return Architecture(one.source, one.name, one.model, one.size, reason=reason)
    except HarnessError as error:
        return Architecture(one.source, one.name, one.model, one.size, reason=_told(error))
    return Architecture(one.source, one.name, one.model, one.size, params, macs)


def _told(error: Exception) -> str:
    """What was raised, without where this machine has its packages."""
    name = "" if isinstance(error, HarnessError) else f"{type(error).__name__}: "
    return one_line(HarnessError(name + _INSTALLED.sub("", str(error))))


def offered(source: str) -> tuple[Architecture, ...]:
    """What a library offers, by name: of each network the first model, at the size it is run at.

    Raises:
        MissingSource: it is not installed.
    """
    library = library_of(source)
    if library is None:
        return ()
    found: dict[tuple[str, int], Architecture] = {}
    for name in sorted(set(library.names().values())):
        try:
            choices = library.choices(name)[:1]
        except Exception as error:  # whatever a library raises about one of its models
            reason = _told(error)
            found[name, 0] = Architecture(source, name, name, _USUAL_SIZE, reason=reason)
            continue
        for choice in choices:
            size = choice.input_size or _USUAL_SIZE
            one = Architecture(source, choice.name, choice.model, size)
            found.setdefault((network_name(source, choice.name), size), one)
    return tuple(found.values())


def counts(source: str, model: str, size: int) -> tuple[int, int]:
    """Parameters and multiply-accumulates, by the rule ``true``.

    Raises:
        HarnessError: the network cannot be built or counted.
    """
    network = adapter(source).build(model, input_size=size, weightless=True)
    counted = count(
        network.countable, network.framework, input_shape=network.input_shape, rule="true"
    )
    return counted.params, counted.operations


def with_models() -> tuple[str, ...]:
    """The sources that can list what they offer."""
    return tuple(name for name, one in sources().items() if one.models)


def read(path: Path) -> list[Architecture]:
    """A table that was written before; nothing where there is none.

    Raises:
        HarnessError: it is not such a table.
    """
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        lines = csv.DictReader(file)
        if lines.fieldnames != _COLUMNS:
            raise HarnessError(f"{path}:1: expected the columns {','.join(_COLUMNS)}")
        try:
            return [
                Architecture(
                    line["source"],
                    line["name"],
                    line["model"],
                    size=int(line["size"]),
                    params=int(line["params"]),
                    macs=int(line["macs"]),
                    reason=line["reason"],
                )
                for line in lines
            ]
        except (TypeError, ValueError) as error:
            raise HarnessError(f"{path}:{lines.line_num}: {error}") from error


def write(path: Path, architectures: Iterable[Architecture]) -> None:
    """Write the table, by source and name."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    writer.writerows(astuple(one) for one in sorted(architectures, key=astuple))
    atomic.write_text(path, text.getvalue())
