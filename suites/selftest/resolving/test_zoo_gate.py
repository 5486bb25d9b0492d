"""``pytest --zoo``: all pages below a folder are one gate, and none of them stops another."""

from __future__ import annotations

import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from harness.errors import BuildError, HarnessError, PageError
from harness.expected.known_issues import read_known_issues
from harness.pages.reading import read_page
from harness.pipeline.catalogue import EXPECTED, read_catalogue
from harness.reporting.results import CaseOutcome, Run
from harness.reporting.runlog import read
from harness.resolving import generated
from harness.resolving.generated import expected_for
from harness.resolving.zoofile import ZooFolder
from harness.resolving.zoos import find_pages

REPOSITORY = EXPECTED.parent
HEAD = "| model | source | top1 | top5 | {} | params(M) | input size |\n" + "| --- " * 7 + "|\n"
MEGA = HEAD.format("flops(M)") + (
    "| squeezenet1_1 | torchvision | 58.178 | 80.624 | 349.322 | 1.235 | 224 |\n"
)
GIGA = HEAD.format("macs(G)") + (
    "| squeezenet1_1 | torchvision | 58.178 | 80.624 | 0.349 | 1.235 | 224 |\n"
)
WRONG = MEGA.replace("349.322", "7.8.5")
TRACKING = HEAD.format("MOTA").replace("top1", "IDF1").replace("top5", "HOTA") + (
    "| jde | torch | 1.0 | 2.0 | 3.0 | 4.0 | 224 |\n"
)


