"""From an exported model to logits through the vendor's command lines, files and processes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import vendor_stand_in as tiny

from harness.backends.onnxruntime import sessions as onnxruntime
from harness.backends.vendor import (
    Compiled,
    CompiledModel,
    LevelsSession,
    RunnerOutputs,
    Toolchain,
    build_config,
    compile_model,
    versions,
)
from harness.errors import CalibrationError, CompileError, MissingBackend, MissingDataset
from harness.expected.buildconfig import BuildConfig
from harness.images.datasets.npz import read_npz
from harness.images.vdsp import preprocess, read_vdsp_params

RunnerOf = Callable[..., CompiledModel]
ConfigOf = Callable[..., BuildConfig]


@pytest.fixture
def exact(network: Path, files: tuple[Path, ...], runtime_file: Path) -> npt.NDArray[np.float32]:
    """The float model by the suite's own preprocessing and backend."""
    params = read_vdsp_params(runtime_file)
    images = [preprocess(read_npz(file).transpose(1, 2, 0), params) for file in files]
    return onnxruntime.OnnxRuntimeSession(network).logits(np.stack(images))


def test_fp16_is_the_float_model_up_to_its_rounding(
    runner_of: RunnerOf, files: tuple[Path, ...], exact: npt.NDArray[np.float32]
) -> None:
    answers = runner_of().answers(files)
    assert answers.logits.dtype == np.float32
    assert answers.logits.shape == (len(files), tiny.CLASSES)
    assert 40 < tiny.sqnr_db(exact, answers.logits) < 90


def test_int8_is_near_and_not_the_same(
    runner_of: RunnerOf, int8: Compiled, files: tuple[Path, ...], exact: npt.NDArray[np.float32]
) -> None:
    answers = runner_of(prefix=int8.prefix).answers(files)
    assert 10 < tiny.sqnr_db(exact, answers.logits) < 35


def test_answers_come_in_the_order_of_the_images(
    runner_of: RunnerOf, files: tuple[Path, ...]
) -> None:
    straight = runner_of().answers(files)
    reversed_ = runner_of().answers(files[::-1])
    assert np.array_equal(straight.logits, reversed_.logits[::-1])
    assert len(np.unique(straight.logits, axis=0)) == len(files)


def test_outputs_with_numbers_for_names_are_matched_too(
    runner_of: RunnerOf, files: tuple[Path, ...]
) -> None:
    numbered = tiny.stand_in(VENDOR_STANDIN_NAMES="numbered")
    by_name, by_number = runner_of(), runner_of(toolchain=numbered)
    assert np.array_equal(by_name.answers(files).logits, by_number.answers(files).logits)


def test_session_of_levels_gives_what_a_job_gives(
    runner_of: RunnerOf, tmp_path: Path, files: tuple[Path, ...]
) -> None:
    images = np.stack([read_npz(files[0]), read_npz(files[3])])
    session = LevelsSession(runner_of(), scratch=tmp_path)
    expected = runner_of().answers((files[0], files[3])).logits
    assert np.array_equal(session.logits(images), expected)


def test_softmax_of_the_config_ends_the_graph(
    config_of: ConfigOf, runner_of: RunnerOf, tmp_path: Path, files: tuple[Path, ...]
) -> None:
    config = config_of("fp16", extra_ops="softmax")
    compiled = compile_model(tiny.stand_in(), config, tmp_path / "out", timeout_s=tiny.LONG_S)
    answers = runner_of(prefix=compiled.prefix).answers(files)
    assert answers.logits.sum(axis=1) == pytest.approx(1, abs=1e-5)


def test_facts_of_a_compilation_are_those_of_its_files(int8: Compiled) -> None:
    assert [file.name for file in int8.files] == ["mod.json", "mod.params", "mod.so"]
    assert int8.bytes == sum(file.stat().st_size for file in int8.files)
    assert int8.prefix.name == "mod"
    assert int8.seconds > 0
    assert "compiled model" in int8.log


