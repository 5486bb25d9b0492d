"""Rows have the same cases on every backend; what a host lacks is said, and can be required."""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from small_runs import ROW, SLUG, RunGate

from harness.reporting.results import CaseOutcome

pytestmark = [pytest.mark.shows("a stand-in's figures pass for the vendor's")]

pytest_plugins = ["pytester"]

TOOLS = Path(__file__).parents[3] / "fixtures" / "vendor_toolchain"
PADDLE = "resnext/ppcls/resnext50_32x4d"
NO_TOOLS = "no executable vamc"

FILE = """
import pytest

@pytest.mark.int8
def test_int8(int8_case): pass

@pytest.mark.half
def test_half(half_case): pass

@pytest.mark.export
def test_fp32(fp32_case): pass
"""

ASKING = """
import pytest
from harness.records import Measurement

@pytest.mark.int8
def test_int8(int8_case, pipeline, record):
    record.measured(Measurement("sqnr", 17.5, "dB", {"precision": "int8"}))
    pipeline.backend(int8_case.backend).tools()

@pytest.mark.throughput
def test_speed(speed_case): pass
"""

THROUGHPUT = """
import pytest

@pytest.mark.throughput
def test_speed(int8_case): pass
"""


def test_cases_of_a_backend_are_those_that_it_has_precisions_for(run_gate: RunGate) -> None:
    options = ("--backend=vendor", "--backend=torch")
    ids = run_gate("--collect-only", "-q", *options, test_file=FILE).ids
    assert sorted(ids) == [
        f"test_fp32[{SLUG}-onnxruntime-fp32]",  # what the vendor's is held against
        f"test_fp32[{SLUG}-torch-fp32]",
        f"test_half[{SLUG}-torch-bf16]",
        f"test_half[{SLUG}-torch-fp16]",
        f"test_half[{SLUG}-vendor-fp16]",
        f"test_int8[{SLUG}-vendor-int8]",
    ]


def test_accuracy_on_another_backend_names_it_and_leaves_fp32_to_the_embedded_one(
    run_gate: RunGate,
) -> None:
    file = "import pytest\n@pytest.mark.accuracy\ndef test_accuracy(accuracy_case): pass\n"
    options = ("--backend=onnxruntime", "--backend=vendor", "--backend=torch")
    ids = run_gate("--collect-only", "-q", *options, test_file=file).ids
    assert sorted(one for one in ids if "top1" in one) == [
        f"test_accuracy[{SLUG}-top1-fp32]",
        f"test_accuracy[{SLUG}-top1-int8]",
        f"test_accuracy[{SLUG}-torch-top1-bf16]",
        f"test_accuracy[{SLUG}-torch-top1-fp16]",
        f"test_accuracy[{SLUG}-vendor-top1-fp16]",
        f"test_accuracy[{SLUG}-vendor-top1-int8]",
    ]


def test_only_the_embedded_backend_is_run_where_none_is_named(run_gate: RunGate) -> None:
    ids = run_gate("--collect-only", "-q", test_file=FILE).ids
    assert {one.rpartition("-")[0].rpartition("-")[2] for one in ids} == {"onnxruntime"}


def test_a_row_without_the_form_that_a_backend_takes_is_said_to_be_left_out(
    run_gate: RunGate,
) -> None:
    found = run_gate("--backend=torch", row=PADDLE, test_file=FILE)
    assert set(found.outcomes.values()) == {CaseOutcome.SKIPPED}
    assert "ppcls has no torchscript for torch" in found.printed


@pytest.mark.shows("a backend that cannot be used here reads as a pass", by="not measured")
def test_a_backend_that_is_not_here_is_not_measured(run_gate: RunGate, tmp_path: Path) -> None:
    found = run_gate("--backend=vendor", f"--vendor-tools={tmp_path}", test_file=ASKING)
    assert found.code == 0
    assert list(found.outcomes.values()) == [CaseOutcome.NOT_MEASURED]
    assert NO_TOOLS in found.printed


def test_a_backend_that_is_required_and_not_here_fails(run_gate: RunGate, tmp_path: Path) -> None:
    options = ("--backend=vendor", "--require-backend=vendor", f"--vendor-tools={tmp_path}")
    found = run_gate(*options, test_file=ASKING)
    assert found.code == 1
    assert list(found.outcomes.values()) == [CaseOutcome.FAILED]
    assert NO_TOOLS in found.printed


def test_the_command_that_repeats_a_case_has_the_options_it_depends_on(
    run_gate: RunGate, tmp_path: Path
) -> None:
    file = """
    import pytest

    @pytest.mark.throughput
    def test_speed(speed_case, record):
        assert False, record.command
    """
    options = ("--backend=vendor", "--precision=int8", "--throughput", f"--vendor-tools={tmp_path}")
    found = run_gate(*options, test_file=file)
    case = f"test_file.py::test_speed[{SLUG}-vendor-int8]"
    (command,) = [line for line in found.printed.splitlines() if line.startswith("E ")][:1]
    assert f"pytest '{case}' --backend=vendor --precision=int8 " in command
    assert set(options) < set(command.split())


