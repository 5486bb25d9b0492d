"""What the command refuses, before anything is built; what it does, test_real_mobilenet shows."""

from __future__ import annotations

import argparse
import shlex
from decimal import Decimal
from pathlib import Path

import pytest
from small_images import write_set

from harness.accuracy import plans as accuracy_running
from harness.accuracy.preprocessors import named_preprocessor
from harness.accuracy.rows import Allowed, accuracy_claims, preprocessor_of
from harness.cli import accuracy as accuracy_command
from harness.errors import HarnessError, MeasureError
from harness.pipeline.catalogue import read_catalogue

ROW = "resnext/timm/resnext50_32x4d"


def parse(*arguments: object) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    accuracy_command.add_parser(parser.add_subparsers())
    return parser.parse_args(["accuracy", *map(str, arguments)])


def run(*arguments: object) -> int:
    parsed = parse(*arguments)
    return int(parsed.run(parsed))


@pytest.fixture
def given(tmp_path: Path) -> tuple[object, ...]:
    """60 images of 10 classes, and a folder without weights."""
    (tmp_path / "weights").mkdir()
    (tmp_path / "synsets.txt").write_text("".join(f"n{number:08}\n" for number in range(10)))
    root = write_set(tmp_path / "set")
    where = ("--imagenet", root, "--synsets", tmp_path / "synsets.txt")
    rest = ("--weights", tmp_path / "weights", "--store", tmp_path / "s", "--out", tmp_path / "o")
    return ROW, *where, *rest


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--images", 61), "61 images are asked for, expected 1 to 60"),
        (("--shard", "4/3"), "no shard 4/3"),
        (("--shard", "1/3", "--until-decided"), "takes neither a number nor a shard"),
        (("--until-decided", "--precision", "fp32"), "needs both"),
        (("--pipeline", "pages"), "no pipeline 'pages', expected a build config"),
        (("--margin", "1", "--acceptable", "1"), "expected 0 <= acceptable < points"),
        (("--labels", "/nowhere"), "/nowhere does not exist"),
    ],
)
def test_bad_input_is_one_error(
    given: tuple[object, ...], options: tuple[object, ...], message: str
) -> None:
    with pytest.raises(HarnessError, match=message):
        run(*given, *options)


def test_a_row_without_weights_is_not_measured(
    given: tuple[object, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*given) == 3
    assert f"not measured: no weights for {ROW}" in capsys.readouterr().out


def test_images_and_weights_are_needed() -> None:
    with pytest.raises(HarnessError, match=r"--imagenet DIR and --weights DIR\|hub are needed"):
        run(ROW)


def test_what_is_no_folder_of_answers_is_not_merged(tmp_path: Path) -> None:
    with pytest.raises(MeasureError, match="holds no answers"):
        run("merge", tmp_path)
    with pytest.raises(HarnessError, match="no shards to merge"):
        run("merge")


@pytest.mark.parametrize("points", ["-1", "101", "NaN", "x"])
def test_a_margin_is_a_number_of_points(points: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run(ROW, f"--margin={points}")
    assert "is not a number of points within 0 and 100" in capsys.readouterr().err


def test_the_margin_is_a_share_of_the_documented_accuracy() -> None:
    row = read_catalogue().one(ROW).row
    documented = accuracy_claims(row)[0].figure.value
    assert Allowed().of(row).points == documented / 100
    assert Allowed(Decimal("0.5"), Decimal("0.1")).of(row).acceptable == Decimal("0.1")


def test_a_row_is_measured_with_the_pipeline_of_its_claim() -> None:
    catalogue = read_catalogue()
    assert preprocessor_of(catalogue.one(ROW)).name == "timm-a1h_in1k"
    assert preprocessor_of(catalogue.one("resnext/timm/resnext101_64x4d")).name == "timm-c1_in1k"
    assert preprocessor_of(catalogue.one(ROW), asked="page").name == "page"


def test_another_preprocessing_gives_other_tensors(tmp_path: Path) -> None:
    from harness.pipeline.catalogue import EXPECTED

    text = (EXPECTED / "build/embedded.yaml").read_text()
    keys = set()
    for size in (256, 240):
        path = tmp_path / "same-name.yaml"
        path.write_text(text.replace("size: [256, 256]", f"size: [{size}, {size}]"))
        keys.add(named_preprocessor(str(path)).key(files="ab").digest)
    assert len(keys) == 2


EVERY_OPTION = (
    *("--imagenet=i", "--labels=l", "--synsets=s", "--pipeline=p", "--images=7", "--until-decided"),
    *("--seed=3", "--shard=1/2", "--weights=a b", "--precision=fp32", "--precision=int8"),
    *("--calibration", "m.toml", "a folder", "--build-config=b", "--margin=0.5"),
    *("--acceptable=0.1", "--from-results=f", "--reference=r", "--write-results"),
    *("--class-names=c", "--workers=1999", "--threads=1998", "--store=t", "--out=o", "--no-cache"),
    "--expected=e",
)
"""A new one has to be added."""


def repeated(*arguments: object) -> list[str]:
    """The words behind ``python -m harness accuracy`` of the command that repeats a row."""
    model = read_catalogue().one(ROW)
    words = shlex.split(accuracy_running._command(parse(*arguments), model))
    assert words[:4] == ["python", "-m", "harness", "accuracy"]
    return words[4:]


def test_every_option_that_was_given_is_in_the_command_that_repeats_a_row() -> None:
    parsed = parse("resnext/timm/*", *EVERY_OPTION)
    given = {word.split("=")[0] for word in EVERY_OPTION if word.startswith("--")}
    known = {action.option_strings[-1] for action in parsed.options if action.option_strings}
    assert known - {"--help"} == given
    row, *words = repeated("resnext/timm/*", *EVERY_OPTION)
    assert (row, sorted(words)) == (ROW, sorted(EVERY_OPTION))
    again, before = vars(parse(row, *words)), vars(parsed)
    apart = {"row", "options"}
    assert {name: again[name] for name in again.keys() - apart} == {
        name: before[name] for name in before.keys() - apart
    }


def test_no_option_that_was_not_given_is_in_it() -> None:
    assert repeated("resnext/timm/*") == [ROW]


def test_a_merge_is_repeated_as_one() -> None:
    assert repeated("merge", "a", "b c", "--images=7") == ["merge", "a", "b c", "--images=7"]
