"""``pytest --page``: a page without kept expectations is gated, and no row of it vanishes."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from harness.reporting.results import CaseOutcome, Run
from harness.reporting.runlog import read

REPOSITORY = Path(__file__).resolve().parents[3]

PAGE = """# Own

| model | source | top1 | top5 | flops(M) | params(M) | input size |
| --- | --- | --- | --- | --- | --- | --- |
| squeezenet1_1 | torchvision | 58.178 | 80.624 | 349.322 | 1.235 | 224 |
| SqueezeNet1-0 | torchvision | 58.092 | 80.420 | 900.000 | 1.248 | 224 |
| vgg16 | keras | 71.3 | 90.1 | 15.47 | 138.4 | 224 |
| resnet51 | torchvision | 71.3 | 90.1 | 15.47 | 138.4 | 224 |
| MobileNetV3_small_x0_35 | ppcls | 53.030 | 76.370 | 14.560 | 1.670 | 224 |
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the page is, and what its runs store."""
    folder = tmp_path_factory.mktemp("page")
    (folder / "own.md").write_text(PAGE, encoding="utf-8")
    return folder


def gate(folder: Path, stages: str, *options: str, code: int) -> Run:
    """The cases of these stages of that page."""
    log = folder / f"{len(list(folder.glob('*.jsonl')))}.jsonl"
    own = [f"--page={folder / 'own.md'}", f"--store={folder / 'store'}", f"--run-log={log}"]
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", "-n0", "-m", stages]
    done = subprocess.run(
        [*command, *own, *options],
        cwd=REPOSITORY,
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return read(log)


@pytest.fixture(scope="module")
def run(folder: Path) -> Run:
    """The cases of stage complexity."""
    return gate(folder, "complexity", code=1)


OTHER_PAGE = """
| model | source | top1 | top5 | macs(G) | params(M) | input size |
| --- | --- | --- | --- | --- | --- | --- |
| squeezenet1_1 | torchvision | 58.178 | 80.624 | 0.349 | 1.235 | 224 |
"""


def test_two_pages_are_one_gate_in_any_order(folder: Path, run: Run) -> None:
    other = folder / "other.md"
    other.write_text(OTHER_PAGE, encoding="utf-8")
    both = gate(folder, "complexity", f"--page={other}", f"--page={folder / 'own.md'}", code=1)
    assert {page.path: len(page.rows) for page in both.header.pages} == {
        "other.md": 1,
        "own.md": 5,
    }
    assert outcomes(both, "other/torchvision/squeezenet1_1") == {CaseOutcome.PASSED: 4}
    own = {one.case: one.outcome for one in run.results}
    assert {case: one.outcome for one in both.results if (case := one.case) in own} == own


def test_two_pages_of_one_name_are_told_apart_by_their_folders(folder: Path) -> None:
    (folder / "beside").mkdir()
    (folder / "beside/own.md").write_text(OTHER_PAGE, encoding="utf-8")
    both = gate(folder, "complexity", f"--page={folder / 'beside/own.md'}", code=1)
    assert {page.name: len(page.rows) for page in both.header.pages} == {
        "beside-own": 1,
        f"{folder.name}-own": 5,
    }


def outcomes(run: Run, row: str) -> Counter[CaseOutcome]:
    return Counter(one.outcome for one in run.results if one.row == row)


def test_rows_that_are_resolved_are_counted_and_judged(run: Run) -> None:
    assert outcomes(run, "own/torchvision/squeezenet1_1") == {CaseOutcome.PASSED: 4}


@pytest.mark.shows(
    "a figure that no rule gives is passed over", by="pinned to the nearest, and failing"
)
def test_a_figure_that_no_rule_gives_fails_with_the_nearest(run: Run) -> None:
    (failed,) = (one for one in run.results if one.outcome is CaseOutcome.FAILED)
    assert failed.row == "own/torchvision/SqueezeNet1-0"
    assert "no counting rule gives this figure" in str(failed.verdict)
    assert [one.column for one in failed.defects] == ["flops"]


@pytest.mark.shows("a row that is not resolved vanishes")
@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("own/keras/vgg16", "no source: there is no adapter for 'keras'"),
        ("own/torchvision/resnet51", "no model 'resnet51'; nearest: resnet"),
    ],
)
def test_a_row_that_cannot_be_resolved_is_not_measured_with_its_reason(
    run: Run, row: str, reason: str
) -> None:
    assert outcomes(run, row) == {CaseOutcome.NOT_MEASURED: 4}
    assert all(reason in one.reason for one in run.results if one.row == row)


@pytest.mark.shows(
    "drawn weights pass for trained ones in int8",
    by="parity on them is told, and judged where a figure was accepted",
)
@pytest.mark.parametrize("name", ["torchvision/squeezenet1_1", "ppcls/MobileNetV3_small_x0_35"])
def test_a_row_without_reference_weights_is_exported_and_its_int8_is_told(
    folder: Path, name: str
) -> None:
    """What seeded weights do not tell of such a network is not measured, but for the figures."""
    row = f"own/{name}"
    told = gate(folder, "export or int8", f"--row={row}", code=0).results
    by_test: dict[str, set[CaseOutcome]] = {}
    for one in told:
        by_test.setdefault(one.case.partition("::")[2].partition("[")[0], set()).add(one.outcome)
    assert by_test.pop("test_same_network_from_another_source_agrees") == {CaseOutcome.SKIPPED}
    assert by_test.pop("test_parity") == {CaseOutcome.NOT_MEASURED}
    assert by_test.pop("test_parity_is_the_accepted_one") == {CaseOutcome.INCONCLUSIVE}
    assert set(by_test) == {
        "test_exported_model_computes_the_same",
        "test_export_is_complete_and_as_promised",
        "test_export_takes_the_documented_input_size",
        "test_exporting_again_gives_the_same_model",
        "test_network_computes_what_arithmetic_says",
        "test_every_heavy_operator_is_int8",
        "test_quantization_parameters_follow_from_the_calibration_images",
        "test_fp32_in_the_backend_agrees_with_its_source",
    }
    assert set.union(*by_test.values()) == {CaseOutcome.PASSED}
    (parity,) = (one for one in told if "::test_parity[" in one.case)
    assert parity.weights == "seeded"
    assert "parity needs published weights" in parity.reason
    assert parity.verdict is None, "another verdict would be told in place of the reason"
    (sqnr,) = (one for one in parity.measurements if one.name == "centred_sqnr")
    assert 5 < sqnr.value < 40
