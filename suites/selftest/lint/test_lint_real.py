"""What is found in the real zoo, all of it true and nothing beside."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from harness.lint.expected import expected_knowledge
from harness.lint.findings import Finding, Severity
from harness.lint.known import Knowledge
from harness.lint.results_table import read_results_table, table_knowledge
from harness.lint.rules import RULES
from harness.lint.running import lint
from harness.lint.zoo import read_zoo
from harness.pipeline.catalogue import EXPECTED


def found(real: Path, page: str, knowledge: Knowledge | None = None) -> dict[str, list[Finding]]:
    zoo = read_zoo([real / "zoo" / page], know=lambda _: knowledge or Knowledge())
    findings: dict[str, list[Finding]] = {}
    for finding in lint(zoo, RULES):
        findings.setdefault(finding.rule.id, []).append(finding)
    return findings


def lines(findings: list[Finding]) -> list[int]:
    return [finding.fault.place.line for finding in findings]


@pytest.fixture
def known() -> Knowledge:
    return expected_knowledge(EXPECTED, "resnext")


def test_all_known_defects_of_the_resnext_page_are_found(real, known):
    findings = found(real, "resnext.md", known)
    assert {rule: len(of_rule) for rule, of_rule in findings.items()} == {
        "size-of-accuracy": 1,
        "params-off-upstream": 15,
        "operations-off-upstream": 18,
        "missing-file": 3,
        "other-model-in-file": 2,
    }
    assert lines(findings["operations-off-upstream"]) == [54, 55, 56, *range(65, 80)]
    assert lines(findings["params-off-upstream"]) == list(range(65, 80))
    suggested = [one.fault.suggestion for one in findings["operations-off-upstream"]]
    assert suggested[:3] == ["4.288", "8.05", "15.585"]
    (size,) = findings["size-of-accuracy"]
    assert (size.fault.place.line, size.fault.suggestion) == (
        *(52, "input size 288, or 82.446 / 95.920 at 224"),
    )


def test_the_timm_config_compiles_another_network_than_the_page_exports(real):
    findings = found(real, "resnext.md")["other-model-in-file"]
    told = {Path(one.fault.place.path).name: one.fault for one in findings}
    assert told.keys() == {"timm_resnext.yaml", "mmcls_resnext.yaml"}
    timm = told["timm_resnext.yaml"]
    assert (timm.place.line, timm.place.column) == (11, 15)
    assert timm.suggestion == "resnext50_32x4d here, or gluon_resnext50_32x4d in the command"
    assert timm.evidence[0].place.line == 103


def test_files_that_the_page_names_wrongly_are_found(real):
    findings = found(real, "resnext.md")["missing-file"]
    assert [(one.fault.place.line, one.fault.suggestion) for one in findings] == [
        (160, "timm_resnext.yaml"),
        (176, "timm-resnext101_32x8d-vdsp_params.json"),
        (181, "timm-resnext101_32x8d-vdsp_params.json"),
    ]


def test_without_true_counts_rows_of_one_network_are_held_against_each_other(real):
    findings = found(real, "resnext.md")["same-network-other-figure"]
    metrics = Counter(one.fault.about.rpartition(" ")[2] for one in findings)
    assert metrics == {"macs": 3, "params": 5}
    ten_ninths = {one for one in findings if "10/9" in one.fault.message}
    assert {one.severity for one in ten_ninths} == {Severity.WARNING}
    assert all("10/9" in one.fault.message for one in findings if "macs" in one.fault.about)


def test_the_published_table_alone_tells_the_size_of_the_accuracy(real):
    table = read_results_table(real / "data/published/timm-results-imagenet.csv")
    rows = [row for _, row in read_zoo([real / "zoo/resnext.md"]).rows()]
    findings = found(real, "resnext.md", table_knowledge(table, rows))
    assert lines(findings["size-of-accuracy"]) == [52]
    assert lines(findings.get("params-off-upstream", [])) == []


def test_what_is_wrong_with_the_mobilenet_page_is_found(real):
    findings = found(real, "mobilenet_v2.md")
    assert {rule: lines(of_rule) for rule, of_rule in findings.items()} == {
        "same-network-other-figure": [14, 18, 21]
    }
    (params, *_) = findings["same-network-other-figure"]
    assert params.fault.suggestion.startswith("the figure there, with its digits")


def test_counted_the_flops_of_the_mobilenet_page_are_macs(real):
    counting = pytest.importorskip("harness.lint.counting", exc_type=ImportError)
    rows = [row for _, row in read_zoo([real / "zoo/mobilenet_v2.md"]).rows()]
    findings = found(real, "mobilenet_v2.md", counting.count_rows(rows))
    assert lines(findings["flops-for-macs"]) == [13, 14, 18, 21]
    assert findings["flops-for-macs"][0].fault.suggestion == "a header MACs(M), or 655.300 here"
