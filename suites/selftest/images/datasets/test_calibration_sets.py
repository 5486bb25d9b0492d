"""Calibration sets cover every class, are the same wherever chosen, and are never judged on."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_datasets import SYNSETS

from harness.errors import CalibrationError, ExpectationError
from harness.images.datasets import (
    CalibrationSet,
    choose,
    open_dataset,
    read_manifest,
    read_synsets,
    require_disjoint,
    write_manifest,
)

Folders = Callable[..., Path]


def chosen(root: Path, count: int = 5, seed: int = 7) -> CalibrationSet:
    images = open_dataset(root, synsets=SYNSETS).images
    return choose(images, count=count, seed=seed, synsets=SYNSETS)


@pytest.fixture
def pool(folders: Folders, tmp_path: Path) -> Path:
    return folders(tmp_path / "pool")


@settings(
    derandomize=True,
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(count=st.integers(3, 12), seed=st.integers(-(2**40), 2**40))
def test_every_class_has_its_equal_share(pool: Path, count: int, seed: int) -> None:
    shares = Counter(one.image.class_id for one in chosen(pool, count, seed).images)
    assert sum(shares.values()) == count
    assert sorted(shares) == [0, 1, 2]
    assert max(shares.values()) - min(shares.values()) <= 1


def test_small_classes_are_made_up_for_by_others(folders: Folders, tmp_path: Path) -> None:
    root = folders(tmp_path / "uneven", (1, 2, 6))
    shares = Counter(one.image.class_id for one in chosen(root, 8).images)
    assert shares == {0: 1, 1: 2, 2: 5}


def test_choice_depends_on_seed_and_names_alone(pool: Path, tmp_path: Path) -> None:
    images = open_dataset(pool, synsets=SYNSETS).images
    moved = open_dataset(shutil.copytree(pool, tmp_path / "moved"), synsets=SYNSETS).images
    one = choose(images, count=4, seed=1, synsets=SYNSETS)
    assert choose(moved[::-1], count=4, seed=1, synsets=SYNSETS).digest == one.digest
    assert len({chosen(pool, 4, seed).digest for seed in range(8)}) > 4


def test_too_few_images_are_refused(pool: Path) -> None:
    with pytest.raises(CalibrationError, match="2 images cannot cover 3 classes"):
        chosen(pool, 2)
    with pytest.raises(CalibrationError, match="only 12 images can be chosen, expected 13"):
        chosen(pool, 13)


@pytest.mark.shows(
    "calibration left classes out, or its images changed", by="equal shares; a manifest with hashes"
)
def test_missing_classes_are_named(folders: Folders, tmp_path: Path) -> None:
    root = folders(tmp_path / "lacking", (0, 4, 0))
    with pytest.raises(
        CalibrationError, match="2 of 3 classes have no image: 0 n01440764, 2 n01484850"
    ):
        chosen(root)


def test_equal_files_are_chosen_once(pool: Path) -> None:
    first, second, *_ = sorted((pool / SYNSETS[0]).iterdir())
    shutil.copy(first, second)
    hashes = [one.sha256 for one in chosen(pool, 11).images]
    assert len(set(hashes)) == 11


def test_damaged_images_are_named(pool: Path) -> None:
    path = pool / SYNSETS[1] / "104.JPEG"
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(CalibrationError, match=r"1 images are damaged: .*104\.JPEG"):
        chosen(pool, 12)


def test_manifest_survives_a_round_trip(pool: Path, tmp_path: Path) -> None:
    (pool / SYNSETS[0] / "100.JPEG").rename(pool / SYNSETS[0] / 'ä "b":c.JPEG')
    calibration = chosen(pool, 12)
    write_manifest(tmp_path / "calibration.toml", calibration)
    assert read_manifest(tmp_path / "calibration.toml", root=pool) == calibration


@pytest.mark.shows("calibration left classes out, or its images changed")
def test_all_changed_files_are_named(pool: Path, tmp_path: Path) -> None:
    write_manifest(tmp_path / "calibration.toml", chosen(pool, 12))
    (pool / SYNSETS[0] / "100.JPEG").unlink()
    (pool / SYNSETS[1] / "105.JPEG").write_bytes(b"other")
    with pytest.raises(CalibrationError, match=r"100\.JPEG is missing; .*105\.JPEG has changed"):
        read_manifest(tmp_path / "calibration.toml", root=pool)


def test_manifest_that_does_not_cover_is_refused(pool: Path, tmp_path: Path) -> None:
    path = tmp_path / "calibration.toml"
    write_manifest(path, chosen(pool, 3))
    head, _, rest = path.read_text().partition("[[image]]")
    path.write_text(head + "[[image]]" + rest.rpartition("[[image]]")[0])
    with pytest.raises(CalibrationError, match="1 of 3 classes have no image: 2 n01484850"):
        read_manifest(path, root=pool)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("version = 1", "version = 2", "version is 2, expected 1"),
        ("seed = 7", "seeds = 7", "seeds: unknown key"),
        ("seed = 7", "seed = 7.5", "seed is .* a whole number"),
        ("class = 0", "class = 3", "class is 3, expected a whole number from 0 to 2"),
        ('path = "n', 'path = "../n', "expected a path within the data set"),
        ('sha256 = "', 'sha256 = "x', "expected 64 hexadecimal digits"),
        ("[[image]]", "[[image", "not TOML"),
    ],
)
def test_malformed_manifest_is_refused(
    pool: Path, tmp_path: Path, old: str, new: str, said: str
) -> None:
    path = tmp_path / "calibration.toml"
    write_manifest(path, chosen(pool))
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(ExpectationError, match=said):
        read_manifest(path, root=pool)


@pytest.mark.shows("calibration saw the evaluation images")
def test_overlap_is_found_by_content_and_listed(
    pool: Path, folders: Folders, tmp_path: Path
) -> None:
    calibration = chosen(pool, 12)
    judged = folders(tmp_path / "judged", first=200)
    require_disjoint(calibration, open_dataset(judged, synsets=SYNSETS).images)
    for name in ("renamed", "again"):
        shutil.copy(pool / SYNSETS[0] / "100.JPEG", judged / SYNSETS[1] / f"{name}.JPEG")
    with pytest.raises(CalibrationError, match=r"2 images are .*again\.JPEG is .*100.*renamed"):
        require_disjoint(calibration, open_dataset(judged, synsets=SYNSETS).images)


def test_excluded_images_are_not_chosen(pool: Path) -> None:
    images = open_dataset(pool, synsets=SYNSETS).images
    kept = chosen(pool, 3)
    excluding = {one.sha256 for one in kept.images}
    others = choose(images, count=9, seed=7, synsets=SYNSETS, excluding=excluding)
    require_disjoint(others, [one.image for one in kept.images])
    assert len(others.images) == 9


def test_real_photographs_cover_every_class(shared: Path) -> None:
    synsets = read_synsets()
    pool = open_dataset(shared / "imagenet-calib-1000", synsets=synsets)
    few = [image for image in pool.images if image.class_id < 40]
    calibration = choose(few, count=40, seed=0, synsets=synsets[:40])
    require_disjoint(
        calibration, open_dataset(shared / "imagenet-val-1300", synsets=synsets).images
    )
    with pytest.raises(CalibrationError, match="960 of 1000 classes have no image: 40 n01682714"):
        choose(few, count=1000, seed=0, synsets=synsets)
