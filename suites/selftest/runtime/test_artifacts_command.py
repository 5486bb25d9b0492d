"""The store from a shell."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from builders import LARGE, Builder, flip_last_byte, key_of
from PIL import Image

from harness.cli import artifacts as artifacts_command
from harness.errors import HarnessError
from harness.images.tensors import FileToTensor, TensorCache, read_files
from harness.runtime.store import Key, Store
from harness.runtime.store.quantities import parse_age, parse_size

Command = Callable[..., tuple[int, str]]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "store")
    store.build(key_of("a"), Builder(bytes(1500)))
    store.build(
        Key.of("compile", inputs={"model": "ab" * 32}, options={"bits": 8}), Builder(b"x" * 1500)
    )
    return store


@pytest.fixture
def command(store: Store, capsys: pytest.CaptureFixture[str]) -> Command:
    parser = argparse.ArgumentParser()
    artifacts_command.add_parser(parser.add_subparsers())

    def run(*arguments: str) -> tuple[int, str]:
        args = parser.parse_args(["artifacts", "--store", str(store.root), *arguments])
        code = args.run(args)
        return code, capsys.readouterr().out

    return run


def test_list_says_what_each_entry_is(command: Command) -> None:
    code, text = command("list")
    assert code == 0
    assert re.search(r"^export\t[0-9a-f]{12}\tnetwork=a\t\d\.\d KiB\t\ds$", text, re.MULTILINE)
    assert re.search(r"^compile\t[0-9a-f]{12}\tmodel=abababababab bits=8\t", text, re.MULTILINE)


def test_list_survives_damage(command: Command, store: Store) -> None:
    (store.entries()[0].path / "entry.json").write_text("{}")
    assert "(damaged)" in command("list")[1]


def test_size_counts_entries(command: Command) -> None:
    assert re.match(r"\d\.\d KiB in 2 entries, ", command("size")[1])


def test_tensors_lists_caches_and_removes_them_on_request(
    command: Command, store: Store, tmp_path: Path
) -> None:
    photographs = [tmp_path / f"{shade}.png" for shade in (10, 200)]
    for path in photographs:
        Image.new("RGB", (64, 48), (int(path.stem),) * 3).save(path)
    preprocessor = FileToTensor("vendor-build")
    with TensorCache(store.root / "tensors", read_files(photographs), preprocessor) as cache:
        cache.fill()
    assert re.match(r"vendor-build\t[0-9a-f]{12}\t2 of 2 images\t", command("tensors")[1])
    assert "in 1 caches" in command("tensors", "--older-than", "1d")[1]
    assert "in 0 caches" in command("tensors", "--all")[1]
    assert len(store.entries()) == 2


def test_verify_passes_what_is_sound(command: Command) -> None:
    assert command("verify") == (0, "2 entries, no damaged files\n")


def test_verify_names_what_is_damaged(command: Command, store: Store) -> None:
    path = store.entries()[0].path / "model.bin"
    flip_last_byte(path)
    code, text = command("verify")
    assert code == 1
    assert text == f"{path} is not what was written\n2 entries, 1 damaged files\n"


@pytest.mark.parametrize(
    ("options", "left"),
    [
        (["--all"], 0),
        (["--limit", "3kB"], 1),
        (["--limit", "1GiB"], 2),
        (["--older-than", "1h"], 2),
    ],
)
def test_prune_removes_as_asked(command: Command, options: list[str], left: int) -> None:
    code, text = command("prune", *options)
    assert code == 0
    assert text.startswith(f"let the large files of 0 entries go, removed {2 - left} entries; ")
    assert text.endswith(f" left in {left} entries\n")


def test_prune_lets_large_files_go_first(command: Command, store: Store) -> None:
    store.build(key_of("large"), Builder(bytes(LARGE)))
    _, text = command("prune", "--limit", "1MiB")
    assert text.startswith("let the large files of 1 entries go, removed 0 entries; ")
    assert text.endswith(" left in 3 entries\n")
    assert command("verify") == (0, "3 entries, no damaged files\n")


@pytest.mark.parametrize("action", ["list", "size", "verify"])
def test_root_that_is_a_file_is_refused(command: Command, store: Store, action: str) -> None:
    store.root.rename(store.root.with_name("moved"))
    store.root.touch()
    with pytest.raises(HarnessError, match="expected a folder"):
        command(action)


@pytest.mark.parametrize("action", ["list", "size", "verify"])
def test_store_that_is_not_there_is_empty(command: Command, store: Store, action: str) -> None:
    store.root.rename(store.root.with_name("moved"))
    assert command(action)[0] == 0


@pytest.mark.parametrize("text", ["", "10", "ten GiB", "-1GiB", "1 GiB 2", "1e3GiB", "5 furlongs"])
def test_unclear_quantities_are_refused(text: str) -> None:
    with pytest.raises(HarnessError, match="is not an age"):
        parse_age(text)
    if text != "10":
        with pytest.raises(HarnessError, match="is not a size"):
            parse_size(text)