def write_zoo(folder: Path, **pages: str) -> Path:
    """A folder of pages; ``__`` in a name stands for a subfolder."""
    for name, text in pages.items():
        path = folder / f"{name.replace('__', '/')}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def gate(folder: Path, *options: str, code: int) -> tuple[Run, str]:
    """The cases of these stages of a zoo, on two workers; its log, and what was printed."""
    log = folder / f"{len(list(folder.glob('*.jsonl')))}.jsonl"
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-n2", f"--run-log={log}"]
    command += ["-m", "page or complexity", f"--zoo={folder / 'zoo'}"]
    done = subprocess.run(
        [*command, f"--store={folder / 'store'}", *options],
        cwd=REPOSITORY,
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return read(log), done.stdout + done.stderr


# ── the gate ──────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def gated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, str]:
    """Two pages of one title, one that cannot be read, and files that are no pages."""
    folder = tmp_path_factory.mktemp("zoo")
    write_zoo(
        folder / "zoo", a__net=MEGA, b__net=GIGA, wrong=WRONG, README="# A zoo", track=TRACKING
    )
    return gate(folder, code=1)


@pytest.mark.shows(
    "a page of the zoo that cannot be read is left out of its gate", by="a case that fails for it"
)
def test_a_page_that_cannot_be_read_fails_alone(gated: tuple[Run, str]) -> None:
    run, printed = gated
    bad = [one for one in run.results if one.outcome is not CaseOutcome.PASSED]
    failed = [one for one in bad if one.outcome is CaseOutcome.FAILED]
    assert [one.case for one in failed] == [
        "suites/test_page.py::test_page_of_the_zoo_can_be_read[wrong]"
    ]
    assert "wrong.md:3: flops(M): '7.8.5' is not a plain decimal number" in failed[0].reason
    assert "test_page_of_the_zoo_can_be_read[wrong]' --zoo=" in failed[0].command
    assert {one.outcome for one in bad} == {CaseOutcome.FAILED, CaseOutcome.NOT_MEASURED}
    assert "zoo: 2 pages with 2 rows, 1 that cannot be read; 2 files about no" in printed


def test_two_pages_of_one_title_are_told_apart_by_their_folders(gated: tuple[Run, str]) -> None:
    run, _ = gated
    assert {page.name: len(page.rows) for page in run.header.pages} == {
        "a-net": 1,
        "b-net": 1,
        "wrong": 0,
    }
    for page in ("a-net", "b-net"):
        rows = [one for one in run.results if one.row == f"{page}/torchvision/squeezenet1_1"]
        assert sum(one.outcome is CaseOutcome.PASSED for one in rows) >= 5


def test_each_page_is_resolved_once_and_by_no_worker(gated: tuple[Run, str]) -> None:
    _, printed = gated
    assert printed.count("resolving ") == 2
    assert "net.md (2 of 2)" in printed


def test_the_report_answers_for_each_page(gated: tuple[Run, str]) -> None:
    _, printed = gated
    table = printed[printed.index("\npages ") :]
    assert table.index("wrong") < table.index("a-net") < table.index("b-net")
    told = " ".join(table.split())
    assert "wrong No 0 0 of 0 1 failed" in told
    assert "a-net Nothing against it 1 2 of 5" in told


def test_one_row_alone_says_nothing_of_pages(tmp_path: Path) -> None:
    write_zoo(tmp_path / "zoo", net=MEGA, wrong=WRONG)
    run, _ = gate(tmp_path, "--row=net/*", code=0)
    assert {one.row for one in run.results} == {"net/torchvision/squeezenet1_1"}


# ── what is known ─────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """Expectations that know a page of the zoo and an issue of it."""
    zoo, base = write_zoo(tmp_path / "zoo", net=MEGA, other=GIGA), tmp_path / "base"
    shutil.copytree(expected_for([zoo / "net.md"], store=tmp_path / "store"), base)
    (base / "known_issues.toml").write_text(
        "".join(
            f'[[issue]]\ncase = "suites/test_export.py::test_x[{page}-torchvision-*]"\n'
            'stage = "export"\nerror = "ExportError"\nreason = "r"\n'
            "since = 2030-01-01\nexpires = 2030-02-01\n"
            for page in ("net", "gone")
        )
    )
    (base / "complexity/net.toml").write_text(
        (base / "complexity/net.toml").read_text() + "\n# reviewed\n"
    )
    return base


def test_what_is_known_of_a_page_holds_while_it_does_not_change(tmp_path: Path, base: Path) -> None:
    zoo, store = tmp_path / "zoo", tmp_path / "store"
    folder = expected_for([], zoos=[ZooFolder(zoo)], store=store, base=base)
    assert "# reviewed" in (folder / "complexity/net.toml").read_text()
    (issue,) = read_known_issues(folder / "known_issues.toml", today=date(2030, 1, 2))
    assert "[net-" in issue.case
    assert [page.name for page in read_catalogue(folder).pages] == ["net", "other"]
    (zoo / "net.md").write_text(MEGA.replace("1.235", "1.236"))
    generated._kept.cache_clear()
    changed = expected_for([], zoos=[ZooFolder(zoo)], store=store, base=base)
    assert "# reviewed" not in (changed / "complexity/net.toml").read_text()
    assert read_known_issues(changed / "known_issues.toml", today=date.min) == ()


def test_what_is_known_is_part_of_the_key(tmp_path: Path, base: Path) -> None:
    zoo, store = tmp_path / "zoo", tmp_path / "store"
    before = expected_for([], zoos=[ZooFolder(zoo)], store=store, base=base)
    text = (base / "complexity/net.toml").read_text()
    (base / "complexity/net.toml").write_text(text.replace("# reviewed", "# again"))
    generated._kept.cache_clear()
    assert expected_for([], zoos=[ZooFolder(zoo)], store=store, base=base) != before


# ── finding pages ─────────────────────────────────────────────────────────────────────────────


def test_files_without_models_that_classify_are_no_pages(tmp_path: Path) -> None:
    found = find_pages([], [ZooFolder(write_zoo(tmp_path, net=MEGA, track=TRACKING, notes="text"))])
    assert [page.name for page in found.pages.values()] == ["net"]
    assert (found.unread, found.modelless) == ((), 2)


@pytest.mark.parametrize("header", ["NME", "MOTA", "avg F-Measure ↑", "LFW Accuracy", "hard"])
def test_figures_of_other_tasks_are_known(tmp_path: Path, header: str) -> None:
    text = f"| model | source | {header} | params(M) |\n| - | - | - | - |\n| a | b | 1.0 | 2.0 |\n"
    assert find_pages([], [ZooFolder(write_zoo(tmp_path, net=MEGA, other=text))]).modelless == 1


def test_pages_of_all_formats_are_found(tmp_path: Path) -> None:
    zoo = write_zoo(tmp_path, net=MEGA)
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in GIGA.splitlines()]
    rows = [cells[0], cells[2]]
    (zoo / "commas.csv").write_text("".join(f"{','.join(row)}\n" for row in rows))
    table = "".join(f"   {', '.join(row)}\n" for row in rows)
    (zoo / "text.rst").write_text(f".. csv-table::\n   :header-rows: 1\n\n{table}")
    (zoo / "labels.csv").write_text("image,label\na.jpg,3\n")
    (zoo / "words.rst").write_text("Words\n=====\n")
    found = find_pages([], [ZooFolder(zoo)])
    assert {page.name: len(page.rows) for page in found.pages.values()} == {
        "commas": 1,
        "net": 1,
        "text": 1,
    }
    assert (found.unread, found.modelless) == ((), 2)


def test_files_of_one_title_in_one_folder_are_told_apart(tmp_path: Path) -> None:
    zoo = write_zoo(tmp_path, a__README=MEGA, a__README_cn=MEGA, a__other=GIGA, b__README=MEGA)
    (zoo / "a/other.csv").write_text(
        "model,source,top1,top5,macs(G),params(M)\nsqueezenet1_1,torchvision,58.2,80.6,0.3,1.2\n"
    )
    assert [page.name for page in find_pages([], [ZooFolder(zoo)]).pages.values()] == [
        *("a-README.md", "a-README_cn.md", "other.csv", "other.md", "b"),
    ]


