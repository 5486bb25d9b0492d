"""NNCF compiles what the build config asks for, to int8 throughout, and refuses what it cannot."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from openvino_networks import HEAVY, LAYERS, SIDE, Floats, images, write_network

from harness.backends.backend import Build, Host
from harness.backends.openvino.backend import OpenVino
from harness.errors import CompileError
from harness.judging.parity import compare

backend = pytest.importorskip(
    "harness.backends.openvino.sessions", reason="OpenVINO is not installed"
)
nncf = pytest.importorskip("nncf", reason="NNCF is not installed")
openvino = backend.openvino

OPENVINO = OpenVino(Host())


def constants(path: Path) -> dict[str, Floats]:
    """The constants of a compiled model by name, but for those whose names are made up."""
    nodes = openvino.Core().read_model(path).get_ordered_ops()
    return {
        node.get_friendly_name(): node.get_data()
        for node in nodes
        if node.get_type_name() == "Constant"
    }


def scales(path: Path) -> list[int]:
    """How many scales the weights of each convolution and matrix product have."""
    nodes = openvino.Core().read_model(path).get_ordered_ops()
    weights = [node for node in nodes if node.get_friendly_name().endswith("/fq_weights_1")]
    return [node.input_value(1).get_node().get_data().size for node in weights]


# ── what is compiled ──────────────────────────────────────────────────────────────────────────


def test_everything_heavy_is_int8_in_the_file_and_when_run(compiled, build) -> None:
    facts = compiled(OPENVINO, build).facts
    assert (facts["heavy"], facts["unquantized"], facts["floating"]) == (HEAVY, [], {})
    executed = facts["executed"]
    int8 = {name: sum(executed.get(f"{name} {sign}8", 0) for sign in "iu") for name in LAYERS}
    assert int8 == LAYERS  # signed or not is the processor's choice
    assert facts["warnings"] == []


def test_grouped_convolutions_fall_back_where_constants_are_not_folded(
    compiled, build, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openvino, "convert_model", lambda path: openvino.Core().read_model(path))
    assert compiled(OPENVINO, build).facts["floating"] == {"Convolution f32": 2}


def test_int8_is_close_to_fp32_and_not_the_same(compiled, build: Build, evaluation) -> None:
    reference = OPENVINO.session(build.model, precision="fp32").logits(evaluation)
    session = OPENVINO.session(compiled(OPENVINO, build).path, precision="int8")
    parity = compare(reference, session.logits(evaluation))
    assert not parity.identical
    assert parity.sqnr_db > 25


def test_compiling_twice_gives_the_same_bytes_and_facts(compiled, build) -> None:
    first, second = (compiled(OPENVINO, build) for _ in range(2))
    assert first.facts == second.facts
    for suffix in (".xml", ".bin"):
        files = [one.path.with_suffix(suffix).read_bytes() for one in (first, second)]
        assert files[0] == files[1]


def test_operators_keep_the_names_that_the_export_gives(
    compiled, build: Build, tmp_path: Path
) -> None:
    """Also those that look like OpenVINO's own."""
    model = onnx.load(build.model)
    for number, node in enumerate(model.graph.node):
        node.name = f"{node.op_type}_{number + 70}"
    onnx.save(model, tmp_path / "numbered.onnx")
    path = compiled(OPENVINO, replace(build, model=tmp_path / "numbered.onnx")).path
    names = {name.partition("/")[0] for name in backend.OpenVinoSession(path).heavy}
    assert names == {node.name for node in model.graph.node if node.op_type in ("Conv", "Gemm")}


def test_other_images_give_other_scales(compiled, build: Build, tmp_path: Path) -> None:
    np.save(tmp_path / "other.npy", images(8, seed=7))
    other = replace(build, calibration=tmp_path / "other.npy")
    first, second = (compiled(OPENVINO, one).path for one in (build, other))
    assert first.with_suffix(".bin").read_bytes() != second.with_suffix(".bin").read_bytes()


def test_what_stays_in_float_is_not_rounded_to_half(compiled, build, tmp_path: Path) -> None:
    rounded = tmp_path / "rounded.xml"
    openvino.save_model(openvino.convert_model(build.model), rounded)  # as it does by itself
    paths = (compiled(OPENVINO, build).path, rounded)
    kinds = [{str(values.dtype) for values in constants(path).values()} for path in paths]
    assert ["float16" in one for one in kinds] == [False, True]


# ── what is asked for ─────────────────────────────────────────────────────────────────────────


OUTLIER = 100.0  # far from all other values


@pytest.fixture
def with_outlier(asked, tmp_path: Path) -> Callable[..., Build]:
    """A build whose calibration images hold one value far from all others."""

    def change(mode: str) -> Build:
        planted = images(8)
        planted[3, 1, 2, 2] = OUTLIER
        np.save(tmp_path / "outlier.npy", planted)
        return replace(asked(mode=mode), calibration=tmp_path / "outlier.npy")

    return change


def highest(path: Path) -> float:
    """Upper end of the range that input images are quantized in."""
    return float(constants(path)["input/fq_output_0/input_high"])


def test_max_takes_the_largest_value_of_all_images(compiled, with_outlier) -> None:
    assert highest(compiled(OPENVINO, with_outlier("max")).path) == pytest.approx(OUTLIER)


