"""Another package adds a source, a backend and a counting rule, by its entry points alone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib.metadata import Distribution, EntryPoint, PathDistribution
from pathlib import Path

import pytest

from harness.counting import rules
from harness.counting.rules import RULES, rule_named
from harness.errors import CountError, ExpectationError, Unavailable
from harness.runtime import entry_points
from harness.runtime.entry_points import COUNTING_RULES, OWN_SOURCES, SOURCES, added, sources

REPOSITORY = Path(__file__).resolve().parents[3]
EXAMPLE = REPOSITORY / "fixtures" / "example_plugin"

USE = """
import json, sys
from pathlib import Path
import numpy as np, torch
from harness.backends.registry import backend
from harness.counting import rules
from harness.pages.reading import read_page
from harness.resolving.page import resolve_page
from harness.sources import adapter, sources

page = resolve_page(read_page(Path(sys.argv[1])))
network = adapter("example").build("tiny", input_size=32, weightless=False)
torch.jit.trace(network.module, torch.zeros(1, 3, 32, 32)).save("tiny.pt")
images = np.ones((2, 3, 32, 32), np.float32)
same = np.allclose(
    backend("example-eager").session(Path("tiny.pt"), precision="fp32").logits(images),
    adapter("example").logits(network, images),
    atol=1e-6,
)
print(json.dumps({
    "sources": list(sources()),
    "rules": list(rules.rule_names()),
    "variants": [[one.variant.model, one.variant.unresolved] for one in page.rows],
    "operations": [[one.use.rule, one.raw] for one in page.operations.values()],
    "same": bool(same),
}))
"""
KIT = """
from functools import partial
import pytest
from harness.backends.registry import backend
from harness.backends.kit import CHECKS, BackendUnderTest, make_subject

@pytest.fixture(scope="module")
def under_test(tmp_path_factory):
    model = make_subject(tmp_path_factory.mktemp("model"))
    make = partial(backend, "example-eager")
    folder = tmp_path_factory.mktemp("kit")
    with BackendUnderTest(make, model, folder, name="example-eager") as under_test:
        yield under_test

@pytest.mark.parametrize("check", CHECKS)
def test_conforms(under_test, check):
    CHECKS[check](under_test, "fp32")
"""
PAGE = """# Own

| model | source | top1 | top5 | MACs(K) | params(K) | input size |
| --- | --- | --- | --- | --- | --- | --- |
| tiny | example | 40.12 | 60.34 | 9.216 | 9.216 | 32 |
| huge | Exemplar | 40.12 | 60.34 | 9.216 | 9.216 | 32 |
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the example package is installed into, from a copy and without a network."""
    folder = tmp_path_factory.mktemp("plugin")
    shutil.copytree(EXAMPLE, folder / "source")
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--no-input"]
    pip = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", *options]
    subprocess.run([*pip, "--target", folder / "site", folder / "source"], check=True, timeout=120)
    return folder / "site"


def python(installed: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python where the example package is installed."""
    paths = os.pathsep.join([str(installed), str(REPOSITORY)])
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": paths},
        check=False,
        capture_output=True,
        text=True,
        timeout=180,
    )


def test_an_installed_package_adds_a_source_a_backend_and_a_rule(
    installed: Path, tmp_path: Path
) -> None:
    (tmp_path / "own.md").write_text(PAGE, encoding="utf-8")
    done = python(installed, tmp_path, "-W", "ignore", "-c", USE, "own.md")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    assert said["sources"][-1] == "example"
    assert said["rules"][-1] == "example-weights"
    (model, resolved), (_, reason) = said["variants"]
    assert (model, resolved) == ("tiny", "")
    assert reason.startswith("zoo-example 1.0 has no model 'huge'")
    assert said["operations"] == [["example-weights", 9216]]
    assert said["same"]


def test_rows_of_an_added_source_have_cases_on_an_added_backend(
    installed: Path, tmp_path: Path
) -> None:
    (tmp_path / "own.md").write_text(PAGE, encoding="utf-8")
    chosen = (f"--page={tmp_path / 'own.md'}", "--source=example", "--backend=example-eager")
    collect = ("--collect-only", "-q", "-p", "no:cacheprovider", f"--store={tmp_path / 'store'}")
    done = python(installed, REPOSITORY, "-m", "pytest", *collect, *chosen, "suites/test_int8.py")
    case = "test_fp32_in_the_backend_agrees_with_its_source[own-example-tiny-example-eager-fp32]"
    assert f"suites/test_int8.py::{case}" in done.stdout.splitlines(), done.stdout + done.stderr