def test_facts_of_a_job_say_how_it_was_run(runner_of: RunnerOf, files: tuple[Path, ...]) -> None:
    answers: RunnerOutputs = runner_of().answers(files)
    assert (answers.card, answers.copies) == (0, len(files) + 1)
    assert "vamp stand-in" in answers.log


def test_nothing_but_the_model_is_left(place: Path, fp16: Compiled) -> None:
    assert sorted(fp16.prefix.parent.iterdir()) == sorted(fp16.files)
    assert not list(place.glob(".vendor-*"))


def test_job_leaves_nothing(runner_of: RunnerOf, files: tuple[Path, ...], tmp_path: Path) -> None:
    runner_of().answers(files)
    assert not list((tmp_path / "scratch space").iterdir())


def test_runner_is_called_as_the_zoo_documents_it(runner_of: RunnerOf, fp16: Compiled) -> None:
    runner = runner_of(input_shape=(3, 224, 224), runtime_file=Path("/zoo/vdsp.json"))
    command = runner.command(2, Path("/list.txt"), Path("/out"))
    assert command[1:] == [
        *("-m", str(fp16.prefix), "--vdsp_params", "/zoo/vdsp.json"),
        *("-i", "8", "-p", "1", "-b", "22", "-s", "[3,224,224]", "-d", "2"),
        *("--datalist", "/list.txt", "--path_output", "/out"),
    ]


def test_both_verbs_of_the_compiler_are_known(config_of: ConfigOf, tmp_path: Path) -> None:
    tools = replace(tiny.stand_in(), verb="build")
    compiled = compile_model(tools, config_of("fp16"), tmp_path / "out", timeout_s=tiny.LONG_S)
    assert compiled.prefix.with_suffix(".json").is_file()


def test_stand_in_says_that_it_is_one(fp16: Compiled) -> None:
    told = versions(tiny.stand_in())
    assert told.stand_in
    assert "not the vendor's" in told.compiler
    assert "not the vendor's" in told.runner
    made_by = json.loads(fp16.prefix.with_suffix(".json").read_text())["made_by"]
    assert "stand-in" in made_by


def test_stand_in_uses_nothing_of_the_suite() -> None:
    sources = [tiny.TOOLS / "vamc", tiny.TOOLS / "vamp", *tiny.TOOLS.glob("standin/*.py")]
    assert len(sources) > 5
    assert not [path for path in sources if "harness" in path.read_text(encoding="utf-8")]


def test_missing_tool_is_named_with_the_place(tmp_path: Path) -> None:
    with pytest.raises(MissingBackend, match=f"no executable vamc in {tmp_path}"):
        tiny.find_toolchain(tmp_path)


def test_tool_that_cannot_be_started_is_missing(tmp_path: Path, config_of: ConfigOf) -> None:
    (tmp_path / "vamc").write_text("#!/no/such/interpreter\n", encoding="ascii")
    (tmp_path / "vamc").chmod(0o755)
    tools = Toolchain(tmp_path / "vamc", tmp_path / "vamp")
    with pytest.raises(MissingBackend, match=r"cannot start .*vamc: No such file"):
        compile_model(tools, config_of("fp16"), tmp_path / "out", timeout_s=tiny.LONG_S)


def test_int8_without_images_is_refused(network: Path) -> None:
    with pytest.raises(CalibrationError, match="without calibration images"):
        build_config(tiny.RECIPE, name="tiny", model=network, precision="int8")


def test_unknown_kind_of_model_is_refused() -> None:
    with pytest.raises(CompileError, match=r"expected a file in .onnx or .pt"):
        build_config(tiny.RECIPE, name="tiny", model=Path("a.pdmodel"), precision="fp16")


def test_missing_image_is_named(runner_of: RunnerOf, tmp_path: Path) -> None:
    with pytest.raises(MissingDataset, match=r"gone\.npz does not exist"):
        runner_of().answers((tmp_path / "gone.npz",))
