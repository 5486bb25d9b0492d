"""A page with rows of every kind that once stopped it is collected, and says what it lacks."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from harness.pipeline.catalogue import EXPECTED

REPOSITORY = Path(__file__).resolve().parents[3]

PAGE = """# Kinds

Resize 256, centre crop 224, Normalize (mean 0.485, 0.456, 0.406; std 0.229, 0.224, 0.225).

| model | source | top1 | top5 | FLOPs @224 (B) | params(M) | input size |
| --- | --- | --- | --- | --- | --- | --- |
| ResNet50 | ppcls | 76.50 | 93.00 | 8.19 | 25.6 | 224 |
| seresnet152d | timm | 84.362 | 97.042 | 24.08 | 66.84 | 320 |
| tf_efficientnet_lite0 | timm | 74.832 | 92.174 | 0.407 | 4.65 | 224 |
| mobilenetv3_large_100.miil_in21k_ft_in1k | timm | 77.914 | 92.914 | 0.219 | 5.48 | 224 |
| resnet50 | timm | 80.374 | 94.614 | 4.12 | 25.56 | 224 |
"""
UNKNOWN = {
    "seresnet152d": "320 px, crop 1, bicubic",
    "tf_efficientnet_lite0": "mean 0.5 0.5 0.5, std 0.5 0.5 0.5",
    "mobilenetv3_large_100.miil_in21k_ft_in1k": "mean 0 0 0, std 1 1 1",
}


def run(*command: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=REPOSITORY,
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kinds")
    (folder / "kinds.md").write_text(PAGE, encoding="utf-8")
    shutil.copytree(EXPECTED, folder / "expected")
    options = (f"--expected={folder / 'expected'}", f"--store={folder / 'store'}")
    run("harness", "update", str(folder / "kinds.md"), *options)
    return folder


def test_such_a_page_is_collected_as_it_is_and_after_update(folder: Path) -> None:
    page, expected, store = folder / "kinds.md", folder / "expected", f"--store={folder / 'store'}"
    collect = ("pytest", "-p", "no:cacheprovider", "--collect-only", "-q", store, "suites")
    collect = (*collect, "--ignore=suites/selftest")
    alone, beside = run(*collect, f"--page={page}"), run(*collect, f"--expected={expected}")
    test = "test_documented_params_are_reproduced"
    for slug in ("kinds-ppcls-ResNet50", "kinds-timm-seresnet152d"):
        assert f"{test}[{slug}]" in alone
        assert f"{test}[{slug}]" in beside
    assert f"{test}[resnext-timm-resnext50_32x4d]" in beside


def test_its_rows_have_their_own_pipeline_or_none(folder: Path) -> None:
    draft = tomllib.loads((folder / "expected" / "pipelines" / "kinds.toml").read_text("utf-8"))
    assert set(draft["rows"]) == {"kinds/ppcls/ResNet50", "kinds/timm/resnet50"}
    for name, told in UNKNOWN.items():
        assert told in draft["unknown"][f"kinds/timm/{name}"]
