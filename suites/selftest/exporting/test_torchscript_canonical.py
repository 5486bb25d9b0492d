"""A TorchScript file's digest is about what it computes, and about nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from harness.exporting.torch_exports import export_onnx, export_torchscript
from harness.exporting.torchscript_canonical import canonical_digest

pytestmark = [
    pytest.mark.filterwarnings("ignore"),  # of torch, about tracing
    pytest.mark.shows("different models pass as one, or one as different"),
]


def written() -> type[nn.Module]:
    class Net(nn.Module):
        def forward(self, image: torch.Tensor) -> torch.Tensor:
            doubled = image * 2
            return torch.relu(doubled) + 1

    return Net


def otherwise_written() -> type[nn.Module]:
    class Net(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = x * 2
            z = torch.relu(y)
            return z + 1

    return Net


class AnotherNumber(nn.Module):
    def forward(self, image: torch.Tensor) -> torch.Tensor:
        doubled = image * 3
        return torch.relu(doubled) + 1


class AnotherOperator(nn.Module):
    def forward(self, image: torch.Tensor) -> torch.Tensor:
        doubled = image * 2
        return torch.sigmoid(doubled) + 1


class AnotherOrder(nn.Module):
    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return torch.relu(image + 1) * 2


def digest(path: Path, module: nn.Module) -> str:
    scripted = torch.jit.script(module)
    torch.jit.save(scripted, str(path / "model.pt"))
    text = canonical_digest(path / "model.pt")
    assert len(text) == 64
    return text


def test_names_of_values_and_lines_of_code_change_no_digest(tmp_path: Path) -> None:
    one, other = written()(), otherwise_written()()
    texts = [str(torch.jit.script(each).inlined_graph) for each in (one, other)]
    assert "%doubled" in texts[0]
    assert "%doubled" not in texts[1]
    assert digest(tmp_path, one) == digest(tmp_path, other)


@pytest.mark.parametrize("other", [AnotherNumber, AnotherOperator, AnotherOrder])
def test_another_computation_has_another_torchscript_digest(
    tmp_path: Path, other: type[nn.Module]
) -> None:
    assert digest(tmp_path, written()()) != digest(tmp_path, other())


@pytest.mark.parametrize("name", ["0.weight", "0.bias", "1.running_mean"])
def test_another_value_has_another_torchscript_digest(tmp_path: Path, name: str) -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).eval()
    before = digest(tmp_path, module)
    module.state_dict()[name].view(-1)[0] += 1e-6
    assert digest(tmp_path, module) != before


def test_a_traced_network_is_the_same_when_traced_again(tmp_path: Path) -> None:
    """torch numbers the names of values in the order in which it first saw them."""
    block = nn.Sequential(nn.Conv2d(3, 3, 1), nn.ReLU())
    module = nn.Sequential(block, nn.Sequential(nn.ReLU(), block), nn.Sequential(nn.ReLU())).eval()
    digests = set()
    for turn in range(3):
        path = tmp_path / f"{turn}.pt"
        export_torchscript(module, path, input_shape=(3, 8, 8))
        digests.add(canonical_digest(path))
    assert len(digests) == 1


def test_frozen_attention_is_exported_in_operators_that_others_know(tmp_path: Path) -> None:
    """torch fuses the attention of a network that needs no gradients into one of its own."""

    class Attending(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            tokens = image.flatten(2)
            return self.attention(tokens, tokens, tokens, need_weights=False)[0]

    module = Attending().eval().requires_grad_(False)
    export_onnx(module, tmp_path / "model.onnx", opset=19, input_shape=(3, 2, 4))
    export_torchscript(module, tmp_path / "model.pt", input_shape=(3, 2, 4))
    graph = str(torch.jit.load(str(tmp_path / "model.pt")).inlined_graph)
    assert "_native_multi_head_attention" not in graph
    assert torch.backends.mha.get_fastpath_enabled(), "it is as it was"
