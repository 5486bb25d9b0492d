"""What results depend on is named, without importing it; nothing is sent, stored or printed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from openvino_networks import Floats

from harness.backends import processor as processors
from harness.backends.backend import Build, Host
from harness.backends.openvino import backend as kind
from harness.backends.openvino.backend import OpenVino, OpenVinoQdq
from harness.errors import MissingBackend

HERE = Path(__file__).parent
needs_openvino = pytest.mark.skipif(
    find_spec("openvino") is None or find_spec("nncf") is None, reason="OpenVINO is not installed"
)


def run(script: str, *arguments: object, environment: Mapping[str, str] = {}) -> str:
    """Run a script in a process of its own, warnings being errors; what it printed."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script, *map(str, arguments)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


# ── what is not installed ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("backend", [OpenVino(Host()), OpenVinoQdq(Host())])
def test_a_missing_package_is_named_with_the_command(
    backend, build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    for use in (
        backend.tools,
        lambda: backend.compile(build, tmp_path),
        lambda: backend.session(build.model, precision="fp32"),
    ):
        with pytest.raises(MissingBackend, match=r"openvino.* pip install 'zoo-conform.*\[openvi"):
            use()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_the_name_is_not_the_package(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "nncf").mkdir()
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.delitem(sys.modules, "nncf", raising=False)
    with pytest.raises(MissingBackend, match="nncf not installed"):
        kind._versions("nncf")


# ── what results depend on ────────────────────────────────────────────────────────────────────


@needs_openvino
def test_libraries_and_processor_are_named_without_importing_any() -> None:
    script = """
import sys
from harness.backends.backend import Host
from harness.backends.openvino.backend import OpenVino, OpenVinoQdq
print(sorted({*OpenVino(Host()).tools(), *OpenVinoQdq(Host()).tools()}))
assert not {"openvino", "nncf", "onnxruntime", "torch"} & set(sys.modules)
"""
    assert run(script) == "['nncf', 'onnx', 'onnxruntime', 'openvino', 'processor']\n"


def test_instruction_sets_are_read_as_the_system_tells_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    told = tmp_path / "cpuinfo"
    monkeypatch.setattr(processors, "PROCESSORS", told)
    monkeypatch.setattr(processors.platform, "machine", lambda: "x86_64")
    monkeypatch.delenv(processors.LIMIT, raising=False)
    assert processors.processor() == "x86_64"
    told.write_text("model name\t: A\nflags\t\t: fpu avx2 avx512bw\n\nflags\t\t: fpu\n")
    assert processors.processor() == "x86_64 avx2 avx512bw"
    told.write_text("model name\t: B\nflags\t\t: avx512_vnni avx512bw avx2\n")
    assert processors.processor() == "x86_64 avx2 avx512bw avx512_vnni"
    monkeypatch.setenv(processors.LIMIT, "AVX2")
    assert processors.processor() == "x86_64 avx2 avx512bw avx512_vnni ONEDNN_MAX_CPU_ISA=AVX2"


@needs_openvino
def test_int8_depends_on_the_instruction_set(
    compiled, build: Build, evaluation: Floats, tmp_path: Path
) -> None:
    """Sums saturate without VNNI, on this processor as soon as it may not use it."""
    if "vnni" not in processors.processor():
        pytest.skip("this processor has no VNNI")
    script = """
import sys
from pathlib import Path
import numpy as np
from harness.backends.openvino.sessions import OpenVinoSession
np.save(sys.argv[3], OpenVinoSession(Path(sys.argv[1])).logits(np.load(sys.argv[2])))
"""
    np.save(tmp_path / "images.npy", evaluation)
    model = compiled(OpenVinoQdq(Host()), build).path
    outputs = {}
    for limit in ("DEFAULT", "AVX2_VNNI", "AVX2"):
        made = tmp_path / f"{limit}.npy"
        run(script, model, tmp_path / "images.npy", made, environment={processors.LIMIT: limit})
        outputs[limit] = np.load(made)
    assert not np.array_equal(outputs["DEFAULT"], outputs["AVX2"])
    np.testing.assert_array_equal(outputs["DEFAULT"], outputs["AVX2_VNNI"])


# ── what is sent, stored or printed ───────────────────────────────────────────────────────────

TELEMETRY = """
from pathlib import Path

class Telemetry:
    def __init__(self, **options):
        Path.home().joinpath("client").touch()

    def send_event(self, *event):
        Path.home().joinpath("sent").touch()
"""
COMPILING = """
import sys
from pathlib import Path
from harness.backends import processor as processors
from harness.backends.backend import Build, Host
from harness.backends.openvino.backend import OpenVino
from harness.errors import MissingBackend
from harness.expected.buildconfig import read_build_config
from harness.pipeline.catalogue import EXPECTED
import numpy as np
model, calibration, folder = map(Path, sys.argv[1:])
config = read_build_config(EXPECTED / "build" / "embedded.yaml")
build = Build(
    model=model, precision="int8", config=config, calibration=calibration
)
backend = OpenVino(Host())
backend.compile(build, folder)
try:
    backend.session(folder / "model.xml", precision="int8").logits(np.load(calibration))
except MissingBackend as error:  # int8 is refused where its sums saturate
    assert "saturate" in str(error), error
"""


@pytest.fixture
def watched(tmp_path: Path) -> Callable[..., tuple[str, list[str]]]:
    """Runs a script where whatever reports use leaves a file in the home folder."""
    package, home = tmp_path / "path" / "openvino_telemetry", tmp_path / "home"
    (package / "backend").mkdir(parents=True)
    home.mkdir()
    (package / "__init__.py").write_text(TELEMETRY)
    for name in ("__init__.py", "backend_ga4.py"):
        (package / "backend" / name).touch()
    path = os.pathsep.join([str(package.parent), str(Path(__file__).parents[4])])

    def watch(script: str, *arguments: object) -> tuple[str, list[str]]:
        environment = {"HOME": str(home), "PYTHONPATH": path, "CI": ""}
        printed = run(script, *arguments, environment=environment)
        return printed, sorted(str(made.relative_to(home)) for made in home.rglob("*"))

    return watch


@needs_openvino
def test_compiling_and_running_send_store_and_print_nothing(
    watched, build: Build, tmp_path: Path
) -> None:
    folder = tmp_path / "compiled"
    folder.mkdir()
    printed, in_home = watched(COMPILING, build.model, build.calibration, folder)
    assert (printed, in_home) == ("", [])
    assert sorted(made.name for made in folder.iterdir()) == ["model.bin", "model.xml"]


@needs_openvino
def test_openvino_by_itself_would_report(watched) -> None:
    assert watched("import openvino") == ("", ["client", "sent"])
