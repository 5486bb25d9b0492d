"""Weights are found by their published name, and are what it says."""

from __future__ import annotations

from pathlib import Path

import pytest
from weights_files import named_by_hash, variant, write_pdparams, write_safetensors, write_torch

from harness.errors import BuildError, MissingWeights
from harness.expected.variants import Variant, read_variants
from harness.sources.weights import check_hash, digest, find

pytestmark = [
    pytest.mark.shows(
        "the weights are other ones than published",
        by="the hash in the name, names and shapes of all tensors",
    )
]

NAME = "resnext50_32x4d-7cdf4587.pth"
VARIANTS = Path(__file__).parents[3] / "expected/variants/resnext.toml"


@pytest.mark.parametrize("place", [".", "timm"])
def test_weights_are_found_under_their_published_name(tmp_path: Path, place: str) -> None:
    path = tmp_path / place / NAME
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"weights")
    assert find(variant(NAME), tmp_path).samefile(path)


def test_a_conversion_of_the_hub_is_found(tmp_path: Path) -> None:
    path = tmp_path / "resnext50_32x4d-7cdf4587.safetensors"
    path.write_bytes(b"weights")
    assert find(variant(NAME), tmp_path) == path
    with pytest.raises(MissingWeights):
        find(variant(NAME, "mmcls"), tmp_path)


def test_the_published_file_comes_before_a_conversion(tmp_path: Path) -> None:
    for name in (NAME, "resnext50_32x4d-7cdf4587.safetensors"):
        (tmp_path / name).write_bytes(b"weights")
    assert find(variant(NAME), tmp_path).name == NAME


def test_missing_weights_are_named_with_what_is_near(tmp_path: Path) -> None:
    (tmp_path / "resnext50_32x4d-1a0047aa.pth").write_bytes(b"the newer ones")
    with pytest.raises(MissingWeights) as caught:
        find(variant(NAME), tmp_path)
    for part in ("page/timm/net", NAME, "timm", "there is resnext50_32x4d-1a0047aa.pth"):
        assert part in str(caught.value)


def test_a_folder_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingWeights, match=r"page/timm/net: .*nowhere is no folder"):
        find(variant(NAME), tmp_path / "nowhere")


def test_a_folder_does_not_pass_for_a_file(tmp_path: Path) -> None:
    (tmp_path / NAME).mkdir()
    with pytest.raises(MissingWeights, match="none of its 0 files is close"):
        find(variant(NAME), tmp_path)


def test_the_hash_in_the_name_is_checked(tmp_path: Path) -> None:
    path = named_by_hash(write_torch(tmp_path / "net.pth"))
    assert check_hash(path, variant(path.name)).startswith("sha256 starts with ")


@pytest.mark.parametrize("damage", ["cut", "flip"])
def test_a_damaged_file_has_the_wrong_hash(tmp_path: Path, damage: str) -> None:
    path = named_by_hash(write_torch(tmp_path / "net.pth"))
    content = path.read_bytes()
    path.write_bytes(content[:-1] + (b"" if damage == "cut" else bytes([content[-1] ^ 1])))
    with pytest.raises(BuildError) as caught:
        check_hash(path, variant(path.name))
    for part in (str(path), "wrong or a damaged", digest(path), path.stem[-8:], "page/timm/net"):
        assert part in str(caught.value)


@pytest.mark.parametrize("row", read_variants(VARIANTS).values(), ids=lambda row: row.row)
def test_every_published_hash_is_understood(tmp_path: Path, row: Variant) -> None:
    """All rows of torchvision, timm and mmcls carry a hash in the name, those of ppcls none."""
    path = tmp_path / row.weights
    path.write_bytes(b"not these weights")
    if row.source == "ppcls":
        assert check_hash(path, row).startswith("not checkable: ")
    else:
        with pytest.raises(BuildError, match="is the wrong or a damaged file"):
            check_hash(path, row)


def test_a_conversion_is_not_checkable(tmp_path: Path) -> None:
    path = write_safetensors(tmp_path / "net-01234567.safetensors")
    assert "is a conversion" in check_hash(path, variant("net-01234567.pth"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\n<!DOCTYPE html><html>", "is a web page"),
        (b'{"error": "not found"}', "is a message of a server"),
        (b"version https://git-lfs.github.com/spec/v1\n", "is a Git LFS pointer"),
    ],
)
def test_what_a_failed_download_leaves_is_named(
    tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "net.pdparams"
    path.write_bytes(content)
    with pytest.raises(BuildError, match=rf"net\.pdparams {message}"):
        check_hash(path, variant("net.pdparams", "ppcls"))


def test_the_digest_follows_the_content(tmp_path: Path) -> None:
    path = write_pdparams(tmp_path / "net.pdparams")
    before = digest(path)
    path.write_bytes(path.read_bytes() + b"\0")
    assert len(before) == 64
    assert digest(path) != before