def test_a_misspelt_accuracy_is_no_other_task(tmp_path: Path) -> None:
    text = MEGA.replace("top1", "topl").replace("top5", "topS")
    (unread,) = find_pages([], [ZooFolder(write_zoo(tmp_path, net=MEGA, odd=text))]).unread
    assert "unknown column 'topl'" in unread.reason


@pytest.mark.shows(
    "a page that misspells its accuracies passes for one of another task, and leaves its zoo",
    by="what is near top-1 or top-5 is no other task",
)
@pytest.mark.parametrize("header", ["topl", "Top_1l", "top-l acc", "accuracy top-l"])
def test_a_misspelt_accuracy_beside_another_task_is_no_other_task(
    tmp_path: Path, header: str
) -> None:
    text = TRACKING.replace("IDF1", header)
    (unread,) = find_pages([], [ZooFolder(write_zoo(tmp_path, net=MEGA, odd=text))]).unread
    assert header in unread.reason


def test_a_page_whose_name_makes_no_id_is_told(tmp_path: Path) -> None:
    zoo = write_zoo(tmp_path, net=MEGA)
    (zoo / "网络.md").write_text(GIGA)
    (zoo / "说明.md").write_text("# no page")
    found = find_pages([], [ZooFolder(zoo)])
    (unread,) = found.unread
    assert "'网络' makes no id" in unread.reason
    assert found.modelless == 1


def test_a_page_that_is_named_has_to_be_readable(tmp_path: Path) -> None:
    zoo = write_zoo(tmp_path, wrong=WRONG)
    with pytest.raises(PageError, match="not a plain decimal"):
        find_pages([zoo / "wrong.md"], [ZooFolder(zoo)])


def test_a_page_that_is_named_and_found_counts_once(tmp_path: Path) -> None:
    zoo = write_zoo(tmp_path, net=MEGA)
    found = find_pages([zoo / "net.md"], [ZooFolder(zoo)] * 2)
    assert list(found.pages.values()) == [read_page(zoo / "net.md")]


@pytest.mark.parametrize(
    ("make", "told"),
    [(lambda _: None, "no such folder"), (lambda path: path.mkdir(), "no page with a model table")],
)
def test_a_folder_without_pages_is_refused(tmp_path: Path, make, told: str) -> None:
    make(tmp_path / "zoo")
    with pytest.raises(HarnessError, match=told):
        find_pages([], [ZooFolder(tmp_path / "zoo")])


# ── resolving ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("at_once", [1, 3])
def test_a_page_that_ends_its_process_is_lost_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    zoo, resolved = write_zoo(tmp_path / "zoo", net=MEGA, odd=GIGA, third=MEGA), generated.resolved

    def resolve(page, *given, **options):
        if page.name == "odd":
            raise BuildError("the child died")
        return resolved(page, *given, **options)

    monkeypatch.setattr(generated, "resolved", resolve)
    monkeypatch.setattr(generated, "_pages_at_once", lambda: at_once)
    told: list[str] = []
    folder = expected_for([], zoos=[ZooFolder(zoo)], store=tmp_path / "store", told=told.append)
    catalogue = read_catalogue(folder)
    assert [page.name for page in catalogue.pages] == ["net", "third"]
    (unread,) = catalogue.unread
    assert (unread.name, "the child died" in unread.reason) == ("odd", True)
    assert sorted(one.partition(" (")[0] for one in told) == [
        f"resolving {zoo / name}.md" for name in ("net", "third")
    ]
    with pytest.raises(BuildError, match="the child died"):
        expected_for([zoo / "odd.md"], store=tmp_path / "store")


def test_drafts_that_cannot_be_read_lose_their_page_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    zoo, written = write_zoo(tmp_path / "zoo", net=MEGA, odd=GIGA), generated.write

    def write(folder, drafts, base):
        written(folder, drafts, base)
        if (folder / "variants/odd.toml").exists():
            (folder / "variants/odd.toml").write_text("nothing = 1")

    monkeypatch.setattr(generated, "write", write)
    catalogue = read_catalogue(expected_for([], zoos=[ZooFolder(zoo)], store=tmp_path / "store"))
    assert [page.name for page in catalogue.pages] == ["net"]
    assert "which is a mistake of the suite" in catalogue.unread[0].reason


def test_a_zoo_of_which_nothing_can_be_read_is_red(tmp_path: Path) -> None:
    write_zoo(tmp_path / "zoo", wrong=WRONG)
    run, printed = gate(tmp_path, code=1)
    assert [one.outcome for one in run.results] == [CaseOutcome.FAILED]
    assert "May this ship? No" in printed


def test_places_are_told_below_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    zoo = write_zoo(tmp_path / "zoo", a__README=MEGA, b__README=WRONG)
    found = find_pages([], [ZooFolder(zoo)])
    assert [page.path for page in found.pages.values()] == ["a/README.md"]
    assert [page.path for page in found.unread] == ["b/README.md"]
    monkeypatch.chdir(tmp_path)
    assert [page.path for page in find_pages([], [ZooFolder(zoo)]).pages.values()] == [
        "zoo/a/README.md"
    ]
