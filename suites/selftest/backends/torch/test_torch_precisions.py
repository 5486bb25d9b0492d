"""TorchScript in half precision: really computed in it, or an error that says what was not."""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from harness.backends.backend import Build, Host, Precision
from harness.backends.kit.subject import CONFIG
from harness.backends.torch import precisions as torch_precisions
from harness.backends.torch.backend import TorchCpu
from harness.backends.torch.torchscript import TorchScriptSession
from harness.errors import CompileError, RunError, StageError
from harness.runtime.isolation import CHILD_ENVIRONMENT, Worker

HALVES: tuple[Precision, ...] = ("fp16", "bf16")
IMAGES = np.random.default_rng(0).normal(size=(4, 3, 8, 8)).astype(np.float32)
Forward = Callable[[nn.Module, Tensor], object]


class Small(nn.Module):
    """A convolution, a batch norm and a readout; what a test does differently comes at the end."""

    def __init__(self, forward: Forward | None = None) -> None:
        super().__init__()
        random = torch.Generator().manual_seed(1)
        self.conv, self.norm = nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8)
        self.fc = nn.Linear(8, 10)
        self.hidden = torch.randn(3, 3, 1, 1, generator=random)  # no parameter, no buffer
        self.kernel = nn.Parameter(torch.randn(3, 3, 1, 1, generator=random))
        self._forward = forward

    def forward(self, images: Tensor) -> object:
        return self._forward(self, images) if self._forward else self.logits(images)

    def logits(self, images: Tensor) -> Tensor:
        return self.fc(self.norm(self.conv(images)).relu().mean(dim=(2, 3)))


def hidden_weights(module: nn.Module, images: Tensor) -> Tensor:
    """A weight that becomes a constant of the trace; a scalar takes over the precision it meets.

    To ``float`` by way of ``double``, because the trace would take a tensor that is float32 already
    for the very same, and use the converted one from then on.
    """
    whole = functional.conv2d(images.double().float(), module.hidden)
    return module.logits(images * whole.std())


def converts_inside(module: nn.Module, images: Tensor) -> Tensor:
    whole = functional.conv2d(images.double().float(), module.kernel.double().float())
    return module.logits(images * whole.std())


def stays_converted(module: nn.Module, images: Tensor) -> Tensor:
    return module.logits(images.float())


def answers_in_float(module: nn.Module, images: Tensor) -> Tensor:
    return module.logits(images).float()


def has_no_half_kernel(module: nn.Module, images: Tensor) -> Tensor:
    return module.logits(torch.special.airy_ai(images))


def traced(path: Path, forward: Forward | None = None) -> Path:
    torch.manual_seed(2)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        module = torch.jit.trace(Small(forward).eval(), torch.zeros(1, 3, 8, 8), check_trace=False)
        torch.jit.save(module, str(path))
    return path


@pytest.mark.parametrize("precision", HALVES)
def test_every_operator_is_executed_in_the_precision(tmp_path: Path, precision: Precision) -> None:
    session = TorchScriptSession(traced(tmp_path / "a.pt"), precision=precision)
    with torch_precisions.HeavyOperators() as seen:
        session.logits(IMAGES)
    seen.require(precision)
    with pytest.raises(RunError, match="2 of 2 convolutions and matrix products in another"):
        seen.require("fp32")


@pytest.mark.parametrize("precision", HALVES)
def test_half_precision_is_close_to_float32_and_not_equal(
    tmp_path: Path, precision: Precision
) -> None:
    model = traced(tmp_path / "a.pt")
    single, half = (
        TorchScriptSession(model, precision=one).logits(IMAGES) for one in ("fp32", precision)
    )
    assert half.dtype == np.float32
    assert 0 < np.abs(single - half).max() < 0.05


@pytest.mark.shows(
    "fp16 or bf16 was computed in float32",
    by="parameters, executed operators and output are looked at",
)
@pytest.mark.parametrize("precision", HALVES)
def test_weights_that_no_cast_reaches_are_noticed(tmp_path: Path, precision: Precision) -> None:
    session = TorchScriptSession(traced(tmp_path / "a.pt", hidden_weights), precision=precision)
    with pytest.raises(RunError, match=r"1 of 3 .* in another: _convolution \(number 0, float32\)"):
        session.logits(IMAGES)


