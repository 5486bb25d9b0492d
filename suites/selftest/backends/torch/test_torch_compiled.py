"""Models compiled by inductor: compiled for certain, and given what they were compiled for.

That they compute the right thing is shown by the conformance kit, on a real compilation.
"""

from __future__ import annotations

import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from harness.backends.backend import Build, Host
from harness.backends.kit.subject import CONFIG
from harness.backends.torch import inductor as torch_inductor
from harness.backends.torch.backend import TorchCompiled
from harness.errors import CompileError, MissingBackend, RunError

KERNEL = "    cpp_fused_relu_0((const float*)(arg0));\n"
LIBRARY_CALL = "    AOTI_TORCH_ERROR_CODE_CHECK(aoti_torch_cpu_addmm_out(buf0, bias));\n"


def package(path: Path, *, code: str, library: bool = True) -> Path:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("model/a.wrapper.cpp", code)
        if library:
            file.writestr("model/a.wrapper.so", b"\x7fELF")
    return path


def test_what_a_compiled_file_calls_is_counted(tmp_path: Path) -> None:
    made = package(tmp_path / "a.pt2", code=KERNEL + 2 * LIBRARY_CALL)
    assert torch_inductor.executed(made) == {"cpp_fused_relu_0": 1, "addmm_out": 2}


@pytest.mark.shows("torch.compile compiled nothing", by="a file without machine code is an error")
@pytest.mark.parametrize(("code", "library"), [(LIBRARY_CALL, True), (KERNEL, False), ("", True)])
def test_a_file_in_which_nothing_is_compiled_is_an_error(
    tmp_path: Path, code: str, library: bool
) -> None:
    made = package(tmp_path / "a.pt2", code=code, library=library)
    with pytest.raises(CompileError, match="inductor compiled nothing"):
        torch_inductor.executed(made)


def test_torch_compile_itself_runs_an_export_uncompiled(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(torch_inductor.CACHE, str(tmp_path))
    from torch._inductor import metrics

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scripted = torch.jit.trace(torch.nn.Hardswish(), torch.zeros(2))
        before = metrics.generated_kernel_count
        torch.compile(scripted)(torch.ones(2))
        assert metrics.generated_kernel_count == before


def test_what_is_no_export_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "model.pt").write_bytes(b"nothing")
    np.save(tmp_path / "images.npy", np.zeros((2, 3, 8, 8), np.float32))
    build = Build(
        model=tmp_path / "model.pt",
        precision="fp32",
        config=CONFIG,
        calibration=tmp_path / "images.npy",
    )
    with pytest.raises(CompileError, match=r"inductor, model\.pt: RuntimeError"):
        TorchCompiled(Host()).compile(build, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    ("compiler", "cause"), [("no-such-compiler", "is not here"), ("false", "exit status 1")]
)
def test_without_a_compiler_the_backend_is_missing(
    monkeypatch: pytest.MonkeyPatch, compiler: str, cause: str
) -> None:
    monkeypatch.setenv("CXX", compiler)
    with pytest.raises(MissingBackend, match=rf"inductor needs a C\+\+ compiler.*{cause}"):
        TorchCompiled(Host()).tools()


def test_another_processor_is_another_tool(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tools = TorchCompiled(Host()).tools()
    (tmp_path / "cpuinfo").write_text("flags\t: fpu sse2\n", encoding="utf-8")
    monkeypatch.setattr("harness.backends.torch.backend.CPUINFO", tmp_path / "cpuinfo")
    other = TorchCompiled(Host()).tools()
    assert {name for name in tools if tools[name] != other[name]} == {"processor"}


class Loaded:
    """Stands in for a compiled model, which reads whatever it is given as if it fitted."""

    def __init__(self, **metadata: str) -> None:
        self._metadata = metadata

    def get_metadata(self) -> dict[str, str]:
        return self._metadata

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        return images.flatten(1)[:, :10]


def session_of(monkeypatch: pytest.MonkeyPatch, folder: Path, loaded: Loaded) -> Any:
    monkeypatch.setattr("torch._inductor.aoti_load_package", lambda *_, **__: loaded)
    (folder / "a.pt2").touch()
    return torch_inductor.InductorSession(folder / "a.pt2")


@pytest.mark.parametrize("shape", [(2, 3, 8, 9), (2, 1, 8, 8), (2, 3, 16, 4)])
def test_images_of_another_shape_are_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, shape: tuple[int, ...]
) -> None:
    session = session_of(monkeypatch, tmp_path, Loaded(zoo_input_shape="3x8x8"))
    assert session.logits(np.zeros((2, 3, 8, 8), np.float32)).shape == (2, 10)
    with pytest.raises(RunError, match="the model was compiled for 3x8x8"):
        session.logits(np.zeros(shape, np.float32))


def test_a_file_that_does_not_say_its_shape_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(RunError, match=r"a.pt2 does not say for which images"):
        session_of(monkeypatch, tmp_path, Loaded())
