"""Accuracy is counted by class id. Counting by name, as the vendor does, gives another figure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from harness.accuracy.vendor_files import read_vendor_file
from harness.accuracy.vendor_results.files import Result, write_results
from harness.accuracy.vendor_results.lines import Guess
from harness.accuracy.vendor_results.lists import read_labels, read_synsets
from harness.accuracy.vendor_results.vendor_rule import count_by_name
from harness.errors import MeasureError, MissingDataset
from harness.judging.postprocessing.hits import Hits

SHARED = Path(__file__).resolve().parents[4] / "../shared"


def answers(images: dict[str, int], labels: Sequence[str]) -> list[Result]:
    """Results that name a class first and, as no one else is there, four others after it."""
    return [
        Result(
            image,
            tuple(
                Guess(one, 0.5 / 2**rank, labels[one])
                for rank, one in enumerate([class_id, *(i for i in range(5) if i != class_id)][:5])
            ),
        )
        for image, class_id in images.items()
    ]


def counted(path: Path, synsets: dict[str, int]) -> Hits:
    """By id, as ``accuracy --from-results`` reads a file."""
    read = read_vendor_file(path, row="", precision="int8", synsets=synsets)
    return Hits(len(read), int(read.hit1.sum()), int(read.hit5.sum()), 5)


def both(path: Path, synsets: dict[str, int], names: dict[str, str]) -> tuple[Hits, Hits]:
    """The count by id and the vendor's, of one file."""
    return counted(path, synsets), count_by_name(path, names)


def test_both_rules_agree_where_names_are_unique_and_paths_plain(
    spoiled: Callable[..., Path], synsets: dict[str, int], names: dict[str, str]
) -> None:
    by_id, by_name = both(spoiled(), synsets, names)
    assert by_id == by_name == Hits(images=2, first=1, within=2, k=5)


@pytest.mark.shows("a namesake counts as a hit", by="classes are counted by id, never by name")
@pytest.mark.parametrize(
    ("folder", "named"), [("n02012849", 4), ("n03126707", 3), ("n03710637", 5)]
)
def test_a_namesake_is_a_hit_by_name_and_a_miss_by_id(
    tmp_path: Path,
    labels: list[str],
    synsets: dict[str, int],
    names: dict[str, str],
    folder: str,
    named: int,
) -> None:
    results = answers({f"/{folder}/a.npz": named, "/n01440764/b.npz": 0}, labels)
    write_results(tmp_path / "r.txt", results)
    by_id, by_name = both(tmp_path / "r.txt", synsets, names)
    assert (by_id.first, by_name.first) == (1, 2)
    assert by_id.measurements()[0].value == 50
    assert by_name.measurements()[0].value == 100


def test_a_colon_in_a_path_makes_every_answer_wrong_by_the_vendors_rule(
    tmp_path: Path, labels: list[str], synsets: dict[str, int], names: dict[str, str]
) -> None:
    write_results(tmp_path / "r.txt", answers({"C:/n01440764/a.npz": 0}, labels))
    by_id, by_name = both(tmp_path / "r.txt", synsets, names)
    assert (by_id.first, by_name.first, by_name.within) == (1, 0, 0)


@pytest.mark.parametrize("folder", ["/a b/", "/图像/", "/Relay top-0/"])
def test_other_odd_paths_are_counted_alike(
    tmp_path: Path, labels: list[str], synsets: dict[str, int], names: dict[str, str], folder: str
) -> None:
    write_results(tmp_path / "r.txt", answers({f"{folder}n01440764/a.npz": 0}, labels))
    by_id, by_name = both(tmp_path / "r.txt", synsets, names)
    assert by_id == by_name == Hits(images=1, first=1, within=1, k=5)


def test_the_vendors_rule_ends_where_its_table_has_no_name(
    spoiled: Callable[..., Path], names: dict[str, str]
) -> None:
    path = spoiled()
    del names["n01443537"]
    with pytest.raises(MeasureError, match=r":6: no name for the folder 'n01443537'; the vendor's"):
        count_by_name(path, names)
    path.write_bytes(b"nothing\n")
    with pytest.raises(MeasureError, match=r":1: too few slashes or colons"):
        count_by_name(path, names)


