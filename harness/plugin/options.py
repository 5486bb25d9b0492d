"""Command-line options, and what they come to."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import harness.images.fuzz_profiles  # noqa: F401 - registers the profiles
from harness.backends.backend import PRECISIONS, Host, Precision
from harness.backends.registry import EMBEDDED, backend, backend_names
from harness.errors import OPTIMIZED, HarnessError, MissingWeights
from harness.expected.buildconfig import read_build_config
from harness.expected.standards import Standards, read_standards
from harness.pipeline.building import Settings
from harness.pipeline.catalogue import EXPECTED, Catalogue, DocumentedModel, read_catalogue
from harness.plugin.accuracy import OPTIONS, read_options
from harness.plugin.hosts import ADDRESS, address_of, require_hosts
from harness.reporting.history import VARIABLE
from harness.reporting.outline import counted
from harness.reporting.results import STAGES
from harness.resolving.generated import expected_for
from harness.resolving.touched import Touched, touched
from harness.resolving.zoofile import ZooFolder, read_zoo
from harness.runtime import entry_points, option_types
from harness.runtime.memory import default_budget_bytes
from harness.runtime.store import open_store
from harness.runtime.store.quantities import parse_size

GROUP = "zoo"
"""What the names of all groups of the suite's options begin with."""
CARDS_FOLDER = Path(tempfile.gettempdir()) / "zoo-conformance-cards"
"""Where the locks of this machine's cards lie, whoever runs."""


@dataclass(frozen=True, slots=True)
class Gate:
    """What this run is about.

    Attributes:
        expected: the folder of expectations.
        standards: all that is in it beside the rows.
        selected: the rows and documented failures asked for; all where none was named.
        backends: those asked for, with what each of them runs in.
        zoos: folders of which all pages are gated.
        survey: whether only what takes little was asked for.
        touched: the rows that a change touches, where they alone were asked for.
        required: stages in which "not measured" fails.
        required_backends: backends that have to be usable here.
        cards_required: whether cards were named, of which one has to be usable.
        throughput: whether it is measured.
        layers: whether every layer is looked at where the whole agrees, too.
    """

    expected: Path
    catalogue: Catalogue
    standards: Standards
    selected: tuple[DocumentedModel, ...]
    settings: Settings
    backends: Mapping[str, tuple[Precision, ...]]
    precisions: tuple[str, ...]
    required: frozenset[str]
    required_backends: frozenset[str]
    cards_required: bool
    throughput: bool
    layers: bool
    zoos: tuple[ZooFolder, ...] = ()
    survey: bool = False
    touched: Touched | None = None


GATE = pytest.StashKey[Gate]()
SMALL = 15_000_000
"""Parameters below which a row is exported in a survey."""
RESOLVED = "zoo_resolved"
"""What workers of pytest-xdist are told of the folder of expectations."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options.

    Raises:
        pytest.UsageError: installed packages add a name twice, or assertions are switched off.
    """
    if sys.flags.optimize:
        raise pytest.UsageError(OPTIMIZED)
    try:
        _add_options(parser, backends=backend_names(), sources=tuple(entry_points.sources()))
    except HarnessError as error:
        raise pytest.UsageError(str(error)) from error


