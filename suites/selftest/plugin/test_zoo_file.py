"""``zoo.toml``: which pages belong to a zoo, and the options of its runs; every mistake is told."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.__main__ import main
from harness.cli.init import TEMPLATE
from harness.errors import ExpectationError, HarnessError
from harness.pipeline.catalogue import EXPECTED
from harness.plugin import zoofile
from harness.resolving.zoofile import NAME, ZooFolder, read_zoo
from harness.resolving.zoos import find_pages

pytest_plugins = ["pytester"]

PAGE = """
| model | source | top1 | top5 | macs(G) | params(M) | input size |
| --- | --- | --- | --- | --- | --- | --- |
| squeezenet1_1 | torchvision | 58.178 | 80.624 | 0.349 | 1.235 | 224 |
"""

Settle = Callable[..., pytest.Config]


@pytest.fixture
def zoo(tmp_path: Path) -> Path:
    """A folder of two pages."""
    for name in ("a/net", "b/net"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / f"{name}.md").write_text(PAGE)
    return tmp_path


@pytest.fixture
def settle(zoo: Path, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Settle:
    """The options of a run, with this text as the zoo's file and these words."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.delenv("ZOO_HISTORY", raising=False)
    pytester.makeconftest('pytest_plugins = ("harness.plugin",)')

    def settled(text: str, *words: str) -> pytest.Config:
        (zoo / NAME).write_text(text)
        config = pytester.parseconfig(f"--zoo={zoo}", *words)
        zoofile.pytest_configure(config)
        return config

    return settled


def test_options_are_taken_as_from_the_command_line(settle: Settle) -> None:
    text = """[options]
    backend = ["onnxruntime", "torch"]
    precision = "int8"
    cards = "1,2"
    memory = "8GiB"
    step-timeout = 100
    margin = 0.5
    throughput = true
    layers = false
    """
    option = settle(text).getoption
    assert option("--backend") == ["onnxruntime", "torch"]
    assert option("--precision") == ["int8"]
    assert (option("--cards"), option("--memory")) == ((1, 2), "8GiB")
    assert (option("--step-timeout"), str(option("--margin"))) == (100.0, "0.5")
    assert (option("--throughput"), option("--layers")) == (True, False)


def test_paths_are_from_the_folder_of_the_file(zoo: Path, settle: Settle) -> None:
    (zoo / "own.yaml").write_text("")
    text = """[options]
    expected = "expected"
    imagenet = "/data/val"
    weights = "hub"
    pipeline = "own.yaml"
    """
    option = settle(text).getoption
    assert option("--expected") == str(zoo / "expected")
    assert option("--imagenet") == "/data/val"
    assert option("--weights") == "hub"
    assert option("--pipeline") == str(zoo / "own.yaml")
    option = settle('[options]\nweights = "w"\npipeline = "page"').getoption
    assert (option("--weights"), option("--pipeline")) == (str(zoo / "w"), "page")


def test_the_command_line_goes_before(settle: Settle) -> None:
    text = '[options]\nbackend = ["torch"]\nmemory = "8GiB"\n'
    option = settle(text, "--backend=vendor", "--memory=1GiB").getoption
    assert (option("--backend"), option("--memory")) == (["vendor"], "1GiB")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[options]\nbackends = ['torch']", r"options.backends: unknown option .*'backend'"),
        ("[options]\nbackend = ['tensorrt']", r"options.backend: .*invalid choice: 'tensorrt'"),
        ("[options]\nmemory = true", "options.memory is True, expected a text or a number"),
        ("[options]\nmemory = [1]", "options.memory is .*, expected a text or a number"),
        ("[options]\nlayers = 1", "options.layers is 1, expected true or false"),
        ("[options]\ncards = 'a'", "options.cards: .*are no different whole numbers"),
        ("[options]\nzoo = '.'", "options.zoo: unknown option"),
        ("options = 1", "options is 1, expected a table"),
        ("page = ['*']", r"page: unknown key .*'pages'"),
        ("pages = '*'", "pages is .*, expected an array of texts"),
        ("pages = []", "pages is .*, expected at least one pattern"),
        ("pages = [", "not TOML"),
    ],
)
def test_a_mistake_is_told_with_file_and_key(settle: Settle, text: str, told: str) -> None:
    with pytest.raises(pytest.UsageError, match=told) as caught:
        settle(text)
    assert NAME in str(caught.value)


