"""Files beside a page: no advice destroys or collides, and the vendor's own words are right."""

from __future__ import annotations

import pytest
from lint_writing import build_config, line, run_time, table

from harness.lint.findings import Severity
from harness.lint.rules import RULES
from harness.lint.running import lint
from harness.lint.zoo import read_zoo

PAGE = "zoo/README.md"


def run_time_file(name: str) -> str:
    return f"zoo/vdsp_params/{name}-vdsp_params.json"


@pytest.mark.parametrize(
    ("source", "name", "file"),
    [
        ("mmcls", "vgg11", "mmpretrain-vgg11"),
        ("mmcls", "vgg11_bn", "MMClassification-vgg11_bn"),
        ("ppcls", "ResNet50_vd", "PaddleClas-resnet50-vd"),
    ],
)
def test_a_file_under_another_name_of_the_library_belongs_to_its_row(linting, source, name, file):
    found = linting(table(line(name, source)), {run_time_file(file): run_time()})
    assert found.of("orphan-file") == []


@pytest.mark.parametrize(
    ("source", "name", "file", "suggestion"),
    [
        ("timm", "mobilenetv2", "timm-mobilenetv2_100", "timm-mobilenetv2-vdsp_params.json, if"),
        ("megvii", "ShuffleNetV1 0.5x (group=3)", "megvii-Group3_0.5x", "nothing"),
        ("", "YOLO11l-cls", "ultralytics-yolov11l_cls", "nothing"),
    ],
)
def test_a_file_that_seems_to_be_of_a_row_is_a_note(linting, source, name, file, suggestion):
    page = table(line(name, source))
    if not source:
        page = page.replace(" source |", "").replace("|-|", "|", 1).replace("|  |", "|")
    (finding,) = linting(page, {run_time_file(file): run_time()}).of("orphan-file")
    assert finding.severity is Severity.NOTE
    assert finding.fault.suggestion.startswith(suggestion)


def test_no_name_is_offered_that_a_file_has(linting):
    files = {run_time_file(name): run_time() for name in ("timm-net_a", "timm-net_a_miil")}
    (finding,) = linting(table(line("net_a")), files).of("orphan-file")
    assert "net_a_miil" in finding.fault.message
    assert "timm-net_a-vdsp" not in finding.fault.suggestion


def test_of_two_rows_that_it_may_be_of_none_is_named(linting):
    page = table(line("net_large_100"), line("net_large_050", figures="70 | 90 | 2 | 9 | 224"))
    (finding,) = linting(page, {run_time_file("timm-net_large"): run_time()}).of("orphan-file")
    assert finding.severity is Severity.WARNING


def test_nothing_is_ever_to_be_taken_away(linting):
    files = {
        run_time_file("keras-other"): run_time(),
        "zoo/build/keras_other.yaml": build_config("keras_other", "/path/other.onnx"),
    }
    for finding in linting(table(line("net_a")), files).of("orphan-file"):
        assert "away" not in finding.fault.suggestion


def test_a_copy_that_no_command_takes_is_found(linting):
    files = {"zoo/vdsp_params/timm-net_a-vdsp_params_back.json": run_time()}
    (finding,) = linting(table(line("net_a")), files).of("orphan-file")
    assert "no command takes it" in finding.fault.message


WORDS = [
    ("ColorCvtCode", "NO_CHANGE", "RGB2BGR"),
    ("ColorCvtCode", "NO_CHANGE", "BGR2RGB"),
    ("ResizeType", "BILINEAR_CV", "BILINEAR_PILLOW"),
    ("NormaType", "DIV255_MINUSMEAN_DIVSTD", "EQUAL"),
]


@pytest.mark.parametrize(("key", "known", "word"), WORDS)
def test_a_word_of_the_vendor_is_a_note_and_the_rest_is_checked(linting, key, known, word):
    files = {run_time_file("timm-net_a"): run_time(288).replace(known, word)}
    found = linting(table(line("net_a")), files)
    (note,) = found.of("not-modelled")
    assert note.severity is Severity.NOTE
    assert f"{key}: {word}" in note.fault.message
    assert len(found.of("other-size-in-file")) == 1
    assert found.of("unreadable-file") == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("dtype: fp16", "dtype: fp16\n  compile:\n    cluster_mode: 0\n    data_transport_mode: 1"),
        (
            "dtype: fp16",
            "dtype: fp16\n  compile:\n    cluster_mode: 0\n    dense_special_config: {}",
        ),
    ],
)
def test_keys_of_the_vendor_are_notes(linting, old, new):
    files = {"zoo/build/timm_net.yaml": build_config().replace(old, new)}
    found = linting(table(line("net_a")), files)
    assert [one.severity for one in found.of("not-modelled")] == [Severity.NOTE]
    assert found.of("unreadable-file") == []


def test_a_misspelt_key_is_an_error_at_its_line_beside_words_of_the_vendor_too(linting):
    text = build_config().replace(
        "  dtype: fp16",
        "  dtype: int8\n  compile:\n    data_transport_mode: 1\n    cluster_mode: 0\n"
        "  quantize:\n    alibrate_mode: max\n    quantize_per_channel: true",
    )
    found = linting(table(line("net_a")), {"zoo/build/timm_net.yaml": text})
    (finding,) = found.of("unreadable-file")
    assert finding.severity is Severity.ERROR
    assert finding.fault.suggestion == "calibrate_mode"
    at = 1 + text[: text.index("alibrate_mode")].count("\n")
    assert f"timm_net.yaml:{at}:" in found.place(finding)


