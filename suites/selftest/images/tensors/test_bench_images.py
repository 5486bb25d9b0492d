"""``python -m benchmarks images``: what is compared is the same, figures are what was measured."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks import command, images_command
from benchmarks.images import BARE_CALLS, ONE_PROCESS, Way, find_images, measure, write_scenes
from benchmarks.images_child import alternate
from benchmarks.stopwatch import StepCost
from harness.errors import HarnessError, MeasureError
from harness.images.decoding import decode
from harness.images.pipelines import load

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return write_scenes(tmp_path_factory.mktemp("scenes"), 3)


@pytest.fixture
def bench(capfd: pytest.CaptureFixture[str]) -> Command:
    parser = command.parser()

    def run(*arguments: str) -> tuple[int, str, str]:
        args = parser.parse_args(["images", *arguments])
        return args.run(args), *capfd.readouterr()

    return run


def test_scenes_are_as_large_as_photographs(scenes: list[Path], tmp_path: Path) -> None:
    sizes = [path.stat().st_size for path in scenes]
    assert 50_000 < np.mean(sizes) < 150_000
    assert decode(scenes[0]).shape == (375, 500, 3)
    again = write_scenes(tmp_path, 3)
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in scenes]


@pytest.mark.parametrize("pipeline", images_command.PIPELINES)
def test_bare_calls_give_the_pipelines_own_tensor(scenes: list[Path], pipeline: str) -> None:
    from benchmarks.images_bare import BARE

    for path in scenes:
        ours, bare = load(pipeline)(decode(path)), BARE[pipeline](path)
        assert ours.tobytes() == np.ascontiguousarray(bare).tobytes()


def test_every_pipeline_on_offer_is_written_down_bare() -> None:
    from benchmarks.images_bare import BARE

    assert set(BARE) == set(images_command.PIPELINES)


def test_different_work_is_not_compared(
    scenes: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from benchmarks.images_bare import BARE

    alternate("vendor-build", scenes)
    monkeypatch.setitem(BARE, "vendor-build", BARE["vendor-run-time"])
    with pytest.raises(MeasureError, match=r"different tensors .*00000\.JPEG"):
        alternate("vendor-build", scenes)


def test_every_way_is_measured_in_every_round(scenes: list[Path]) -> None:
    ways = measure("vendor-run-time", scenes, workers=[1, 2], rounds=2)
    bare, bare_2 = BARE_CALLS, f"{BARE_CALLS} × 2"
    assert [(way.name, way.bare) for way in ways] == [
        (bare, bare),
        (ONE_PROCESS, bare),
        ("workers × 1", bare),
        (bare_2, bare_2),
        ("workers × 2", bare_2),
        ("cache, verified", bare),
        ("cache", bare),
    ]
    assert all(len(way.costs) == 2 for way in ways)
    assert all(cost.wall_s > 0 and cost.cpu_s > 0 for way in ways for cost in way.costs)


def test_bad_file_is_no_measurement(scenes: list[Path], tmp_path: Path) -> None:
    (tmp_path / "bad.JPEG").write_bytes(b"")
    with pytest.raises(HarnessError, match=r"1 bad files:\n .*bad\.JPEG: unreadable: is empty"):
        measure("vendor-run-time", [*scenes, tmp_path / "bad.JPEG"], workers=[1], rounds=1)


def way(name: str, *cpu_s: float, bare: str = BARE_CALLS) -> Way:
    return Way(name, bare, 100, tuple(StepCost(2 * cpu, cpu) for cpu in cpu_s))


def test_ratio_is_the_median_of_the_rounds_not_of_the_sums() -> None:
    bare, ours = way(BARE_CALLS, 1.0, 1.0, 9.0), way("ours", 2.0, 2.0, 9.0)
    assert ours.core_ratio(bare) == 0.5
    assert (ours.core_rate, ours.rate) == (50.0, 25.0)
    assert ours.speed_up(bare) == 0.5


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers at 0.7 of the bare calls, of which two processes are slower each."""
    two = f"{BARE_CALLS} × 2"
    ways = [
        way(BARE_CALLS, 1.0),
        way(ONE_PROCESS, 1.1),
        way(two, 1.4, bare=two),
        way("workers × 2", 2.0, bare=two),
    ]
    monkeypatch.setattr(images_command, "measure", lambda *_, **__: ways)


@pytest.mark.usefixtures("stand_in")
def test_table_holds_ways_against_as_many_bare_processes(bench: Command, tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    code, text, _ = bench("--pipeline", "page", "--count", "1", "--json", str(figures))
    lines = [line.split() for line in text.splitlines()]
    assert code == 0
    assert lines[-4:] == [
        ["bare", "calls", "50", "100", "1.00", "1.10"],
        ["one", "process", "45", "91", "0.91", "1.00"],
        ["bare", "calls", "×", "2", "36", "71", "1.00", "0.79"],
        ["workers", "×", "2", "25", "50", "0.70", "0.55"],
    ]
    found = json.loads(figures.read_text())["pipelines"]["page"]["workers × 2"]
    assert found["of_bare"] == 0.7
    assert found["rounds"] == [{"wall_s": 4.0, "cpu_s": 2.0}]


@pytest.mark.usefixtures("stand_in")
@pytest.mark.parametrize(("least", "expected"), [("0.69", 0), ("0.8", 1)])
def test_exit_code_says_whether_it_is_fast_enough(
    bench: Command, least: str, expected: int
) -> None:
    code, _, told = bench("--pipeline", "page", "--count", "1", "--least", least)
    assert code == expected
    sentence = f"page, workers × 2: 0.70 of the bare calls, asked for {least}\n"
    assert told == (sentence if expected else "")


def test_folder_without_images_is_refused(bench: Command, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    code, _, told = bench("--images", str(tmp_path))
    assert (code, "no images at" in told) == (2, True)


@pytest.mark.parametrize("wrong", [["--workers", "0"], ["--count", "x"], ["--pipeline", "pages"]])
def test_bad_option_is_refused(bench: Command, wrong: list[str]) -> None:
    with pytest.raises(SystemExit):
        bench(*wrong)


def test_images_of_a_folder_come_in_order_of_names(tmp_path: Path) -> None:
    for name in ("b/2.JPEG", "a/1.png", "c.txt", "b/1.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (2, 2)).save(tmp_path / name, "PNG")
    names = [path.relative_to(tmp_path).as_posix() for path in find_images(tmp_path, 9)]
    assert names == ["a/1.png", "b/1.jpg", "b/2.JPEG"]
    assert len(find_images(tmp_path, 2)) == 2