def test_two_zoos_that_ask_for_different_things_are_refused(
    zoo: Path, settle: Settle, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = tmp_path_factory.mktemp("other")
    (other / NAME).write_text('[options]\nmemory = "2GiB"')
    with pytest.raises(pytest.UsageError, match=f"{other}.*is another than {zoo}.*has"):
        settle('[options]\nmemory = "1GiB"', f"--zoo={other}")
    (other / NAME).write_text('[options]\nmemory = "1.0GiB"'.replace("1.0", "1"))
    assert settle('[options]\nmemory = "1GiB"', f"--zoo={other}").getoption("--memory") == "1GiB"


# ── pages ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ["a/net.md", "b/net.md"]),
        ("pages = ['a/*']", ["a/net.md"]),
        ("leave_out = ['*b/*']", ["a/net.md"]),
        ("pages = ['*net*']\nleave_out = ['a/*']", ["b/net.md"]),
    ],
)
def test_patterns_say_which_files_are_pages(zoo: Path, text: str, found: list[str]) -> None:
    (zoo / NAME).write_text(text)
    folder, _ = read_zoo(zoo)
    assert [path.relative_to(zoo).as_posix() for path in folder.files()] == found


@pytest.mark.parametrize("text", ["pages = ['c/*']", "leave_out = ['a/nets.md']"])
@pytest.mark.shows(
    "a misspelt pattern leaves pages out of a zoo's gate", by="a pattern has to match a file"
)
def test_a_pattern_that_matches_nothing_is_refused(zoo: Path, text: str) -> None:
    (zoo / NAME).write_text(text)
    with pytest.raises(HarnessError, match="which matches no file that could be a page"):
        find_pages([], [read_zoo(zoo)[0]])


def test_a_file_that_is_no_text_is_told(zoo: Path) -> None:
    (zoo / NAME).write_bytes(b"\xff")
    with pytest.raises(ExpectationError, match="not UTF-8"):
        read_zoo(zoo)


# ── init ──────────────────────────────────────────────────────────────────────────────────────


def test_init_writes_a_file_that_is_read(zoo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (zoo / "wrong.md").write_text(PAGE.replace("58.178", "5.8.1"))
    (zoo / "notes.md").write_text("nothing")
    assert main(["init", str(zoo)]) == 0
    printed = capsys.readouterr().out
    assert f"{zoo / NAME}: 2 pages with 2 rows, 1 other file" in printed
    assert "wrong.md:4: top1: '5.8.1' is not a plain" in printed
    folder, options = read_zoo(zoo)
    assert (folder, dict(options.values)) == (ZooFolder(zoo), {})
    assert "Found: 2 pages with 2 rows" in (zoo / NAME).read_text()


def test_init_overwrites_nothing(zoo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (zoo / NAME).write_text("mine")
    assert main(["init", str(zoo)]) == 2
    assert "is there already; nothing was written" in capsys.readouterr().err
    assert (zoo / NAME).read_text() == "mine"


def test_init_of_a_folder_without_pages_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", str(tmp_path)]) == 2
    assert "no page with a model table in this folder" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_what_init_proposes_is_taken(settle: Settle) -> None:
    text = TEMPLATE.format(found="")
    proposed = re.sub(r"^# (?=[a-z-]+ = )", "", text, flags=re.MULTILINE)
    assert proposed.count("\n# ") < text.count("\n# ") - 10
    assert settle(proposed).getoption("--cards") == (0, 1)


# ── the gate ──────────────────────────────────────────────────────────────────────────────────


def test_a_run_is_made_as_the_file_says(
    zoo: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    store = tmp_path_factory.mktemp("store")
    (zoo / NAME).write_text("pages = ['a/*']\n[options]\nprecision = 'fp32'\n")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--collect-only", "-q"]
    command += ["-n2", f"--zoo={zoo}", f"--store={store}", "-m", "int8 or page"]
    done = subprocess.run(command, cwd=EXPECTED.parent, check=False, capture_output=True, text=True)
    cases = [line for line in done.stdout.splitlines() if "::" in line]
    assert done.returncode == 0, done.stdout + done.stderr
    assert any("test_fp32_in_the_backend_agrees" in case for case in cases)
    assert not any("int8]" in case for case in cases)
    assert any("[net]" in case for case in cases)