def _add_options(
    parser: pytest.Parser, *, backends: tuple[str, ...], sources: tuple[str, ...]
) -> None:
    group = parser.getgroup(GROUP, "model zoo conformance")
    group.addoption(
        "--row",
        action="append",
        default=[],
        metavar="ROW",
        help="only this row: an id, a documented name, or a pattern such as '*/timm/*'; repeatable",
    )
    group.addoption(
        "--source", action="append", default=[], choices=sources, help="only this source"
    )
    group.addoption(
        "--backend",
        action="append",
        default=[],
        choices=backends,
        help=f"compile and run on this backend, in place of {EMBEDDED}; repeatable",
    )
    group.addoption(
        "--require-backend",
        action="append",
        default=[],
        choices=backends,
        help="fail where this backend cannot be used; repeatable",
    )
    group.addoption(
        "--precision", action="append", default=[], choices=PRECISIONS, help="only this precision"
    )
    group.addoption(
        "--require",
        action="append",
        default=[],
        choices=STAGES,
        help="fail where this stage is not measured; repeatable",
    )
    group.addoption(
        "--weights",
        metavar="DIR|hub",
        help="published weights: a folder of files under their published names, or 'hub' for each "
        "library's own download; seeded weights otherwise",
    )
    group.addoption(
        "--build-config",
        metavar="YAML",
        help="how to calibrate and quantize, in the vendor's build config format",
    )
    group.addoption("--expected", metavar="DIR", help="expectations in place of expected/")
    group.addoption(
        "--page",
        action="append",
        default=[],
        metavar="PAGE.md",
        help="gate on this page, whatever is in expected/: its rows are resolved and counted "
        "first; repeatable",
    )
    group.addoption(
        "--zoo",
        action="append",
        default=[],
        metavar="DIR",
        help="gate on all pages below this folder that document models that classify; what is in "
        "expected/ of a page that has not changed holds for it; repeatable",
    )
    group.addoption(
        "--changed-since",
        metavar="REF",
        help="only the rows that have changed, or share a network with one that has, since the "
        "checkout's history parted from this commit of git",
    )
    group.addoption(
        "--survey",
        action="store_true",
        help="only what takes little: the stages page and complexity, and export of rows with less "
        f"than {SMALL // 10**6} million parameters",
    )
    group.addoption(
        "--lenient",
        action="store_true",
        help="with --page and --zoo: list what cannot be understood of a page",
    )
    group.addoption("--store", metavar="DIR", help="where everything built is kept")
    group.addoption("--store-limit", metavar="SIZE", help="its size limit, such as 20GiB")
    group.addoption("--memory", metavar="SIZE", help="what all steps together may take")
    group.addoption(
        "--cluster",
        metavar="ADDRESS|local",
        help="run steps on the hosts of this Ray cluster, or of one of this machine alone, as many "
        "at a time as there are workers (-n)",
    )
    group.addoption(
        "--step-timeout",
        type=option_types.seconds,
        metavar="SECONDS",
        help="limit of one step, whatever its size",
    )
    group.addoption(
        "--vendor-tools", metavar="DIR", help="where vamc and vamp are, in place of the path"
    )
    group.addoption(
        "--cards",
        type=option_types.numbers,
        metavar="0,1,…",
        help="the accelerator cards that cases may use, one case at a time on each; named, one has "
        "to be usable; default: 0",
    )
    group.addoption(
        "--card-timeout",
        type=option_types.seconds,
        metavar="SECONDS",
        help="how long a case waits for a card",
    )
    group.addoption(
        "--layers",
        action="store_true",
        help="note the SQNR of every layer, of exports and of int8, where they agree too",
    )
    group.addoption(
        "--history",
        metavar="DIR",
        default=os.environ.get(VARIABLE),
        help=f"add the run to those kept here, if it is whole; default: {VARIABLE}, else nowhere",
    )
    group.addoption(
        "--no-images", action="store_true", help="leave photographs out of the page of the run"
    )
    group.addoption("--run-log", metavar="FILE", help="where to write the run log (JSON Lines)")


def pytest_configure(config: pytest.Config) -> None:
    """Read the expectations and settle the options; anything wrong ends the run with one line."""
    for stage in STAGES:
        config.addinivalue_line("markers", f"{stage}: cases of the stage {stage!r}")
    try:
        config.stash[GATE] = _gate(config)
        config.stash[OPTIONS] = read_options(config)
        require_hosts(config, config.stash[GATE].settings)
    except HarnessError as error:
        raise pytest.UsageError(str(error)) from error


