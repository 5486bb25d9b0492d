"""Steps get what they need when they are built, and say so when the disk was full."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Timer
from types import SimpleNamespace

import isolated_steps as steps
import pytest
from builders import LARGE, key_of
from builders import Builder as Produce

from harness.errors import ExportError
from harness.expected.variants import Variant
from harness.pipeline.building import Builder, Settings
from harness.pipeline.declared import Step
from harness.runtime.isolation import Worker
from harness.runtime.store import Entry, LazyArtifact
from harness.runtime.store.quantities import GIB, MIB

pytestmark = [
    pytest.mark.shows(
        "a model is removed while it is used, or a full disk reads as a wrong model",
        by="entries in use are held; a failed step names the disk",
    )
]

VARIANT = Variant("page/timm/net", "timm", "net", "net.pt", "net")
MODEL = "model.bin"
WRITTEN = "wire format was corrupt"


@pytest.fixture
def builder(tmp_path: Path) -> Iterator[Builder]:
    with Worker() as worker:
        settings = Settings(build_config=tmp_path / "none.yaml", store=tmp_path / "store")
        yield Builder(settings, worker)


def doing(function: Callable[..., object]) -> Step:
    """A step that exports by this function."""
    return Step("export", function, ExportError, copies=5.0)


def ask(builder: Builder, needed: LazyArtifact) -> Entry:
    """Build, or find, what counts the bytes of a model."""
    return builder.build(doing(steps.count_bytes), key_of("count"), VARIANT, needed)


def test_steps_that_ran_are_told_with_what_they_took_and_found_ones_are_not(
    builder: Builder,
) -> None:
    model = LazyArtifact(lambda: builder.store.build(key_of("model"), Produce(bytes(LARGE))), MODEL)
    for _ in range(2):
        ask(builder, model)
    (cost,) = builder.ran
    assert (cost.name, cost.cpu_s >= 0, cost.peak_bytes > MIB) == ("export", True, True)
    with pytest.raises(ExportError):
        builder.build(doing(steps.fail), key_of("fails"), VARIANT, "no")
    assert [one.name for one in builder.ran] == ["export", "export"], "what failed took time, too"


def test_needed_file_is_asked_for_where_something_is_built_only(builder: Builder) -> None:
    asked = []

    def model() -> Entry:
        asked.append("model")
        return builder.store.build(key_of("model"), Produce(bytes(LARGE)))

    for _ in range(2):
        assert ask(builder, LazyArtifact(model, MODEL)).facts["bytes"] == LARGE
    assert asked == ["model"]


def test_needed_file_that_was_let_go_comes_back(builder: Builder) -> None:
    produce = Produce(bytes(LARGE))
    builder.store.build(key_of("model"), produce)
    builder.store.prune(limit_bytes=10_000)
    needed = LazyArtifact(lambda: builder.store.build(key_of("model"), produce), MODEL)
    assert ask(builder, needed).facts["bytes"] == LARGE
    assert produce.runs == 2


def test_needed_file_cannot_go_while_it_is_used(
    builder: Builder, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = builder.worker.run

    def pruned(*args: object, **how: object) -> object:
        """Stand in for another process that makes room at the worst moment."""
        builder.store.prune(limit_bytes=0)
        return run(*args, **how)

    monkeypatch.setattr(builder.worker, "run", pruned)
    needed = LazyArtifact(
        lambda: builder.store.build(key_of("model"), Produce(bytes(LARGE))), MODEL
    )
    assert ask(builder, needed).facts["bytes"] == LARGE


@pytest.mark.parametrize("free", [100 * MIB, 50 * GIB])
def test_step_that_fails_on_a_full_disk_says_so(
    builder: Builder, monkeypatch: pytest.MonkeyPatch, free: int
) -> None:
    """Of a writer that does not look, a damaged model is all that there is to see."""
    disk = SimpleNamespace(total=1000 * GIB, free=free)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: disk)
    with pytest.raises(ExportError, match=WRITTEN) as caught:
        builder.build(doing(steps.fail), key_of(), VARIANT, "wire format was corrupt")
    assert ("the disk is full: 100.0 MiB free" in str(caught.value)) == (free < GIB)


def test_write_that_the_system_refuses_is_told_as_a_full_disk(builder: Builder) -> None:
    with pytest.raises(ExportError, match=r"No space left on device.*disk is full: .* free at"):
        builder.build(doing(steps.write_to_full_device), key_of(), VARIANT)
    assert builder.store.entries() == []


def test_how_long_a_step_waited_for_memory_is_kept(builder: Builder, tmp_path: Path) -> None:
    (tmp_path / MODEL).write_bytes(b"12")
    whole = builder.reservations.budget_bytes
    held = builder.reservations.reserve(whole, owner="another process")
    held.__enter__()
    timer = Timer(1.2, lambda: held.__exit__(None, None, None))
    timer.start()
    for _ in range(2):
        builder.run_apart(doing(steps.count_bytes), VARIANT, tmp_path, tmp_path / MODEL, alone=True)
    (first, second) = builder.ran
    assert first.waited_s > 1
    assert (second.waited_s, second.asked_bytes) == (0.0, whole)