def test_a_backend_that_does_not_exist_is_refused(run_gate: RunGate) -> None:
    found = run_gate("--backend=vendr", test_file=FILE)
    assert found.code == 4
    assert "invalid choice: 'vendr'" in found.printed


def test_cards_that_are_no_numbers_are_refused(run_gate: RunGate) -> None:
    found = run_gate("--cards=0,0", test_file=FILE)
    assert found.code == 4
    assert "'0,0' are no different whole numbers" in found.printed


def test_throughput_is_measured_only_where_it_is_asked_for(run_gate: RunGate) -> None:
    without = run_gate("--collect-only", "-q", test_file=THROUGHPUT)
    asked = run_gate("--collect-only", "-q", "--throughput", test_file=THROUGHPUT)
    assert without.ids == []
    assert asked.ids == [f"test_speed[{SLUG}-onnxruntime-int8]"]


# ── nightly ───────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(autouse=True)
def _this_interpreter_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stand-in is started by the first python3 on the path."""
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=":")


def test_nightly_tells_first_what_will_run_and_what_cannot(run_gate: RunGate) -> None:
    found = run_gate("--nightly", f"--vendor-tools={TOOLS}", test_file=ASKING)
    screen = found.printed[found.printed.index("nightly on") :].splitlines()
    about = {line.split("backend ")[1].split()[0]: line for line in screen if "backend " in line}
    assert screen[0].endswith(f"GiB free in {found.log_path.parent / 'store'}")
    assert "STAND-IN" in about["vendor"]
    assert "not the vendor's tool" in about["vendor"]
    assert about["onnxruntime"].split()[0] == "runs"
    assert any("cannot run  accuracy" in line for line in screen)


@pytest.mark.parametrize("workers", [(), ("-n1",)], ids=["alone", "xdist"])
def test_nightly_runs_on_what_is_there_and_leaves_out_what_is_not(
    run_gate: RunGate, tmp_path: Path, workers: tuple[str, ...]
) -> None:
    found = run_gate(
        "--nightly", f"--vendor-tools={tmp_path}", *workers, apart=True, test_file=ASKING
    )
    backends = {one.partition(SLUG)[2].split("-")[1] for one in found.outcomes if "speed" in one}
    assert found.code == 0
    assert {"onnxruntime", "torch"} <= backends
    assert "vendor" not in backends
    assert NO_TOOLS in found.printed


@pytest.mark.shows("a host without its card stays green", by="what is named is required")
def test_nightly_fails_where_what_was_named_is_not_there(run_gate: RunGate, tmp_path: Path) -> None:
    options = ("--nightly", "--backend=vendor", f"--vendor-tools={tmp_path}")
    assert run_gate(*options, test_file=ASKING).code == 1


@pytest.mark.parametrize("workers", [(), ("-n1",)], ids=["alone", "xdist"])
def test_figures_are_properties_in_junit_xml(
    run_gate: RunGate, tmp_path: Path, workers: tuple[str, ...]
) -> None:
    path = tmp_path / "run.xml"
    run_gate(*workers, f"--junitxml={path}", apart=True, test_file=ASKING)
    (case,) = ElementTree.parse(path).iter("testcase")
    properties = {one.get("name"): one.get("value") for one in case.iter("property")}
    assert properties == {"sqnr[precision=int8] dB": "17.5"}


def test_nightly_leaves_junit_xml_and_a_run_log(run_gate: RunGate) -> None:
    found = run_gate("--nightly", "--backend=onnxruntime", apart=True, test_file=ASKING)
    (xml,) = (found.log_path.parent / ".zoo" / "runs").glob("*.xml")
    names = [one.get("name") for one in ElementTree.parse(xml).iter("testcase")]
    assert f"test_int8[{SLUG}-onnxruntime-int8]" in names
    assert {one.row for one in found.log.results} == {ROW}
    assert found.log.header.options["nightly"] == "True"


@pytest.mark.shows("a card is aside because of a stand-in, and real runs skip")
@pytest.mark.parametrize(("options", "code"), [((), 0), (("--cards=0",), 1)])
def test_cards_that_are_named_have_to_be_usable(
    run_gate: RunGate, options: tuple[str, ...], code: int
) -> None:
    file = """
    import pytest
    from harness.errors import NoCard

    @pytest.mark.int8
    def test_int8(int8_case):
        raise NoCard("every card is set aside")
    """
    assert run_gate("--backend=vendor", *options, test_file=file).code == code