def test_a_page_of_an_added_source_is_gated_like_any_other(installed: Path, tmp_path: Path) -> None:
    """Its own name, published accuracies, pipeline, opset and counting rule take part."""
    page, log = tmp_path / "own.md", tmp_path / "run.jsonl"
    page.write_text("\n".join(PAGE.splitlines()[:-1]) + "\n", encoding="utf-8")
    chosen = (f"--page={page}", f"--store={tmp_path / 'store'}", f"--run-log={log}")
    stages = ("-m", "page or complexity or export", "-p", "no:cacheprovider", "-n", "0")
    done = python(installed, REPOSITORY, "-m", "pytest", "-q", *chosen, *stages)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    passed = {line["case"].rpartition("::")[2] for line in lines if line.get("outcome") == "passed"}
    assert passed >= {
        "test_documented_operations_are_reproduced[own-example-tiny]",
        "test_documented_accuracy_is_the_published_one[own-example-tiny-top1]",
        "test_exported_model_computes_the_same[own-example-tiny-onnx-opset13]",
    }


def test_the_examples_pipeline_does_what_it_declares(installed: Path) -> None:
    done = python(
        *(installed, REPOSITORY, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "0"),
        *("suites/test_preprocessing.py", "-k", "example-tiny"),
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_examples_backend_passes_the_conformance_kit(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "test_kit.py").write_text(KIT, encoding="utf-8")
    done = python(installed, tmp_path, "-m", "pytest", "-p", "no:cacheprovider", "test_kit.py")
    assert done.returncode == 0, done.stdout


# ── names that clash, and targets that are none ───────────────────────────────────────────────


def package(folder: Path, name: str) -> Distribution:
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    return PathDistribution(info)


def point(name: str, value: str, group: str, of: Distribution) -> EntryPoint:
    return EntryPoint(name, value, group)._for(of)  # type: ignore[attr-defined]


def offer(monkeypatch: pytest.MonkeyPatch, *points: EntryPoint) -> None:
    monkeypatch.setattr(
        entry_points, "_points", lambda group: tuple(one for one in points if one.group == group)
    )


@pytest.mark.shows(
    "a package replaces something of the suite", by="a name that is taken is an error, with both"
)
def test_a_name_that_the_suite_has_is_refused_with_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(monkeypatch, point("timm", "acme.nets", SOURCES, package(tmp_path, "acme")))
    message = (
        r"'timm' of acme 1\.0 \(acme\.nets\) is taken by the suite's own harness\.sources\.timm"
    )
    with pytest.raises(ExpectationError, match=message):
        sources()


def test_a_rule_that_the_suite_has_is_refused_where_rules_are_looked_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(monkeypatch, point("thop", "acme:RULE", COUNTING_RULES, package(tmp_path, "acme")))
    with pytest.raises(ExpectationError, match="taken by the suite's own"):
        rules.rule_names()


@pytest.mark.shows("a package replaces something of the suite")
def test_two_packages_that_add_one_name_are_refused_with_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = package(tmp_path, "acme"), package(tmp_path, "zeta")
    offer(monkeypatch, point("x", "acme.x", SOURCES, one), point("x", "zeta.x", SOURCES, other))
    with pytest.raises(ExpectationError, match=r"by acme 1\.0 \(acme\.x\) and by zeta 1\.0"):
        added(SOURCES)


def test_a_package_that_cannot_be_imported_is_not_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(monkeypatch, point("x", "no_such_thing:R", COUNTING_RULES, package(tmp_path, "acme")))
    with pytest.raises(Unavailable, match="needs no_such_thing, which is not installed"):
        rule_named("x")


def test_what_is_no_rule_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, point("x", "json:dumps", COUNTING_RULES, package(tmp_path, "acme")))
    with pytest.raises(CountError, match="json:dumps is a function, expected a Rule"):
        rule_named("x")


def test_without_packages_there_is_what_the_suite_has(monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch)
    assert rules.rule_names() == tuple(RULES)
    assert sources() == OWN_SOURCES
