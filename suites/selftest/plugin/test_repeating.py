"""The command behind ``repeat:`` fails in the same case in the same way, whatever was asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import repeating
from small_runs import ROW, SLUG, RunGate, spoil

from harness.pipeline.catalogue import EXPECTED
from harness.plugin.options import STAGES
from harness.plugin.recording import ONLY_WHICH, given_options

pytest_plugins = ["pytester"]

ROOT = EXPECTED.parent
WORDS = {
    "row": ["--row=a"],
    "source": ["--source=timm"],
    "backend": ["--backend=vendor", "--backend=onnxruntime"],
    "require_backend": ["--require-backend=vendor"],
    "precision": ["--precision=int8"],
    "require": ["--require=page", "--require=int8"],
    "weights": ["--weights=a b"],
    "build_config": ["--build-config=b.yaml"],
    "expected": ["--expected=e"],
    "page": ["--page=P.md", "--page=Q.md"],
    "zoo": ["--zoo=D"],
    "survey": ["--survey"],
    "changed_since": ["--changed-since=main"],
    "lenient": ["--lenient"],
    "store": ["--store=s"],
    "store_limit": ["--store-limit=1GiB"],
    "memory": ["--memory=8GiB"],
    "step_timeout": ["--step-timeout=100.0"],
    "vendor_tools": ["--vendor-tools=t"],
    "cards": ["--cards=1,2"],
    "card_timeout": ["--card-timeout=10.0"],
    "layers": ["--layers"],
    "history": ["--history=h"],
    "no_images": ["--no-images"],
    "run_log": ["--run-log=r.jsonl"],
    "cluster": ["--cluster=local"],
    "nightly": ["--nightly"],
    "imagenet": ["--imagenet=i"],
    "labels": ["--labels=l.txt"],
    "images": ["--images=7"],
    "until_decided": ["--until-decided"],
    "margin": ["--margin=0.5"],
    "acceptable": ["--acceptable=0.1"],
    "image_seed": ["--image-seed=3"],
    "shard": ["--shard=1/2"],
    "pipeline": ["--pipeline=page"],
    "calibration": ["--calibration=m.toml"],
    "calibration_images": ["--calibration-images=c"],
    "vdsp_params": ["--vdsp-params=v"],
    "results": ["--results=r"],
    "throughput": ["--throughput"],
    "rounds": ["--rounds=3"],
    "round_seconds": ["--round-seconds=0.1"],
    "job_images": ["--job-images=16"],
    "throughput_logs": ["--throughput-logs=g"],
}
"""Each option of the suite as it is given, by what it is kept as. A new one has to be added."""

Parse = Callable[..., pytest.Config]


@pytest.fixture
def parse(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Parse:
    """Reads a command line as pytest does, and does nothing about it."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makeconftest('pytest_plugins = ("harness.plugin",)')
    return pytester.parseconfig


def registered(config: pytest.Config) -> set[str]:
    groups = [group for group in config._parser._groups if group.name.startswith("zoo")]
    return {option.dest for group in groups for option in group.options}


def test_every_option_that_was_given_is_repeated_except_which_cases_run(parse: Parse) -> None:
    words = [word for given in WORDS.values() for word in given]
    config = parse(*words)
    assert registered(config) == set(WORDS)
    left_out = {word for name in ONLY_WHICH for word in WORDS[name]}
    assert sorted(given_options(config)) == sorted(set(words) - left_out)


def test_no_option_that_was_not_given_is_repeated(parse: Parse) -> None:
    assert given_options(parse("--row=a", "-k", "b")) == ()


FAILING = f"""
import pytest
from harness.errors import ExportError
from harness.plugin.accuracy import OPTIONS
from harness.records import Outcome, Verdict

@pytest.mark.parametrize(
    "stage", [pytest.param(one, marks=getattr(pytest.mark, one)) for one in {STAGES!r}]
)
@pytest.mark.parametrize("how", ["does not hold", "breaks"])
def test_stage(row_case, stage, how, record, gate, throughputs, pytestconfig):
    asked = (gate.settings, sorted(gate.required), sorted(gate.backends), gate.precisions)
    told = f"{{asked}} {{pytestconfig.stash[OPTIONS]}} {{throughputs.rounds}}"
    if how == "breaks":
        raise ExportError(told, command="pytest -k something")
    details = (f"repeat: {{record.command}}",)
    record.judge(Verdict(Outcome.DOES_NOT_CONFORM, told, details))
"""
"""Fails in every stage, with all that was asked for."""


@pytest.fixture
def options(tmp_path: Path) -> list[str]:
    """Options that go together, with their files."""
    folder = tmp_path / "a folder"
    folder.mkdir()
    names = ("weights", "imagenet", "calibration-images", "vdsp-params", "vendor-tools", "results")
    told = [f"--{name}={folder}" for name in names]
    told += ["--calibration=m.toml", "--labels=l.txt", "--backend=vendor", "--cards=1,2"]
    told += ["--images=7", "--margin=0.5", "--acceptable=0.1", "--image-seed=3", "--rounds=3"]
    return [*told, "--pipeline=page", "--throughput", "--require=int8", "--step-timeout=90"]


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("how", ["does not hold", "breaks"])
def test_a_failure_of_any_stage_is_repeated(
    run_gate: RunGate, options: list[str], pytester: pytest.Pytester, stage: str, how: str
) -> None:
    run = run_gate("-k", f"{stage} and {how.split()[0]}", *options, test_failing=FAILING)
    assert "a folder" in repeating.failure_of(run.printed)[1]
    repeating.require_repeated(run.printed, folder=pytester.path)


@pytest.mark.shows("the command that repeats a failure measures something else")
@pytest.mark.parametrize("lost", ["margin", "pipeline", "images", "expected"])
def test_a_command_that_loses_an_option_is_noticed(
    run_gate: RunGate,
    options: list[str],
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    lost: str,
) -> None:
    monkeypatch.setattr("harness.plugin.recording.ONLY_WHICH", {*ONLY_WHICH, lost})
    run = run_gate("-k", "int8 and breaks", *options, test_failing=FAILING)
    status, again = repeating.repeat(run.printed, folder=pytester.path)
    assert status == 1, again
    assert repeating.failure_of(again) != repeating.failure_of(run.printed)


@pytest.mark.parametrize("workers", ["0", "1"])
def test_a_failure_is_repeated_from_another_folder(
    expected: Path, pytester: pytest.Pytester, workers: str
) -> None:
    spoil(expected / "pages/resnext.toml", '"95.326"', '"80.326"')
    run = pytester.runpytest_subprocess(
        *("-n", workers, "-p", "no:cacheprovider", f"{ROOT}/suites/test_page.py", f"--row={ROW}"),
        *(f"--expected={expected}", f"--run-log={pytester.path / 'run.jsonl'}"),
    )
    printed = run.stdout.str()
    assert "top1 = 81.108, at most top5 = 80.326" in repeating.failure_of(printed)[1]
    assert f"repeat: pytest '{ROOT}/suites/test_page.py::" in printed
    assert f"[{SLUG}]' --expected={expected}" in printed
    repeating.require_repeated(printed, folder=pytester.path)