def test_percentile_averages_the_bounds_of_images(compiled, with_outlier) -> None:
    build = with_outlier("percentile")
    values = np.load(build.calibration).reshape(8, -1)
    expected = np.quantile(values, 1 - backend.CUT_OFF, axis=1).mean()
    assert highest(compiled(OPENVINO, build).path) == pytest.approx(expected, rel=1e-4)
    assert expected < OUTLIER / 5


def test_mse_has_a_smaller_squared_error_than_max(compiled, asked, tmp_path: Path) -> None:
    many = images(128)
    np.save(tmp_path / "many.npy", many)

    def squared_error(mode: str) -> float:
        build = replace(asked(mode=mode), calibration=tmp_path / "many.npy")
        step = highest(compiled(OPENVINO, build).path) / 127
        rounded = np.clip(np.rint(many / step), -128, 127) * step
        return float(np.square(rounded - many).mean())

    assert squared_error("mse") < 0.95 * squared_error("max")


@pytest.mark.parametrize("mode", ["kl_divergence", "entropy"])
def test_a_mode_that_nncf_lacks_is_refused(compiled, asked, mode: str) -> None:
    with pytest.raises(CompileError, match=f"'{mode}', expected one of max, mse, percentile"):
        compiled(OPENVINO, asked(mode=mode))


def test_weights_have_a_scale_a_channel_only_if_asked_for(compiled, asked) -> None:
    assert scales(compiled(OPENVINO, asked(per_channel=True)).path) == [16, 16, 16, 32, 10]
    assert scales(compiled(OPENVINO, asked(per_channel=False)).path) == [1] * HEAVY


def test_what_nncf_warns_of_is_handed_on(
    compiled, build, monkeypatch: pytest.MonkeyPatch, capfd
) -> None:
    quantize = nncf.quantize

    def warn(*args: object, **options: object) -> object:
        nncf.nncf_logger.warning("rolled back to another estimator")
        return quantize(*args, **options)

    monkeypatch.setattr(nncf, "quantize", warn)
    assert compiled(OPENVINO, build).facts["warnings"] == ["rolled back to another estimator"]
    assert capfd.readouterr() == ("", "")


# ── what is refused ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("parameter", "value", "layer"),
    [
        ("stem_w", np.nan, "stem"),
        ("grouped_w", np.nan, "grouped"),
        ("wide_b", np.nan, "wide"),
        ("readout_w", np.inf, "output"),
    ],
)
def test_weights_that_are_not_finite_are_refused_by_name(
    compiled, build, tmp_path: Path, parameter: str, value: float, layer: str
) -> None:
    model = write_network(tmp_path / "planted.onnx", planted={parameter: value})
    with pytest.raises(CompileError, match=f"not finite in {layer}"):
        compiled(OPENVINO, replace(build, model=model))


def test_images_that_are_not_finite_are_refused(compiled, build, tmp_path: Path) -> None:
    planted = images(8)
    planted[3, 0, 0, 0] = np.nan
    np.save(tmp_path / "planted.npy", planted)
    with pytest.raises(CompileError, match="calibration images hold values that are not finite"):
        compiled(OPENVINO, replace(build, calibration=tmp_path / "planted.npy"))


@pytest.mark.parametrize("shape", [(8, 3, SIDE, SIDE + 1), (0, 3, SIDE, SIDE)])
def test_images_that_do_not_fit_are_refused(compiled, build, tmp_path: Path, shape) -> None:
    np.save(tmp_path / "others.npy", np.zeros(shape, np.float32))
    with pytest.raises(CompileError, match=r"NNCF: .*(incompatible|must)"):
        compiled(OPENVINO, replace(build, calibration=tmp_path / "others.npy"))


def test_a_damaged_export_is_refused(compiled, build: Build, tmp_path: Path) -> None:
    cut = tmp_path / "cut.onnx"
    cut.write_bytes(build.model.read_bytes()[:1000])
    with pytest.raises(CompileError, match=r"OpenVINO cannot read cut\.onnx"):
        compiled(OPENVINO, replace(build, model=cut))


def test_only_int8_with_settings_is_compiled(compiled, build: Build) -> None:
    silent = replace(build.config, backend=replace(build.config.backend, quantize=None))
    for wrong in (replace(build, precision="fp32"), replace(build, config=silent)):
        with pytest.raises(CompileError, match=r"to int8, with backend\.quantize set"):
            compiled(OPENVINO, wrong)


def test_a_model_that_cannot_be_run_is_not_handed_on(
    compiled, build, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = openvino.save_model

    def save_half(model: object, path: Path, **options: object) -> None:
        save(model, path, **options)
        weights = path.with_suffix(".bin")
        weights.write_bytes(weights.read_bytes()[:-1])

    monkeypatch.setattr(openvino, "save_model", save_half)
    with pytest.raises(CompileError, match=r"cannot be run: .*Incorrect weights in bin file"):
        compiled(OPENVINO, build)


def test_nothing_is_printed(compiled, build, capfd: pytest.CaptureFixture[str]) -> None:
    compiled(OPENVINO, build)
    assert capfd.readouterr() == ("", "")


def test_logging_of_the_process_is_left_as_it_was(build: Build, tmp_path: Path) -> None:
    before = logging.root.level, list(logging.root.handlers)
    OpenVino(Host()).compile(build, tmp_path)
    assert (logging.root.level, list(logging.root.handlers)) == before
