"""A build config is read whole, or refused by the name of what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.errors import ExpectationError, UnknownKey
from harness.expected.buildconfig import (
    BuildConfig,
    CenterCrop,
    DecodeImage,
    Normalize,
    Quantize,
    Resize,
    ToTensor,
    read_build_config,
    render,
)

VENDOR_CONFIGS = Path(__file__).resolve().parents[3] / "../shared/zoo/resnext/build"

Spoiled = Callable[..., Path]


@pytest.mark.parametrize("source", ["mmcls", "ppcls", "timm", "torchvision"])
def test_vendor_config_is_read(source: str) -> None:
    path = VENDOR_CONFIGS / f"{source}_resnext.yaml"
    if not path.exists():
        pytest.skip(f"the vendor's build configs are not here: {path}")
    config = read_build_config(path)
    decode, resize, crop, normalize, tensor = config.process_ops
    assert (config.name, config.calibration_images) == (f"{source}_resnext_int8", 50)
    assert config.quantize == Quantize("max", per_channel=True)
    assert config.extra_ops == (None if source == "mmcls" else "softmax")
    assert (decode, resize, crop, tensor) == (
        DecodeImage(),
        Resize((256, 256)),
        CenterCrop((224, 224)),
        ToTensor(),
    )
    assert isinstance(normalize, Normalize)
    assert normalize.div255 == (source != "mmcls")


def test_every_key_is_read(spoiled: Spoiled) -> None:
    config = read_build_config(spoiled())
    assert config.frontend.input_name == "input"
    assert config.frontend.input_shape == (1, 3, 224, 224)
    assert config.frontend.checkpoint == "/path/to/model.onnx"
    assert (config.backend.type, config.backend.cluster_mode) == ("tvm_vacc", 0)
    assert config.dataset is not None
    assert (config.dataset.path, config.dataset.suffix) == ("/path/to/images", "JPEG")
    assert config.workspace == "./deploy_weights/"
    assert config.process_ops[3] == Normalize(
        (123.675, 116.28, 103.53), (58.395, 57.12, 57.375), div255=False
    )


def test_own_config_is_read(embedded: Path) -> None:
    config = read_build_config(embedded)
    assert (config.name, config.backend.type) == ("embedded_int8", "onnxruntime")
    assert (config.calibration_images, config.quantize.calibrate_mode) == (8, "max")


def test_own_config_is_preprocessed_as_the_vendor_does(embedded: Path, spoiled: Spoiled) -> None:
    vendor = read_build_config(spoiled())
    decode, *sizes, levels, tensor = vendor.process_ops
    *own_sizes, fractions, own_tensor = read_build_config(embedded).process_ops
    assert decode == DecodeImage()  # scenes are not files
    assert (own_sizes, own_tensor) == (sizes, tensor)
    assert isinstance(levels, Normalize)
    assert isinstance(fractions, Normalize)
    assert [255 * x for x in fractions.mean] == pytest.approx(levels.mean)
    assert [255 * x for x in fractions.std] == pytest.approx(levels.std)


def _without_cluster_mode(config: BuildConfig) -> BuildConfig:
    return replace(config, backend=replace(config.backend, cluster_mode=None), extra_ops=None)


def _renamed(config: BuildConfig) -> BuildConfig:
    return replace(config, name="0123: '網' #")


def _fp16(config: BuildConfig) -> BuildConfig:
    backend = replace(config.backend, dtype="fp16", quantize=None)
    return replace(config, backend=backend, dataset=None)


@pytest.mark.parametrize("change", [_without_cluster_mode, _renamed, _fp16, lambda same: same])
def test_rendered_config_reads_back_the_same(
    spoiled: Spoiled, change: Callable[[BuildConfig], BuildConfig]
) -> None:
    config = change(read_build_config(spoiled()))
    assert read_build_config(spoiled(text=render(config))) == config


def test_own_config_survives_rendering(embedded: Path, spoiled: Spoiled) -> None:
    config = read_build_config(embedded)
    assert read_build_config(spoiled(text=render(config))) == config


def test_fp16_config_says_what_it_has_not(spoiled: Spoiled) -> None:
    config = _fp16(read_build_config(spoiled()))
    with pytest.raises(ExpectationError, match=r"'vendor_int8' has no backend\.quantize"):
        _ = config.quantize
    with pytest.raises(ExpectationError, match="'vendor_int8' has no dataset"):
        _ = config.process_ops


def test_short_forms_of_sizes_mean_what_torchvision_means(spoiled: Spoiled) -> None:
    text = spoiled("size: [256, 256]", "size: 256").read_text(encoding="utf-8")
    ops = read_build_config(
        spoiled("crop_size: [224, 224]", "crop_size: 224", text=text)
    ).process_ops
    assert ops[1:3] == (Resize((256,)), CenterCrop((224, 224)))


UNKNOWN = [
    ("workspace:", "workspce:", "workspce: unknown key (did you mean 'workspace'?)"),
    ("  dtype: fp32", "  dtyp: fp32", "frontend.dtyp: unknown key (did you mean 'dtype'?)"),
    ("cluster_mode", "cluster", "backend.compile.cluster: unknown key"),
    ("quantize_per_channel", "per_channel", "backend.quantize.per_channel: unknown key"),
    ("get_data_num", "get_num", "dataset.sampler.get_num: unknown key"),
    ("crop_size", "size", "dataset.process_ops[2].size: unknown key (did you mean 'crop_size'?)"),
    ("div255", "div_255", "dataset.process_ops[3].div_255: unknown key (did you mean 'div255'?)"),
    ("DecodeImage", "DecodImage", "process_ops[0].type: unknown type 'DecodImage' (did you mean"),
    ("softmax", "sofmax", "graph.extra_ops.type: unknown type 'sofmax' (did you mean 'softmax'?)"),
    ("type: onnx", "type: onxx", "frontend.type: unknown type 'onxx' (did you mean 'onnx'?)"),
    ("fp32", "float32", "frontend.dtype: unknown dtype 'float32'"),
    ("dtype: int8", "dtype: int4", "backend.dtype: unknown dtype 'int4' (did you mean 'int8'?)"),
    (
        "mode: max",
        "mode: entropy",
        "calibrate_mode: unknown calibrate_mode 'entropy', expected one of",
    ),
    ("mode: max", "mode: minmax", "unknown calibrate_mode 'minmax' (did you mean 'max'?)"),
    ("type: tvm\n", "type: scenes\n", "dataset.path: unknown key"),
]


@pytest.mark.parametrize(("old", "new", "message"), UNKNOWN)
def test_unknown_name_is_refused(spoiled: Spoiled, old: str, new: str, message: str) -> None:
    with pytest.raises(UnknownKey, match=r"build\.yaml: .*" + re.escape(message)):
        read_build_config(spoiled(old, new))


WRONG = [
    ("name: vendor_int8\n", "", "name is missing, expected a text"),
    ("name: vendor_int8", "name: 8", "name is 8, expected a text"),
    ("  path: ./deploy_weights/\n", "  path: ' '\n", "workspace.path is ' ', expected a text"),
    ("input: [1, 3, 224, 224]", "input: [1, 224, 224]", "frontend.shape.input is [1, 224, 224]"),
    ("input: [1, 3, 224, 224]", "input: [1, 4, 224, 224]", "frontend.shape.input is [1, 4, 224"),
    ("input: [1, 3, 224, 224]", "input: [0, 3, 224, 224]", "frontend.shape.input is [0, 3, 224"),
    ("    input: [1, 3", "    b: [1]\n    input: [1, 3", "expected the shape of one input"),
    ("cluster_mode: 0", "cluster_mode: '0'", "backend.compile.cluster_mode is '0', expected"),
    ("per_channel: true", "per_channel: 1", "quantize_per_channel is 1, expected true or false"),
    ("get_data_num: 50", "get_data_num: 0", "dataset.sampler.get_data_num is 0, expected a whole"),
    ("get_data_num: 50", "get_data_num: true", "get_data_num is True, expected a whole number"),
    ("size: [256, 256]", "size: [256, 256.0]", "process_ops[1].size is [256, 256.0], expected [h"),
    ("size: [256, 256]", "size: 99999", "process_ops[1].size is 99999, expected [height, width]"),
    ("size: [256, 256]", "size: [256, 200]", "[2].crop_size is [224, 224], expected at most the"),
    ("size: [256, 256]", "size: 200", "[2].crop_size is [224, 224], expected at most the 200×200"),
    ("[224, 224]\n    - ty", "[192, 224]\n    - ty", "192×224, but frontend.shape.input is 224"),
    ("std: [58.395", "std: [0", "dataset.process_ops[3].std is [0, 57.12, 57.375], expected three"),
    ("std: [58.395", "std: [.nan", "dataset.process_ops[3].std is [nan, 57.12, 57.375]"),
    ("std: [58.395", "std: [-1", "dataset.process_ops[3].std is [-1, 57.12, 57.375]"),
    ("mean: [123.675", "mean: [.inf", "dataset.process_ops[3].mean is [inf, 116.28, 103.53]"),
    ("mean: [123.675", "mean: [1" + "0" * 400, "three numbers from -1000 to 1000, for R, G and B"),
    ("mean: [123.675", "mean: [1e3", "dataset.process_ops[3].mean is ['1e3', 116.28, 103.53]"),
    ("mean: [123.675, ", "mean: [", "process_ops[3].mean is [116.28, 103.53], expected three"),
    ("div255: false", "div255: no way", "div255 is 'no way', expected true or false"),
    ("    - type: ToTensor\n", "", "process_ops: expected Normalize and ToTensor at the end"),
    ("    - type: DecodeImage\n", "    - ToTensor\n", "process_ops is ['ToTensor', {"),
    ("type: DecodeImage", "type: ToTensor", "process_ops[0]: ToTensor out of place"),
    ("Resize\n      size: [256, 256]", "DecodeImage", "ops[1]: DecodeImage out of place"),
    ("  quantize:\n", "  quantize: 8\n  compile:\n", "key 'compile' stands here twice"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "message"), WRONG)
def test_impossible_value_is_refused(spoiled: Spoiled, old: str, new: str, message: str) -> None:
    with pytest.raises(ExpectationError, match=r"build\.yaml:.*" + re.escape(message)):
        read_build_config(spoiled(old, new))


def test_pipeline_has_to_normalize(spoiled: Spoiled, vendor_text: str) -> None:
    begin, end = vendor_text.index("    - type: Resize"), vendor_text.index("    - type: ToTensor")
    text = vendor_text[:begin] + vendor_text[end:]
    with pytest.raises(ExpectationError, match="process_ops: expected Normalize and ToTensor at"):
        read_build_config(spoiled(text=text))


def test_pipeline_has_to_settle_the_size(spoiled: Spoiled) -> None:
    text = spoiled("size: [256, 256]", "size: 224").read_text(encoding="utf-8")
    path = spoiled("    - type: CenterCrop\n      crop_size: [224, 224]\n", "", text=text)
    with pytest.raises(ExpectationError, match="process_ops: the size of the images is left open"):
        read_build_config(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: a\nname: b\n", r"build\.yaml:2: .* key 'name' stands here twice"),
        ("name: [a\nb: c", r"build\.yaml:2: not YAML as expected: .*expected ',' or ']'"),
        ("a: &x [1]\nb: *x", r"build\.yaml:2: .* aliases and tags are not supported"),
        ("a: !!bool maybe", r"build\.yaml:1: .* aliases and tags are not supported"),
        ("a: b\n---\nc: d", r"build\.yaml:2: .* another document"),
        ("a: 1\n2: b", r"build\.yaml:2: .* a key that is no text"),
        ("a: 2030-13-01", r"build\.yaml: .* month must be in 1\.\.12"),
        ("a: \0", r"build\.yaml: .* special characters are not allowed"),
        ("[" * 5000, r"build\.yaml: nested too deeply"),
        ("", r"build\.yaml: expected keys and values, got None"),
        ("# " + "x" * 2**16, r"build\.yaml: larger than 65536 bytes"),
    ],
)  # fmt: skip
def test_what_is_no_plain_yaml_is_refused(spoiled: Spoiled, text: str, message: str) -> None:
    with pytest.raises(ExpectationError, match=message) as caught:
        read_build_config(spoiled(text=text))
    assert "\n" not in str(caught.value)


def test_unreadable_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ExpectationError, match=r"cannot read .*none\.yaml: No such file"):
        read_build_config(tmp_path / "none.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"name: caf\xe9")
    with pytest.raises(ExpectationError, match=r"latin\.yaml: not UTF-8 at byte 9"):
        read_build_config(tmp_path / "latin.yaml")


@settings(
    max_examples=60,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_any_damage_is_read_or_refused_in_words(
    tmp_path: Path, vendor_text: str, data: st.DataObject
) -> None:
    begin = data.draw(st.integers(0, len(vendor_text)))
    end = data.draw(st.integers(begin, min(len(vendor_text), begin + 12)))
    junk = data.draw(st.text(alphabet="[]{}:-!&*|>'\"#%@?,.~ \n\t0_9eExo<=naé", max_size=6))
    path = tmp_path / "build.yaml"
    path.write_text(vendor_text[:begin] + junk + vendor_text[end:], encoding="utf-8")
    try:
        assert isinstance(read_build_config(path), BuildConfig)
    except ExpectationError as error:
        assert str(path) in str(error)  # noqa: PT017 - either outcome is right
