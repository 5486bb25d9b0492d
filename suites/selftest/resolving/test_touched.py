"""``--changed-since``: what a pull request touches is judged, and what it cannot touch is not."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.pipeline.catalogue import EXPECTED, read_catalogue
from harness.resolving.generated import expected_for
from harness.resolving.touched import Touched, touched
from harness.resolving.zoofile import ZooFolder

REPOSITORY = EXPECTED.parent
PAGE = """# Nets

Resize 256, centre crop 224.

| model | source | top1 | top5 | macs(G) | params(M) | input size |
| --- | --- | --- | --- | --- | --- | --- |
| squeezenet1_1 | torchvision | 58.178 | 80.624 | 0.349 | 1.235 | 224 |
| squeezenet1_0 | torchvision | 58.092 | 80.420 | 0.819 | 1.248 | 224 |
"""
OTHER = PAGE.replace(
    "| squeezenet1_0 | torchvision | 58.092 | 80.420 | 0.819 | 1.248 | 224 |\n", ""
)
BROKEN = OTHER.replace("58.178", "5.8.178")
SQUEEZE = "nets/torchvision/squeezenet1_1"
OLDER = "nets/torchvision/squeezenet1_0"
SAME = "other/torchvision/squeezenet1_1"


def git(folder: Path, *words: str) -> None:
    subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", str(folder), *words],
        check=True,
        capture_output=True,
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout of two pages and expectations, with one commit that is called "before"."""
    root = tmp_path_factory.mktemp("made") / "checkout"
    (root / "zoo").mkdir(parents=True)
    (root / "zoo/nets.md").write_text(PAGE)
    (root / "zoo/other.md").write_text(OTHER)
    (root / "zoo/broken.md").write_text(BROKEN)
    shutil.copytree(EXPECTED, root / "expected")
    git(root, "init", "-q", "-b", "main")
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "before")
    git(root, "tag", "before")
    return root


@pytest.fixture
def checkout(made: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return Path(shutil.copytree(made, tmp_path / "checkout"))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")


Asking = Callable[..., Touched]


@pytest.fixture
def ask(checkout: Path, store: Path) -> Asking:
    """What is touched in the checkout as it is now."""

    def asked(since: str = "before", *, pages: bool = False) -> Touched:
        zoo, base = checkout / "zoo", checkout / "expected"
        own = [zoo / "nets.md", zoo / "other.md"] if pages else []
        zoos = [] if pages else [ZooFolder(zoo)]
        folder = expected_for(own, zoos=zoos, store=store, base=base)
        return touched(read_catalogue(folder), since, expected=base, pages=own, zoos=zoos)

    return asked


def change(checkout: Path, old: str, new: str, file: str = "zoo/nets.md") -> None:
    text = (checkout / file).read_text()
    assert old in text
    (checkout / file).write_text(text.replace(old, new, 1))


def test_nothing_has_changed(ask: Asking) -> None:
    assert ask() == Touched(frozenset(), 0)


@pytest.mark.parametrize("committed", [False, True])
@pytest.mark.parametrize("pages", [False, True])
@pytest.mark.shows(
    "what a pull request has changed is not judged", by="rows compared with the commit's"
)
def test_a_row_that_has_changed_brings_those_of_its_network(
    checkout: Path, ask: Asking, committed: bool, pages: bool
) -> None:
    change(checkout, "58.178", "58.2")
    if committed:
        git(checkout, "commit", "-q", "-a", "-m", "after")
    found = ask(pages=pages)
    assert found.rows == {SQUEEZE, SAME}
    assert (found.changed, found.pages) == (1, {"nets"})
    assert str(found) == "1 row changed, and 1 row of the same networks"


def test_a_row_that_has_only_moved_has_not_changed(checkout: Path, ask: Asking) -> None:
    first, second = PAGE.splitlines(keepends=True)[-2:]
    change(checkout, first + second, second + first)
    assert ask().rows == set()


def test_a_new_row_is_touched(checkout: Path, ask: Asking) -> None:
    change(
        checkout,
        "| squeezenet1_0",
        "| alexnet | torchvision | 56.5 | 79.1 | 0.7 | 61.1 | 224 |\n| squeezenet1_0",
    )
    assert ask().rows == {"nets/torchvision/alexnet"}


@pytest.mark.parametrize(
    ("old", "new"),
    [("centre crop 224", "centre crop 240"), ("macs(G)", "flops(G)"), ("# Nets", "# Nets\n\nmore")],
)
def test_other_words_of_a_page_touch_all_of_it(
    checkout: Path, ask: Asking, old: str, new: str
) -> None:
    change(checkout, old, new)
    assert ask().rows == {SQUEEZE, OLDER, SAME}


def test_a_new_page_is_touched(checkout: Path, ask: Asking) -> None:
    (checkout / "zoo/new.md").write_text(OTHER.replace("squeezenet1_1", "alexnet"))
    found = ask()
    assert found.rows == {"new/torchvision/alexnet"}
    assert found.pages == {"new"}


def test_a_page_that_could_not_be_read_before_is_touched(checkout: Path, ask: Asking) -> None:
    change(checkout, "5.8.178", "58.178", "zoo/broken.md")
    assert "broken/torchvision/squeezenet1_1" in ask().rows


def test_a_page_that_cannot_be_read_any_more_is_judged_as_one(checkout: Path, ask: Asking) -> None:
    change(checkout, "58.178", "5.8.178", "zoo/other.md")
    assert ask() == Touched(frozenset(), 0, pages=frozenset({"other"}))


# ── decisions ─────────────────────────────────────────────────────────────────────────────────

ROW = "resnext/timm/resnext50_32x4d"


def of_expected(checkout: Path) -> Touched:
    """What is touched where no page is given."""
    base = checkout / "expected"
    return touched(read_catalogue(base), "before", expected=base)


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("pages/resnext.toml", '"81.108"', '"80.4"'),
        ("variants/resnext.toml", "resnext50_32x4d.a1h_in1k", "resnext50_32x4d.a2_in1k"),
    ],
)
def test_an_entry_of_a_row_touches_the_row_and_its_network(
    checkout: Path, file: str, old: str, new: str
) -> None:
    change(checkout, old, new, f"expected/{file}")
    found = of_expected(checkout)
    assert ROW in found.rows
    assert found.changed == 1
    assert 1 < len(found.rows) < 15


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("tolerances.toml", "[", "[unused]\n["),
        ("known_issues.toml", "2 GiB", "2.0 GiB"),
        ("build/embedded.yaml", "name:", "# changed\nname:"),
    ],
)
def test_a_decision_about_no_row_touches_all(checkout: Path, file: str, old: str, new: str) -> None:
    change(checkout, old, new, f"expected/{file}")
    found = of_expected(checkout)
    assert found.everything == f"expected/{file}"
    assert len(found.rows) == len(read_catalogue(checkout / "expected").models)


