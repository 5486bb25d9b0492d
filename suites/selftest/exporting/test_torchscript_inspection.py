"""What is wrong with a TorchScript file is seen and said."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from harness.exporting.torchscript_faults import torchscript_faults
from harness.exporting.torchscript_inspection import inspect_torchscript

pytestmark = pytest.mark.filterwarnings("ignore")  # of torch, about tracing


def network() -> torch.nn.Module:
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.Dropout(0.5)
    ).eval()


def traced(path: Path, module: torch.nn.Module, image: torch.Tensor | None = None) -> Path:
    image = torch.zeros(2, 3, 8, 8) if image is None else image
    torch.jit.save(torch.jit.trace(module, image, check_trace=False), str(path / "model.pt"))
    return path / "model.pt"


def test_a_good_model_has_no_faults(tmp_path: Path) -> None:
    facts = inspect_torchscript(traced(tmp_path, network()))
    assert torchscript_faults(facts) == []
    assert facts["parameters"] == 4 * 3 * 3 * 3 + 4 + 2 * 4


@pytest.mark.shows("a model is exported in training mode")
def test_training_mode_is_seen(tmp_path: Path) -> None:
    facts = inspect_torchscript(traced(tmp_path, network().train()))
    assert facts["training"][:4] == ["module itself", "module 0", "module 1", "module 2"]
    assert "computes as in training: module itself" in torchscript_faults(facts)


def test_training_mode_fixed_in_the_trace_is_seen(tmp_path: Path) -> None:
    """The modules' own flags say nothing once a network was traced with the mode inside."""
    path = traced(tmp_path, network().train())
    torch.jit.save(torch.jit.load(str(path)).eval(), str(path))
    found = inspect_torchscript(path)["training"]
    assert [item.split()[0] for item in found] == ["aten::batch_norm", "aten::dropout"]


def test_scripted_modules_say_their_mode_themselves(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    torch.jit.save(torch.jit.script(network()), str(path))
    assert inspect_torchscript(path)["training"] == []


class Branching(torch.nn.Module):
    def forward(self, image: torch.Tensor) -> torch.Tensor:
        if image.shape[0] > 1:
            image = torch.dropout(image, 0.5, True)
        return image


def test_training_mode_inside_a_branch_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    torch.jit.save(torch.jit.script(Branching().eval()), str(path))
    (found,) = inspect_torchscript(path)["training"]
    assert found.startswith("aten::dropout")


def test_other_types_are_said(tmp_path: Path) -> None:
    image = torch.zeros(2, 3, 8, 8, dtype=torch.float64)
    facts = inspect_torchscript(traced(tmp_path, network().double(), image))
    assert torchscript_faults(facts) == ["parameters are ['float64'], expected float32"]


def test_a_model_without_weights_is_said_to_be(tmp_path: Path) -> None:
    facts = inspect_torchscript(traced(tmp_path, torch.nn.ReLU().eval()))
    assert "it has no parameters" in torchscript_faults(facts)


@pytest.mark.parametrize(
    "content", [None, b"", b"<!DOCTYPE html>", b"PK\x03\x04", pytest.param(b"cut", id="truncated")]
)
def test_a_damaged_file_is_incomplete(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "model.pt"
    if content == b"cut":
        content = traced(tmp_path, network()).read_bytes()[:-200]
    if content is not None:
        path.write_bytes(content)
    facts = inspect_torchscript(path)
    assert not facts["complete"]
    assert torchscript_faults(facts)[0].startswith("no complete model: ")
    assert "model.pt" in facts["reason"]
