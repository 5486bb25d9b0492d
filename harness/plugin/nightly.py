"""``--nightly``: look at the machine first, run on what is there, and leave JUnit XML behind.

What was asked for by name and is not there fails: a host whose card has died must not stay green.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from harness.backends.registry import EMBEDDED, backend_names
from harness.pipeline.building import Settings
from harness.plugin.accuracy import OPTIONS, AccuracyOptions
from harness.plugin.options import GATE, Gate, host_of
from harness.plugin.probing import (
    Probe,
    probe_backend,
    probe_cards,
    probe_folder,
    probe_loadgen,
    probe_weights,
    screen,
)
from harness.plugin.run import runs_folder, stamp
from harness.runtime.store import open_store

SETTLED = "zoo_settled"
PROBES = pytest.StashKey[Sequence[Probe]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the option."""
    parser.getgroup("zoo").addoption(
        "--nightly",
        action="store_true",
        help="on hosts with accelerators: probe first, then run on every backend that is there",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Settle, before anything else is read, on which backends this run is."""
    if not config.getoption("--nightly"):
        return
    option = config.option
    if hasattr(config, "workerinput"):  # told what the controller settled on
        vars(option).update(config.workerinput[SETTLED])
        return
    host = host_of(config)
    asked: list[str] = option.backend
    found = tuple(probe_backend(name, host) for name in asked or backend_names())
    usable = [one.subject.removeprefix("backend ") for one in found if one.runs]
    option.require_backend = [*option.require_backend, *asked]
    option.backend = asked or usable or [EMBEDDED]
    option.throughput = True
    if not option.xmlpath:
        option.xmlpath = str(runs_folder(config.rootpath) / f"{stamp()}.xml")
    config.stash[PROBES] = (*found, probe_loadgen())


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell an xdist worker, which reads the command line again, what was settled on."""
    option = node.config.option
    node.workerinput[SETTLED] = {
        name: getattr(option, name) for name in ("backend", "require_backend", "throughput")
    }


def pytest_report_header(config: pytest.Config) -> list[str] | None:
    """One screen: what will run, and what cannot and why."""
    if PROBES not in config.stash:
        return None
    gate, accuracy = config.stash[GATE], config.stash[OPTIONS]
    return screen(_every(config.stash[PROBES], gate, accuracy), place=_store(gate.settings))


def _every(found: Sequence[Probe], gate: Gate, accuracy: AccuracyOptions) -> tuple[Probe, ...]:
    calibration = accuracy.calibration[1] if accuracy.calibration else None
    cards = [one for name in gate.backends for one in probe_cards(name, gate.settings.host)]
    return (
        *found,
        *cards,
        probe_weights(gate.settings.weights, gate.catalogue.rows),
        probe_folder("accuracy", accuracy.imagenet, "--imagenet: it is not measured"),
        probe_folder("calibration", calibration, "--calibration: embedded scenes calibrate int8"),
    )


def _store(settings: Settings) -> Path:
    return open_store(settings.store, limit=settings.store_limit).root