def test_they_are_noticed_again_on_the_second_call(tmp_path: Path) -> None:
    session = TorchScriptSession(traced(tmp_path / "a.pt", hidden_weights), precision="fp16")
    for _ in range(2):
        with pytest.raises(RunError, match="holds constants that no cast reaches"):
            session.logits(IMAGES)


@pytest.mark.shows("fp16 or bf16 was computed in float32")
@pytest.mark.parametrize(
    ("forward", "operators"),
    [
        (converts_inside, r"1 of 3 .*: _convolution \(number 0, float32\)"),
        (stays_converted, r"1 of 1 .*: _convolution \(number 0, bfloat16, float32\)"),
    ],
)
def test_a_conversion_inside_the_graph_is_noticed(
    tmp_path: Path, forward: Forward, operators: str
) -> None:
    session = TorchScriptSession(traced(tmp_path / "a.pt", forward), precision="bf16")
    with pytest.raises(RunError, match=rf"{operators}\. It converts by itself"):
        session.logits(IMAGES)


def test_in_float32_the_same_modules_are_as_good_as_any(tmp_path: Path) -> None:
    for forward in (hidden_weights, converts_inside, answers_in_float, has_no_half_kernel):
        assert TorchScriptSession(traced(tmp_path / "a.pt", forward)).logits(IMAGES).shape == (
            4,
            10,
        )


def test_an_answer_in_another_precision_is_noticed(tmp_path: Path) -> None:
    session = TorchScriptSession(traced(tmp_path / "a.pt", answers_in_float), precision="fp16")
    with pytest.raises(RunError, match="asked for fp16, the module answers in float32"):
        session.logits(IMAGES)


def test_a_tensor_that_stays_is_named() -> None:
    class Stubborn:
        def to(self, dtype: torch.dtype) -> None: ...

        def state_dict(self) -> dict[str, Tensor]:
            return {"steps": torch.zeros((), dtype=torch.int64), "fc.bias": torch.zeros(3)}

    with pytest.raises(RunError, match=r"still holds fc.bias \(float32\)$"):
        torch_precisions.cast(Stubborn(), "bf16")


@pytest.mark.parametrize(("precision", "name"), [("fp16", "Half"), ("bf16", "BFloat16")])
def test_an_operator_without_a_kernel_is_named(
    tmp_path: Path, precision: Precision, name: str
) -> None:
    session = TorchScriptSession(traced(tmp_path / "a.pt", has_no_half_kernel), precision=precision)
    with pytest.raises(RunError, match=f"special_airy_ai: .* not implemented for '{name}'$"):
        session.logits(IMAGES)


@pytest.mark.parametrize(
    ("forward", "cause"),
    [
        (lambda module, images: (module.logits(images), images), "gives a tuple"),
        (lambda module, images: module.conv(images), r"gives shape \(4, 8, 6, 6\)"),
    ],
)
def test_outputs_that_are_no_logits_are_refused(
    tmp_path: Path, forward: Forward, cause: str
) -> None:
    with pytest.raises(RunError, match=cause):
        TorchScriptSession(traced(tmp_path / "a.pt", forward)).logits(IMAGES)


def test_nothing_is_compiled_and_int8_is_refused(tmp_path: Path) -> None:
    backend, model = TorchCpu(Host()), traced(tmp_path / "a.pt")
    build = Build(model=model, precision="int8", config=CONFIG, calibration=model)
    with pytest.raises(CompileError, match="compiles none to int8"):
        backend.compile(build, tmp_path)
    with pytest.raises(RunError, match="in fp32, fp16, bf16, not in 'int8'"):
        backend.session(model, precision="int8")


def test_sessions_leave_the_process_its_threads(tmp_path: Path) -> None:
    before = torch.get_num_threads()
    TorchScriptSession(traced(tmp_path / "a.pt"), precision="bf16").logits(IMAGES)
    assert torch.get_num_threads() == before


def test_a_child_of_the_suite_runs_torch_on_one_thread() -> None:
    with Worker(environment=CHILD_ENVIRONMENT) as worker:
        assert worker.run(torch.get_num_threads, timeout_s=60, stage=StageError) == 1


def test_the_backends_module_imports_no_framework() -> None:
    code = "import sys, harness.backends.torch.backend; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
