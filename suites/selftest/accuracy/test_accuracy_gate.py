"""The gate measures accuracy where it is given photographs and weights, and says so where not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import repeating
from PIL import Image

from benchmarks import mobilenet_zoo
from benchmarks.mobilenet_zoo import TORCHVISION, VALIDATION
from benchmarks.planted.plants.labels import changed
from harness.backends.vendor import runtime_text
from harness.expected.buildconfig import CenterCrop, Normalize, Resize
from harness.images.datasets import choose, read_synsets, write_manifest
from harness.images.datasets.layouts import scan

pytestmark = [
    pytest.mark.shows("a set passes for the validation set", by="claims are not judged on it")
]

ROOT = Path(__file__).resolve().parents[3]
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def gate(*options: object) -> subprocess.CompletedProcess[str]:
    """pytest on the accuracy cases."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "accuracy"]
    tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # of the stand-in
    return subprocess.run(
        [*command, *map(str, options)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PATH": tools},
    )


@pytest.fixture(scope="module")
def given(
    tmp_path_factory: pytest.TempPathFactory,
    shared: Path,  # noqa: ARG001 - skips where there are none
    kept: Path,
) -> list[str]:
    """Options that name real weights, real photographs, and a page of two rows about them."""
    folder = tmp_path_factory.mktemp("accuracy-gate")
    zoo = mobilenet_zoo.build(folder)
    return [*zoo.options(), f"--store={kept}", f"--results={folder / 'results'}", "--images=200"]


def cases(log: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    return [line for line in lines if "outcome" in line]


def test_int8_is_held_against_fp32_and_claims_wait_for_the_whole_set(
    given: list[str], tmp_path: Path
) -> None:
    run = gate(*given, "--margin=10", f"--run-log={tmp_path / 'run.jsonl'}")
    assert run.returncode == 0, run.stdout
    assert "1 passed, 4 skipped" in run.stdout
    assert "not the validation set: 1300 of" in " ".join(run.stdout.split())
    found = {case["case"].split("::")[1].split("[")[0] for case in cases(tmp_path / "run.jsonl")}
    assert found == {"test_accuracy_is_as_documented", "test_int8_loses_no_more_than_it_may"}


def relabelled(folder: Path, change: Callable[[list[int]], list[int]]) -> str:
    """The photographs under other classes: the option that names the list."""
    lines = (VALIDATION / "val_label.txt").read_text().splitlines()
    files, ids = zip(*(line.rsplit(" ", 1) for line in lines), strict=True)
    changed = change([int(one) for one in ids])
    text = "".join(f"{file} {one}\n" for file, one in zip(files, changed, strict=True))
    (folder / "labels.txt").write_text(text)
    return f"--labels={folder / 'labels.txt'}"


LABELS = {
    "shifted by 1": partial(changed, "shifted_by_one"),
    "or lost a line: the first is": partial(changed, "shifted_from_the_middle"),
}


@pytest.mark.shows(
    "labels are shifted, sorted otherwise or of other files, and two broken halves agree",
    by="patterns in the answers; official labels, image by image",
)
@pytest.mark.parametrize(
    ("told", "selection"),
    [
        *((told, ()) for told in LABELS),
        *(
            ("shifted by 1", some)
            for some in (("--precision=int8",), ("-k", "loses"), ("-k", "top5"))
        ),
    ],
)
def test_labels_that_are_wrong_fail_once_and_are_named(
    given: list[str], tmp_path: Path, told: str, selection: tuple[str, ...]
) -> None:
    """ImageNet's own file names and others: the answers show it where names do not. Whatever is
    selected of what rests on them, one case fails."""
    run = gate(*given, relabelled(tmp_path, LABELS[told]), "--margin=10", *selection)
    assert run.returncode == 1, run.stdout
    assert "1 failed" in run.stdout
    printed = " ".join(run.stdout.split())
    assert "images have another class than ImageNet's official labels" in printed
    assert told in printed


def renamed(folder: Path, change: Callable[[list[int]], list[int]]) -> Path:
    """The photographs under names that say nothing of their classes, labelled anew."""
    lines = (VALIDATION / "val_label.txt").read_text().splitlines()
    files, ids = zip(*(line.rsplit(" ", 1) for line in lines), strict=True)
    (folder / "val").mkdir()
    for place, file in enumerate(files):
        (folder / f"val/{place:05}.JPEG").symlink_to((VALIDATION / "val" / file).resolve())
    changed = change([int(one) for one in ids])
    text = "".join(f"{place:05}.JPEG {one}\n" for place, one in enumerate(changed))
    (folder / "val_label.txt").write_text(text)
    return folder


@pytest.mark.parametrize(
    ("change", "status", "told"),
    [
        pytest.param(LABELS["shifted by 1"], 1, "shifted by 1", id="ids-plus-one"),
        pytest.param(lambda ids: ids, 0, "faults: none", id="right"),
    ],
)
def test_a_data_set_is_checked_with_a_network(
    given: list[str],
    tmp_path: Path,
    change: Callable[[list[int]], list[int]],
    status: int,
    told: str,
) -> None:
    row = next(option for option in given if option.startswith("--row=")).removeprefix("--row=")
    some = [option for option in given if option.startswith(("--expected", "--store", "--weights"))]
    command = [sys.executable, "-m", "harness", "imagenet", "check", str(renamed(tmp_path, change))]
    run = subprocess.run(
        [*command, "--subset", f"--with-model={row}", "--sample=60", *some],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == status, run.stdout + run.stderr
    assert told in " ".join(run.stdout.split())


def noise(folder: Path) -> list[str]:
    """A calibration set of noise under the names of photographs."""
    some = read_synsets()[:8]
    rng = np.random.default_rng(0)
    for synset in some:
        (folder / synset).mkdir(parents=True)
        pixels = rng.integers(0, 256, (64, 64, 3), np.uint8)
        Image.fromarray(pixels).save(folder / synset / f"{synset}_1.JPEG")
    chosen = choose(scan(folder, synsets=some).images, count=len(some), seed=0, synsets=some)
    write_manifest(folder / "noise.toml", chosen)
    return [f"--calibration={folder / 'noise.toml'}", f"--calibration-images={folder}"]


def test_int8_that_lost_the_margin_fails_with_its_cause_and_the_answers_that_changed(
    given: list[str], tmp_path: Path
) -> None:
    others = [one for one in given if not one.startswith("--calibration")]
    run = gate(*others, *noise(tmp_path / "noise"), "--margin=1", "--precision=int8")
    assert run.returncode == 1, run.stdout
    assert "FAILED suites/test_accuracy.py::test_int8_loses_no_more_than_it_may" in run.stdout
    for told in ("quantiz", "answers that changed: ", ".flips.parquet", "top-1 lost", "repeat: "):
        assert told in run.stdout
    assert {"--margin=1", "--images=200"} <= set(repeating.command_of(run.stdout).split())
    repeating.require_repeated(run.stdout, folder=ROOT)


@pytest.mark.shows(
    "the command that repeats a failure measures something else",
    by="taken from the registered options; run in a shell, by the self-tests",
)
def test_the_commands_failure_is_repeated(given: list[str], tmp_path: Path) -> None:
    """The same of ``python -m harness accuracy``, which has some options under other names."""
    taken = ("--expected", "--store", "--weights", "--pipeline", "--imagenet", "--images")
    others = [one for one in given if one.split("=")[0] in taken]
    manifest, photographs = (one.split("=")[1] for one in noise(tmp_path / "noise"))
    command = [sys.executable, "-m", "harness", "accuracy", TORCHVISION, *others, "--margin=1"]
    command += ["--calibration", manifest, photographs, f"--out={tmp_path / 'out'}"]
    run = subprocess.run(
        command,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1, run.stdout + run.stderr
    assert repeating.repeat(run.stdout, folder=ROOT) == (1, run.stdout)


def test_int8_is_not_measured_without_photographs_to_calibrate_on(given: list[str]) -> None:
    run = gate(*(one for one in given if not one.startswith("--calibration")))
    assert run.returncode == 0, run.stdout
    assert "int8 accuracy needs photographs to calibrate on" in " ".join(run.stdout.split())
    assert "5 skipped" in run.stdout


def test_a_required_accuracy_that_cannot_be_judged_fails(given: list[str]) -> None:
    run = gate(*given, "--margin=10", "--require=accuracy")
    assert run.returncode == 1
    assert "4 failed" in run.stdout


VENDOR = (
    f"--vendor-tools={ROOT / 'fixtures/vendor_toolchain'}",
    *("--backend=vendor", "--cards=0", "--images=60", "--margin=15"),
)


def shipping(folder: Path, **changes: object) -> Path:
    """A folder with the run-time file that ships for the row, or with another than that."""
    folder.mkdir()
    steps = (Resize((256, 256)), CenterCrop((224, 224)), Normalize(MEAN, STD))
    document = json.loads(runtime_text(steps))
    document["OpConfig"] |= changes
    (folder / "torchvision-mobilenetv2-vdsp_params.json").write_text(json.dumps(document))
    return folder


def test_device_prepares_the_images_by_the_zoos_run_time_file(
    given: list[str], tmp_path: Path
) -> None:
    folder = shipping(tmp_path / "shipped")
    run = gate(*given, *VENDOR, f"--vdsp-params={folder}", f"--run-log={tmp_path / 'run.jsonl'}")
    assert run.returncode == 0, run.stdout
    (case,) = (case for case in cases(tmp_path / "run.jsonl") if case["outcome"] == "passed")
    assert "test_int8_loses_no_more_than_it_may[" in case["case"]
    assert "preprocessing differs too: squashed for fp32, device, torchvision-mobilenetv2" in str(
        case
    )


@pytest.mark.shows(
    "a run-time file that ships prepares images wrongly, and the suite wrote its own",
    by="`--vdsp-params` takes the zoo's, and a failure says that preprocessing differs",
)
def test_run_time_file_that_prepares_wrongly_is_noticed(given: list[str], tmp_path: Path) -> None:
    """Levels up to 255 are taken for fractions: what a mistaken NormaType does."""
    folder = shipping(tmp_path / "wrong", NormaType="MINUSMEAN_DIVSTD")
    run = gate(*given, *VENDOR, f"--vdsp-params={folder}", "--precision=int8")
    assert run.returncode == 1, run.stdout
    assert "FAILED suites/test_accuracy.py::test_int8_loses_no_more_than_it_may" in run.stdout
    assert "int8 0.00: quantization or the device's preprocessing" in run.stdout
    assert "  preprocessing differs too: squashed for fp32, device, torchvision-" in run.stdout
    assert f"--vdsp-params={folder}" in run.stdout


def test_row_without_a_run_time_file_is_named(given: list[str], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    run = gate(*given, *VENDOR, f"--vdsp-params={tmp_path / 'empty'}", "--precision=int8")
    assert run.returncode == 1
    assert "empty/torchvision-mobilenetv2-vdsp_params.json: No such file" in run.stdout


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--imagenet=/nowhere",), "--imagenet /nowhere: no such folder"),
        (("--imagenet=.",), "--imagenet needs --weights"),
        (("--until-decided", "--images=5"), "--until-decided takes neither --images nor --shard"),
        (("--shard=3",), "3"),
        (("--calibration=x.toml",), "--calibration MANIFEST and --calibration-images DIR go"),
        (("--vdsp-params=/nowhere",), "--vdsp-params /nowhere: no such folder"),
        (("--vdsp-params=.",), "for a device that resizes: add --backend vendor"),
        (
            ("--vdsp-params=.", "--backend=vendor", "--until-decided"),
            "--until-decided needs the same tensors for both",
        ),
        (("--vdsp-params=.", "--backend=vendor"), "--vdsp-params is for accuracy: add --imagenet"),
        (("--images=0",), "'0' is not a whole number from 1"),
        (("--margin=nan",), "'nan' is not a number of points"),
    ],
)
def test_options_that_do_not_fit_end_the_run(options: tuple[str, ...], told: str) -> None:
    run = gate(*options)
    assert run.returncode == 4
    assert told in run.stderr
