"""``python -m harness ablation``: the tables, the files that cannot be used, and acceptance."""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.cli import ablation as waterfall_command
from harness.errors import HarnessError, MissingDataset
from harness.expected.baselines import read_baseline
from harness.images.ablation.pictures import embedded_files, files_below
from harness.images.ablation.quantizing import InputScale, embedded_scale
from harness.pipeline.catalogue import EXPECTED

ROW = "resnext/torchvision/resnext50_32x4d"
Command = Callable[..., int]


@pytest.fixture(scope="module")
def scale() -> InputScale:
    return embedded_scale(EXPECTED)


@pytest.fixture
def command(scale: InputScale, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs the command with these arguments on one row, or on another; scenes are drawn once."""
    monkeypatch.setattr(waterfall_command, "embedded_scale", lambda _: scale)

    def run(*arguments: str, row: str = ROW) -> int:
        parser = argparse.ArgumentParser()
        waterfall_command.add_parser(parser.add_subparsers())
        parsed = parser.parse_args(["waterfall", "--row", row, *arguments])
        return int(parsed.run(parsed))

    return run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two images in a tree."""
    for number, file in enumerate(embedded_files()[:2]):
        path = tmp_path / "images" / f"n0{number}" / file.name
        path.parent.mkdir(parents=True)
        path.write_bytes(file.data)
    return tmp_path / "images"


@pytest.fixture
def expected(tmp_path: Path) -> Path:
    """A copy of the expectations."""
    return Path(shutil.copytree(EXPECTED, tmp_path / "expected"))


def test_sound_folder_gives_tables(
    command: Command, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("--images", str(folder), "--each") == 0
    out = capsys.readouterr().out
    assert "torchvision-IMAGENET1K_V1 -> vendor-run-time, images: 2" in out
    assert "page -> vendor-run-time, images: 2" in out
    assert out.count("n01/scene-1-420-b.jpg") >= 2  # among --each
    assert "could not be used" not in out


def test_bad_files_are_counted_and_listed(
    command: Command, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "notes.txt").write_text("no image")
    whole = (folder / "n00" / "scene-0-420-a.jpg").read_bytes()
    (folder / "n00" / "cut.jpg").write_bytes(whole[:5000])
    (folder / ".hidden").write_text("left out")
    assert command("--images", str(folder), "--json", str(tmp_path / "out.json")) == 1
    out = capsys.readouterr().out
    assert "images: 2" in out
    assert "could not be used: 2\n" in out
    assert "  notes.txt: begins with" in out
    assert "  n00/cut.jpg: damaged" in out
    assert len(json.loads((tmp_path / "out.json").read_text())["bad"]) == 2


def test_folder_of_bad_files_alone_is_an_error(command: Command, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no image")
    with pytest.raises(HarnessError, match=r"no file could be used:\nnotes\.txt: begins with"):
        command("--images", str(tmp_path))


def test_json_has_every_image_and_no_infinity(
    command: Command, folder: Path, tmp_path: Path
) -> None:
    path = tmp_path / "out.json"
    assert command("--images", str(folder), "--json", str(path)) == 0
    document = json.loads(path.read_text(), parse_constant=lambda name: pytest.fail(name))
    route = document["routes"]["torchvision-IMAGENET1K_V1-to-vendor-run-time"]
    assert route["rows"] == [ROW]
    assert list(route["images"]) == ["n00/scene-0-420-a.jpg", "n01/scene-1-420-b.jpg"]
    assert [one["step"] for one in route["set"]][:2] == ["decode", "resize filter"]
    assert route["set"][0]["sqnr_db"] is None
    assert route["set"][2]["worst"] in route["images"]


def test_accepting_a_row_keeps_the_others(
    command: Command, expected: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = expected / "baselines" / "waterfall.toml"
    before = read_baseline(path)
    text = path.read_text()
    path.write_text(text.replace("value = 0.0", "value = 1.0"))
    assert command("--accept", "--expected", str(expected)) == 0
    after = read_baseline(path)
    id = "torchvision-IMAGENET1K_V1-to-vendor-run-time"
    assert after.measurements[id] == before.measurements[id]
    assert after.measurements.keys() == before.measurements.keys()
    assert f"{id}: crop_mean_rms 1 -> 0 levels" in capsys.readouterr().out


def test_accepting_a_row_under_other_conditions_is_refused(
    command: Command, expected: Path
) -> None:
    path = expected / "baselines" / "waterfall.toml"
    path.write_text(path.read_text().replace('pillow = "', 'pillow = "0.'))
    before = path.read_bytes()
    with pytest.raises(HarnessError, match=r"waterfall\.toml: accepted with .* without --row"):
        command("--accept", "--expected", str(expected))
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--accept", "--images", "x"), "--accept is about the embedded images"),
        (("--sample", "3"), "--sample chooses among --images"),
        (("--int8", "x.onnx"), "--int8 is held against --model"),
        (("--images", "nowhere"), "nowhere: no file, expected a folder tree"),
        (("--model", "nowhere.onnx"), "cannot load nowhere.onnx"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(
    arguments: tuple[str, ...], message: str, command: Command
) -> None:
    with pytest.raises(HarnessError, match=message):
        command(*arguments)


def test_model_that_is_documented_to_fail_has_no_figures(command: Command) -> None:
    with pytest.raises(HarnessError, match="the page documents no figures there"):
        command(row="resnext/ppcls/resnext101_32x48d_wsl")


def test_figure_that_is_no_pipelines_is_an_error_of_the_command(
    command: Command, expected: Path
) -> None:
    path = expected / "pipelines" / "resnext.toml"
    path.write_text(path.read_text().replace("origin = [16, 16]", "origin = [16, 17]"))
    with pytest.raises(HarnessError, match="at 'float16' is not vendor-run-time"):
        command("--expected", str(expected))


def test_sample_depends_on_the_seed_alone(tmp_path: Path) -> None:
    for number in range(20):
        (tmp_path / f"{number}.jpg").write_bytes(b"x")
    first = files_below(tmp_path, sample=5, seed=1)
    assert first == files_below(tmp_path, sample=5, seed=1) == tuple(sorted(first))
    assert len(first) == 5
    assert first != files_below(tmp_path, sample=5, seed=2)
    assert len(files_below(tmp_path, sample=50)) == 20


def test_folder_without_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".hidden").write_text("x")
    with pytest.raises(MissingDataset, match="no file"):
        files_below(tmp_path)


def test_real_photographs_go_along(
    command: Command, shared: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photographs = shared / "data" / "imagenet-calib-1000"
    assert command("--images", str(photographs), "--sample", "3") == 0
    assert "images: 3" in capsys.readouterr().out