def test_a_comment_touches_nothing(checkout: Path) -> None:
    path = checkout / "expected/complexity/resnext.toml"
    path.write_text(f"# words\n{path.read_text()}")
    assert of_expected(checkout).rows == set()


def test_the_zoos_own_file_touches_all(checkout: Path, ask: Asking) -> None:
    (checkout / "zoo/zoo.toml").write_text("[options]\nlayers = true\n")
    found = ask()
    assert (found.everything, found.rows) == ("zoo/zoo.toml", {SQUEEZE, OLDER, SAME})


def test_what_is_accepted_of_no_row_touches_all(checkout: Path) -> None:
    change(checkout, "value = ", "value = 1", "expected/baselines/waterfall.toml")
    assert of_expected(checkout).everything == "expected/baselines/waterfall.toml"


def test_an_accepted_figure_of_a_row_touches_the_row(checkout: Path) -> None:
    change(checkout, "value = ", "value = 1", "expected/baselines/parity-onnxruntime.toml")
    assert of_expected(checkout).changed == 1


def test_a_hook_of_another_checkout_changes_nothing(
    checkout: Path, ask: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", str(REPOSITORY / "nowhere"))
    change(checkout, "58.092", "58.1")
    assert ask().rows == {OLDER}


def test_a_file_that_is_gone_touches_all(checkout: Path) -> None:
    (checkout / "expected/baselines/parity-onnxruntime.toml").unlink()
    assert len(of_expected(checkout).rows) >= 29


def test_the_suite_itself_touches_all() -> None:
    """Of this checkout, if it has changed; what it is called says so."""
    try:
        found = touched(read_catalogue(), "HEAD", expected=EXPECTED)
    except HarnessError as error:
        pytest.skip(f"this is no checkout: {error}")
    assert bool(found.everything) == (len(found.rows) == len(read_catalogue().models))


# ── errors, and the gate ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("ref", ["nowhere", "-h", "--output=x", "", "a\0b"])
def test_a_commit_that_does_not_exist_is_refused(ask: Asking, ref: str) -> None:
    with pytest.raises(HarnessError, match="git knows no commit"):
        ask(ref)


def test_a_folder_that_is_no_checkout_is_refused(tmp_path: Path, store: Path) -> None:
    (tmp_path / "nets.md").write_text(PAGE)
    folder = expected_for([tmp_path / "nets.md"], store=store)
    with pytest.raises(HarnessError, match="in no checkout of git"):
        touched(read_catalogue(folder), "main", expected=EXPECTED, pages=[tmp_path / "nets.md"])


def run(checkout: Path, store: Path, *options: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--collect-only", "-q"]
    command += [f"--zoo={checkout / 'zoo'}", f"--store={store}", *options]
    command += [f"--expected={checkout / 'expected'}", "--changed-since=before"]
    done = subprocess.run(command, cwd=REPOSITORY, check=False, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def test_the_gate_takes_these_rows_alone(checkout: Path, store: Path) -> None:
    change(checkout, "58.092", "58.1")
    code, printed = run(checkout, store)
    cases = [line for line in printed.splitlines() if "::" in line]
    assert code == 0, printed
    assert {case.partition("[")[2].partition("-onnx")[0].partition("-torch")[0] for case in cases}
    assert all("squeezenet1_0" in case or "[nets]" in case for case in cases)
    assert any("test_page_of_the_zoo_can_be_read[nets]" in case for case in cases)


def test_a_change_that_touches_nothing_is_no_failure(checkout: Path, store: Path) -> None:
    code, printed = run(checkout, store, "-n0")
    assert code == 0, printed
    assert "no tests collected" in printed