@pytest.mark.parametrize(
    ("image", "class_id", "message"),
    [
        ("/npz/tench/a.npz", 0, "'/npz/tench/a.npz' lies in the folder 'tench', expected one of 6"),
        ("a.npz", 0, "lies in the folder ''"),
        ("/n01440764/a.npz", 6, "has class 6, expected 0 to 5"),
    ],
)
def test_results_that_belong_to_no_class_are_refused(
    tmp_path: Path, synsets: dict[str, int], image: str, class_id: int, message: str
) -> None:
    write_results(tmp_path / "r.txt", answers({image: class_id}, ["tench"] * 7))
    with pytest.raises(MeasureError, match=message):
        counted(tmp_path / "r.txt", synsets)


def test_line_of_a_list_is_the_class_id(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("n01443537\nn01440764")
    assert read_synsets(tmp_path / "list.txt") == {"n01443537": 0, "n01440764": 1}
    assert read_labels(tmp_path / "list.txt") == ("n01443537", "n01440764")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("n01440764\n\nn01443537\n", r"list\.txt:2: a blank line"),
        ("", r"list\.txt:1: a blank line"),
        ("n01440764\ntench\n", r"list\.txt:2: 'tench' is no WordNet id"),
        ("n01440764\nn01443537\nn01440764\n", r"list\.txt:3: n01440764 is at line 1 too"),
    ],
)
def test_list_that_would_shift_or_merge_classes_is_refused(
    tmp_path: Path, text: str, message: str
) -> None:
    (tmp_path / "list.txt").write_text(text)
    with pytest.raises(MeasureError, match=message):
        read_synsets(tmp_path / "list.txt")
    with pytest.raises(MissingDataset, match="there is no"):
        read_labels(tmp_path / "other.txt")


@pytest.mark.skipif(not SHARED.is_dir(), reason="the vendor's label list is not here")
@pytest.mark.parametrize(
    ("shortened", "namesakes"), [(False, {(134, 517)}), (True, {(134, 517), (638, 639)})]
)
def test_the_vendors_labels_are_not_unique(
    shortened: bool, namesakes: set[tuple[int, int]]
) -> None:
    """As a whole only crane is there twice; by its first word maillot is too."""
    labels = read_labels(SHARED / "zoo/label/imagenet.txt")
    assert len(labels) == len(read_synsets(SHARED / "data/labels/imagenet_synsets.txt")) == 1000
    names = [label.partition(",")[0] if shortened else label for label in labels]
    found = {(names.index(name), one) for one, name in enumerate(names)}
    assert {pair for pair in found if pair[0] != pair[1]} == namesakes


@pytest.mark.skipif(not SHARED.is_dir(), reason="the vendor's label list is not here")
@pytest.mark.parametrize(("right", "named"), [(134, 517), (517, 134), (638, 639), (639, 638)])
def test_top1_by_name_differs_on_the_real_namesakes(tmp_path: Path, right: int, named: int) -> None:
    labels = read_labels(SHARED / "zoo/label/imagenet.txt")
    labels = tuple(label.partition(",")[0] for label in labels)  # the short form of many lists
    synsets = read_synsets(SHARED / "data/labels/imagenet_synsets.txt")
    folder = next(wnid for wnid, class_id in synsets.items() if class_id == right)
    write_results(tmp_path / "r.txt", answers({f"/{folder}/a.npz": named}, labels))
    names = {wnid: labels[class_id] for wnid, class_id in synsets.items()}
    by_id, by_name = both(tmp_path / "r.txt", dict(synsets), names)
    assert (by_id.first, by_name.first) == (0, 1)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the vendor's label list is not here")
def test_class_480_is_always_a_miss_by_name(tmp_path: Path) -> None:
    """The label list cuts its name short; the vendor's table has it as the synset words do."""
    labels = read_labels(SHARED / "zoo/label/imagenet.txt")
    synsets = read_synsets(SHARED / "data/labels/imagenet_synsets.txt")
    words = read_labels(SHARED / "data/labels/synset_words.txt")
    names = {wnid: rest for wnid, _, rest in (line.partition(" ") for line in words)}
    assert [one for one, wnid in enumerate(synsets) if names[wnid] != labels[one]] == [480]
    folders = {f"/{wnid}/a.npz": class_id for wnid, class_id in synsets.items()}
    write_results(tmp_path / "r.txt", answers(folders, labels))
    by_id, by_name = both(tmp_path / "r.txt", dict(synsets), names)
    assert (by_id.first, by_name.first) == (1000, 999)