def test_a_key_that_is_only_unknown_is_a_note_without_a_guess(linting):
    text = build_config().replace("dtype: fp16", "dtype: fp16\n  new_thing: 1")
    found = linting(table(line("net_a")), {"zoo/build/timm_net.yaml": text})
    (finding,) = found.of("unreadable-file")
    assert finding.severity is Severity.NOTE
    assert "did you mean" not in finding.fault.message


def test_of_a_value_nothing_else_is_guessed(linting):
    """Another filter is another network's accuracy."""
    files = {run_time_file("timm-net_a"): run_time().replace("BILINEAR_CV", "BILINEAR_CW")}
    (finding,) = linting(table(line("net_a")), files).of("unreadable-file")
    assert finding.severity is Severity.WARNING
    assert "did you mean" not in finding.fault.message


@pytest.mark.parametrize("suffix", [".onnx", ".torchscript.pt", ".pth", ".script.pt", ""])
def test_a_compiled_model_is_known_without_its_suffixes(linting, suffix):
    files = {"zoo/build/timm_net.yaml": build_config(checkpoint=f"/path/net_a_224{suffix}")}
    assert linting(table(line("net_a")), files).rules == set()


def test_rows_of_one_name_and_two_sizes_are_two(linting):
    page = table(
        line("Swin-B", "", "70 | 90 | 15 | 88 | 224"), line("Swin-B", "", "71 | 91 | 47 | 88 | 384")
    )
    assert linting(page).of("duplicate-row") == []


def test_operations_of_224_pixels_are_told_as_such(linting):
    page = table(
        line("net_a", figures="70 | 90 | 10.000 | 25 | 299"),
        line("net_a_x", "timm", figures="70 | 90 | 3 | 25 | 299"),
        line("gluon_net_a", figures="70 | 90 | 5.612 | 25 | 299"),
    )
    (finding,) = [one for one in linting(page).findings if "gluon_net_a" in one.fault.about]
    assert finding.rule.id == "same-network-other-figure"
    assert "as at 224 px" in finding.fault.message


def test_networks_of_one_name_in_two_libraries_are_said_to_be_no_more_than_that(linting):
    page = table(line("net_a"), line("net_a", "ppcls", "70 | 90 | 4.1 | 27 | 224"))
    (finding,) = linting(page).findings
    assert "a network of that name" in finding.fault.message
    assert finding.severity is Severity.NOTE


LINKS = (
    "\n[code](./code/export.py) [real](code/exports.py#L3) [up](../../README.md) "
    "[web](https://example.org/x) [here](#net) ![plot](images/plot.png)\n"
)


def test_a_link_that_leads_nowhere_within_a_given_folder_is_found(tmp_path):
    page = tmp_path / "zoo/README.md"
    (page.parent / "code").mkdir(parents=True)
    page.write_text(table(line("net_a")) + LINKS)
    (page.parent / "code/exports.py").touch()
    found = [
        one for one in lint(read_zoo([tmp_path / "zoo"]), RULES) if one.rule.id == "broken-link"
    ]
    assert [(one.fault.place.line, one.fault.suggestion) for one in found] == [
        (7, "exports.py"),
        (7, "a file that is there"),
    ]


def test_of_a_page_alone_it_is_not_known_what_lies_beside_it(linting):
    assert linting(table(line("net_a")) + LINKS).of("broken-link") == []


NAMES = [f"class number {index}" for index in range(1000)]


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("{name}", [(518, "crane")]),
        (" {index}: '{name}',", [(518, "crane")]),
        ("n{index:08} {name}", [(518, "crane")]),
        ("{name} {index}", []),
    ],
)
def test_two_classes_of_one_name_are_found_in_a_given_folder(tmp_path, written, told):
    names = [*NAMES[:134], "crane", *NAMES[135:517], "crane", *NAMES[518:]]
    lines = (written.format(name=name, index=index) for index, name in enumerate(names))
    (tmp_path / "zoo/label").mkdir(parents=True)
    (tmp_path / "zoo/README.md").write_text(table(line("net_a")))
    (tmp_path / "zoo/label/names.txt").write_text("\n".join(lines))
    (tmp_path / "zoo/label/others.txt").write_text("crane\ncrane\n")
    (tmp_path / "zoo/label/answers.txt").write_text("65\n970\n" * 500)
    (tmp_path / "zoo/label/log.txt").write_text("a line\nanother line\n" * 500)
    (tmp_path / "zoo/label/latin.txt").write_bytes(b"\xe9\n" * 1000)
    (tmp_path / "zoo/.cache").mkdir()
    (tmp_path / "zoo/.cache/names.txt").write_text((tmp_path / "zoo/label/names.txt").read_text())
    zoo = read_zoo([tmp_path / "zoo", tmp_path])  # one within the other
    found = [one.fault for one in lint(zoo, RULES) if one.rule.id == "class-name-twice"]
    assert [(one.place.line, one.message.split("'")[1]) for one in found] == told
    assert [one.evidence[0].place.line for one in found] == [135] * len(told)
