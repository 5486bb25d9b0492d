"""``export``: one row to one complete file under the zoo's name, or an error and no file."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from tiny_networks import TinyNetwork

from harness.__main__ import main
from harness.cli import export as export_command
from harness.errors import ExportError
from harness.exporting import torch_exports
from harness.exporting.inspection import inspect_onnx
from harness.exporting.torchscript_inspection import inspect_torchscript
from harness.sources.forms import Form

ROW = "resnext/timm/resnext50_32x4d"
ARGUMENTS = ["export", ROW, "--store", "unused"]


@dataclass(frozen=True)
class Stored:
    """What the store gives back."""

    folder: Path
    facts: dict[str, Any]

    @property
    def files(self) -> tuple[str, ...]:
        return tuple(path.name for path in self.folder.iterdir())

    def file(self, name: str) -> Path:
        return self.folder / name


@dataclass
class QuickPipeline:
    """Exports a tiny network in place of each row's own, which would take half a minute."""

    folder: Path
    written_opset: int | None = None
    beside: bool = False
    asked: list[Form] = field(default_factory=list)
    weights_kind: str = "seeded"
    is_open: bool = True

    @property
    def worker(self) -> QuickPipeline:
        return self

    def close(self) -> None:
        self.is_open = False

    def exported(self, variant: object, size: int, form: Form) -> Stored:  # noqa: ARG002
        self.asked.append(form)
        self.folder.mkdir()
        path, network, shape = self.folder / form.file, TinyNetwork().eval(), (3, size, size)
        if form.format == "torchscript":
            torch_exports.export_torchscript(network, path, input_shape=shape)
            return Stored(self.folder, inspect_torchscript(path))
        opset = self.written_opset or form.opset
        torch_exports.export_onnx(network, path, opset=opset, input_shape=shape)
        if self.beside:
            onnx.save(
                onnx.load(path),
                path,
                save_as_external_data=True,
                location=f"{path.name}.data",
                size_threshold=0,
            )
        return Stored(self.folder, inspect_onnx(path))


Pipelines = Callable[..., QuickPipeline]


@pytest.fixture
def pipeline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pipelines:
    """Puts a quick pipeline in place."""

    def put(**options: Any) -> QuickPipeline:
        quick = QuickPipeline(tmp_path / "stored", **options)
        monkeypatch.setattr(export_command, "Pipeline", lambda settings: quick)  # noqa: ARG005
        return quick

    return put


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def names(folder: Path) -> list[str]:
    """Everything in a folder, hidden files too; nothing where there is none."""
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def logits(path: Path) -> np.ndarray[Any, Any]:
    """What a written model computes, found and read where it lies."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"input": np.ones((1, 3, 224, 224), np.float32)})
    return np.asarray(found)


# ── what is written ───────────────────────────────────────────────────────────────────────────


def test_the_file_is_named_as_the_zoo_names_it(
    pipeline: Pipelines, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    quick = pipeline()
    assert main([*ARGUMENTS, "--out", str(out)]) == 0
    written = out / "resnext50_32x4d_224.onnx"
    assert names(out) == [written.name]
    assert written.read_bytes() == (quick.folder / "model.onnx").read_bytes()
    assert f"{written}  onnx-opset19, seeded weights" in capsys.readouterr().out


def test_torchscript_is_written_too(pipeline: Pipelines, out: Path) -> None:
    pipeline()
    assert main([*ARGUMENTS, "--format", "torchscript", "--out", str(out)]) == 0
    assert names(out) == ["resnext50_32x4d_224.pt"]


@pytest.mark.parametrize(
    ("option", "opset"), [([], 19), (["--opset", "11"], 11), (["--opset", "15"], 15)]
)
def test_the_opset_is_the_one_asked_for(
    pipeline: Pipelines, out: Path, option: list[str], opset: int
) -> None:
    quick = pipeline()
    assert main([*ARGUMENTS, *option, "--out", str(out)]) == 0
    (form,), (written,) = quick.asked, out.iterdir()
    (imported,) = onnx.load(written).opset_import
    assert (form.opset, imported.version) == (opset, opset)


def test_weights_beside_the_model_carry_its_name_and_are_found(
    pipeline: Pipelines, out: Path
) -> None:
    quick = pipeline(beside=True)
    assert main([*ARGUMENTS, "--out", str(out)]) == 0
    assert names(out) == ["resnext50_32x4d_224.onnx", "resnext50_32x4d_224.onnx.data"]
    expected = logits(quick.folder / "model.onnx")
    shutil.rmtree(quick.folder)
    assert np.array_equal(logits(out / "resnext50_32x4d_224.onnx"), expected)


def test_the_child_is_ended(pipeline: Pipelines, out: Path) -> None:
    quick = pipeline(written_opset=18)
    main([*ARGUMENTS, "--out", str(out)])
    assert not quick.is_open


# ── what is refused ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("resnext/timm/resnext50_32x4", "nearest: resnext/timm/resnext50_32x4d"),
        ("resnext50_32x4d", "names 4 rows (resnext/torchvision/resnext50_32x4d, "),
        ("*", "names 31 rows"),
    ],
)
def test_a_row_that_is_not_one_row_is_refused(
    out: Path, capsys: pytest.CaptureFixture[str], row: str, said: str
) -> None:
    assert main(["export", row, "--out", str(out)]) == 2
    assert said in capsys.readouterr().err
    assert names(out) == []


def test_a_format_that_the_source_does_not_have_is_refused(
    out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    row = "resnext/ppcls/resnext50_32x4d"
    assert main(["export", row, "--format", "torchscript", "--out", str(out)]) == 2
    assert "rows of ppcls are not exported to torchscript" in capsys.readouterr().err


def test_another_opset_than_asked_for_is_refused_and_not_written(
    pipeline: Pipelines, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pipeline(written_opset=18)
    assert main([*ARGUMENTS, "--opset", "11", "--out", str(out)]) == 2
    error = capsys.readouterr().err
    assert "error: export failed: onnx-opset11 is not what was asked for: opset 18" in error
    assert names(out) == []


def test_an_export_that_fails_leaves_no_folder(
    pipeline: Pipelines, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = pipeline()

    def fail(*_: object) -> Stored:
        raise ExportError("killed by SIGKILL")

    monkeypatch.setattr(quick, "exported", fail)
    assert main([*ARGUMENTS, "--out", str(out)]) == 2
    assert (out.exists(), quick.is_open) == (False, False)


def test_a_place_that_cannot_be_written_to_is_named(
    pipeline: Pipelines, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pipeline()
    out.write_text("a file")
    below = out / "below"
    assert main([*ARGUMENTS, "--out", str(below)]) == 2
    assert f"error: cannot write to {below}: Not a directory" in capsys.readouterr().err


def test_a_full_disk_leaves_the_file_that_was_there(
    pipeline: Pipelines, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline()
    out.mkdir()
    before = out / "resnext50_32x4d_224.onnx"
    before.write_bytes(b"yesterday's")

    def fill(source: Path, target: Path) -> None:
        Path(target).write_bytes(Path(source).read_bytes()[:100])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", fill)
    assert main([*ARGUMENTS, "--out", str(out)]) == 2
    assert (names(out), before.read_bytes()) == ([before.name], b"yesterday's")