def _gate(config: pytest.Config) -> Gate:
    option = config.getoption
    expected = Path(option("--expected") or EXPECTED)
    store = Path(option("--store")) if option("--store") else None
    open_store(store, limit=option("--store-limit"))  # refused before anything is built
    zoos = tuple(read_zoo(Path(folder))[0] for folder in option("--zoo"))
    if RESOLVED in getattr(config, "workerinput", {}):
        expected = Path(config.workerinput[RESOLVED])  # type: ignore[attr-defined]
    elif option("--page") or zoos:
        expected = expected_for(
            [Path(page) for page in option("--page")],
            zoos=zoos,
            lenient=bool(option("--lenient")),
            store=store,
            base=expected,
            told=tell,
        )
    catalogue = read_catalogue(expected)
    selected = catalogue.select(option("--row")) if option("--row") else catalogue.models
    changed = None
    if option("--changed-since"):
        changed = touched(
            catalogue,
            option("--changed-since"),
            expected=Path(option("--expected") or EXPECTED),
            pages=map(Path, option("--page")),
            zoos=zoos,
            deciding=map(Path, filter(None, [option("--build-config")])),
        )
        selected = tuple(one for one in selected if one.id in changed.rows)
    sources = option("--source")
    weights = option("--weights")
    if weights not in (None, "hub") and not Path(weights).is_dir():
        raise MissingWeights(f"--weights {weights}: no such folder; give one, or 'hub'")
    if option("--build-config"):
        read_build_config(Path(option("--build-config")))
    host, memory = host_of(config), _memory(option("--memory"))
    return Gate(
        expected=expected,
        zoos=zoos,
        catalogue=catalogue,
        standards=read_standards(
            expected,
            pages=catalogue.pages,
            models=[one.id for one in catalogue.models],
            backends=backend_names(),
            today=datetime.now(UTC).date(),
        ),
        selected=tuple(one for one in selected if not sources or one.variant.source in sources),
        settings=Settings(
            build_config=Path(option("--build-config") or expected / "build" / "embedded.yaml"),
            store=store,
            store_limit=option("--store-limit"),
            weights=weights,
            memory_bytes=memory,
            step_timeout_s=option("--step-timeout"),
            host=host,
            cluster=address_of(config, memory_bytes=memory or default_budget_bytes()),
        ),
        backends={
            name: backend(name, host).precisions for name in option("--backend") or (EMBEDDED,)
        },
        precisions=tuple(option("--precision") or PRECISIONS),
        required=frozenset(option("--require")),
        required_backends=frozenset(option("--require-backend")),
        cards_required=option("--cards") is not None,
        throughput=option("--throughput"),
        layers=option("--layers"),
        survey=option("--survey"),
        touched=changed,
    )


def tell(text: str) -> None:
    """Say what takes its time before there is a case."""
    print(text, file=sys.stderr, flush=True)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Have workers use what the controller has resolved."""
    node.workerinput[RESOLVED] = str(node.config.stash[GATE].expected)
    node.workerinput[ADDRESS] = node.config.stash[GATE].settings.cluster


def pytest_report_header(config: pytest.Config) -> list[str]:
    """What a zoo's folders hold, and what of it is judged."""
    gate, told = config.stash[GATE], []
    catalogue = gate.catalogue
    if gate.zoos:
        told.append(
            f"zoo: {counted(len(catalogue.pages), 'page')} with "
            f"{counted(len(catalogue.rows), 'row')}, {len(catalogue.unread)} that cannot be read; "
            f"{counted(catalogue.modelless, 'file')} about no models that classify"
        )
    if gate.touched is not None:
        told.append(f"changed since {config.getoption('--changed-since')}: {gate.touched}")
    return told


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Nothing to judge is no fault where a change touches no row."""
    found = session.config.stash[GATE].touched
    if found is not None and not found.rows and exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
        session.exitstatus = pytest.ExitCode.OK


def _memory(text: str | None) -> int | None:
    """Bytes, or None where nothing was asked for.

    Raises:
        HarnessError: it is no size, or none.
    """
    if text is None:
        return None
    size = parse_size(text)
    if size == 0:
        raise HarnessError(f"--memory {text}: expected more than nothing")
    return size


def host_of(config: pytest.Config) -> Host:
    """What of this machine backends may use."""
    option = config.getoption
    tools, waits = option("--vendor-tools"), option("--card-timeout")
    own = Host()
    return Host(
        tools=Path(tools) if tools else None,
        cards=option("--cards") or own.cards,
        cards_folder=CARDS_FOLDER,
        card_timeout_s=waits or own.card_timeout_s,
        timeout_s=option("--step-timeout") or own.timeout_s,
    )
