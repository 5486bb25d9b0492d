"""Real photographs, real weights: what MobileNetV2 gets right, what int8 costs, what is caught.

All by the command's own machinery: exported from both libraries, compiled by the embedded backend,
calibrated on photographs that are not evaluated.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from benchmarks import mobilenet_zoo
from harness.accuracy.folder import open_results
from harness.accuracy.images import read_images
from harness.accuracy.judging import Judgement
from harness.accuracy.measuring import EvaluationPlan, Model, measure, measure_files
from harness.accuracy.predictions import Predictions
from harness.accuracy.rows import calibrate_on, judge_row, measure_row, model_file, preprocessor_of
from harness.backends.onnxruntime.sessions import OnnxRuntimeSession as OnnxSession
from harness.backends.session import Session
from harness.cli import accuracy as accuracy_command
from harness.errors import MeasureError
from harness.images.datasets import open_dataset, read_manifest, read_synsets
from harness.judging.accuracy.pairs import count_pairs, loss_interval
from harness.judging.accuracy.risks import Margin
from harness.pipeline.building import Settings
from harness.pipeline.catalogue import read_catalogue
from harness.pipeline.pipeline import Pipeline
from harness.records import Outcome

TWO = Margin(Decimal(2))


@dataclass
class Line:
    """One zoo with its store, its answers, and its models."""

    zoo: Any
    folder: Path
    pipeline: Pipeline
    plan: EvaluationPlan

    def documented(self, row: str) -> Any:
        return read_catalogue(self.zoo.expected).one(row)

    def model(self, row: str, precision: str) -> Model:
        _, file = model_file(self.pipeline, self.documented(row), precision)
        return Model(file.digest, OnnxSession(file.path))

    def answers(self, row: str, *precisions: str, **plan: Any) -> dict[str, Predictions]:
        preprocessor = preprocessor_of(self.documented(row), asked=str(self.zoo.squashed))
        changed = replace(self.plan, **plan)
        return measure_row(self.pipeline, self.documented(row), precisions, preprocessor, changed)

    def until_decided(self, row: str, name: str, session: Session) -> Judgement:
        """Hold a model in place of int8 against fp32, by the margin of two points."""
        preprocessor = preprocessor_of(self.documented(row), asked=str(self.zoo.squashed))
        models = {"fp32": self.model(row, "fp32"), "int8": Model(name, session)}
        answers = measure(row, models, preprocessor, replace(self.plan, until=TWO))
        return judge_row(self.documented(row), answers, TWO, until=True)

    def file(self, row: str, precision: str) -> Path:
        return model_file(self.pipeline, self.documented(row), precision)[1].path


@pytest.fixture(scope="session")
def line(shared: Path, tmp_path_factory: pytest.TempPathFactory, kept: Path) -> Iterator[Line]:
    folder = tmp_path_factory.mktemp("mobilenet")
    zoo = mobilenet_zoo.build(folder)
    embedded = zoo.expected / "build/embedded.yaml"
    settings = Settings(embedded, store=kept, weights=str(zoo.weights))
    pipeline = Pipeline(settings)
    dataset = open_dataset(shared / "imagenet-val-1300", synsets=read_synsets())
    plan = EvaluationPlan(read_images(dataset), folder / "out", cache=kept / "tensors", workers=2)
    made = Line(zoo, folder, pipeline, plan)
    preprocessor = preprocessor_of(made.documented(TORCHVISION), asked=str(zoo.squashed))
    calibration = read_manifest(zoo.manifest, root=shared / "imagenet-calib-1000")
    calibrate_on(pipeline, calibration, preprocessor, workers=2)
    yield made
    pipeline.worker.close()


TORCHVISION, TIMM = "mobilenet_v2/torchvision/mobilenetv2", "mobilenet_v2/timm/mobilenetv2"


def test_fp32_is_as_right_as_it_is_known_to_be(line: Line) -> None:
    """78.31 and 93.54 on these 1300, squashed to 224."""
    fp32 = line.answers(TORCHVISION, "fp32")["fp32"]
    assert len(fp32) == 1300
    assert fp32.bad == ()
    assert 100 * fp32.hit1.mean() == pytest.approx(78.31, abs=0.1)
    assert 100 * fp32.hit5.mean() == pytest.approx(93.54, abs=0.1)


def test_int8_costs_less_than_a_point(line: Line) -> None:
    answers = line.answers(TORCHVISION, "fp32", "int8")
    counts = count_pairs(answers["fp32"].hit1, answers["int8"].hit1)
    low, high = loss_interval(counts)
    assert counts.losses + counts.gains > 0
    assert low < counts.loss_points < high < 1.0
    model = line.documented(TORCHVISION)
    judgement = judge_row(model, answers, Margin(Decimal(1)), until=False)
    assert judgement.paired is not None
    assert judgement.paired.outcome is Outcome.CONFORMS


def test_the_claims_are_not_held_against_these_images(line: Line) -> None:
    answers = line.answers(TORCHVISION, "fp32")
    judgement = judge_row(line.documented(TORCHVISION), answers, TWO, until=False)
    assert judgement.outcome is Outcome.NOT_MEASURED
    assert "not the validation set: 1300 of 50000 images" in judgement.claims[0].headline


def test_an_isolated_child_gives_the_same_answers(line: Line) -> None:
    model, plan = line.documented(TORCHVISION), replace(line.plan, count=50)
    preprocessor = preprocessor_of(model, asked=str(line.zoo.squashed))
    models = {"fp32": model_file(line.pipeline, model, "fp32")[1]}
    given = (TORCHVISION, models, preprocessor, replace(plan, root=line.folder / "child"))
    answers = line.pipeline.worker.run(measure_files, *given, timeout_s=120, stage=MeasureError)
    ours = line.answers(TORCHVISION, "fp32", count=50)["fp32"]
    assert answers["fp32"].table == ours.table


def test_timm_gives_the_same_answers_with_the_same_weights(line: Line) -> None:
    theirs = line.answers(TIMM, "fp32", count=100)["fp32"]
    ours = line.answers(TORCHVISION, "fp32", count=100)["fp32"]
    assert theirs.hit1.tolist() == ours.hit1.tolist()
    assert (theirs.ranking.ids[:, 0] == ours.ranking.ids[:, 0]).all()


def test_honest_int8_is_not_flagged(line: Line) -> None:
    session = line.model(TORCHVISION, "int8").session
    judgement = line.until_decided(TORCHVISION, "honest", session)
    assert judgement.paired is not None
    assert judgement.paired.outcome is Outcome.CONFORMS
    assert judgement.halves[0].top1.images <= 1300


FAULTS = {
    "swapped channels": 300,
    "missing normalization": 200,
    "calibrated on noise": 50,
    "first depthwise layer at four bits": 600,
}
"""With how many images each is caught at the latest, for a margin of two points."""


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_caught_with_few_images(line: Line, tmp_path: Path, fault: str) -> None:
    judgement = line.until_decided(TORCHVISION, fault, faulty(line, fault, tmp_path))
    assert judgement.paired is not None
    assert judgement.paired.outcome is Outcome.DOES_NOT_CONFORM
    assert judgement.halves[1].top1.images <= FAULTS[fault]


def test_a_layer_whose_four_bits_cost_nothing_is_not_flagged(line: Line, tmp_path: Path) -> None:
    """A fault that no answer shows is for parity to notice, and no loss of accuracy."""
    from mobilenet_faults import MIDDLE, four_bits

    model = four_bits(line.file(TORCHVISION, "int8"), tmp_path, place=MIDDLE)
    judgement = line.until_decided(TORCHVISION, "middle", OnnxSession(model))
    assert judgement.paired is not None
    assert judgement.paired.outcome is not Outcome.DOES_NOT_CONFORM


def faulty(line: Line, fault: str, folder: Path) -> Session:
    import mobilenet_faults as faults

    compiled = line.file(TORCHVISION, "int8")
    if fault == "calibrated on noise":
        return OnnxSession(faults.calibrated_on_noise(line.file(TORCHVISION, "fp32"), folder))
    if fault == "first depthwise layer at four bits":
        assert faults.groups(compiled, faults.FIRST_DEPTHWISE) > 1
        return OnnxSession(faults.four_bits(compiled, folder, place=faults.FIRST_DEPTHWISE))
    alter = faults.swapped if fault == "swapped channels" else faults.unnormalized
    return faults.Altered(OnnxSession(compiled), alter)


def test_a_model_that_was_right_yesterday_is_paired_with_today(line: Line) -> None:
    """Both halves wrong alike escape their comparison; the float model of before tells."""
    import mobilenet_faults as faults

    today = faults.Altered(line.model(TORCHVISION, "fp32").session, faults.swapped)
    judgement = line.until_decided(TORCHVISION, "fp32 of today", today)
    assert judgement.paired is not None
    assert judgement.paired.outcome is Outcome.DOES_NOT_CONFORM
    assert judgement.halves[1].top1.images <= FAULTS["swapped channels"]


# ── the command ───────────────────────────────────────────────────────────────────────────────


def command(line: Line, *arguments: str, rows: tuple[str, ...] = (TORCHVISION,)) -> int:
    parser = argparse.ArgumentParser()
    accuracy_command.add_parser(parser.add_subparsers())
    store, out = line.pipeline.store.root, line.folder / "out"
    given = ["accuracy", *rows, "--expected", line.zoo.expected, "--store", store, "--out", out]
    parsed = parser.parse_args([*map(str, given), *arguments])
    return int(parsed.run(parsed))


@pytest.fixture
def measured(line: Line, shared: Path) -> tuple[str, ...]:
    """The options that measure on the photographs, as the other tests do."""
    return (
        *("--imagenet", str(shared / "imagenet-val-1300")),
        *("--weights", str(line.zoo.weights)),
        *("--pipeline", str(line.zoo.squashed)),
        *("--calibration", str(line.zoo.manifest), str(shared / "imagenet-calib-1000")),
        *("--threads", "1"),
    )


def test_the_command_says_what_was_measured(
    line: Line, measured: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(line, *measured, "--margin", "2", "--write-results") == 0
    out = capsys.readouterr()
    for expected in (
        "documented  top1 71.878 %",
        "fp32        top1 78.3",
        "int8        top1 7",
        "not measured: top1",
        "conforms: int8_top1_loss",
        "blame: unknown",
        "answers that changed: ",
    ):
        assert expected in out.out
    files = [
        line.folder / f"out/mobilenet_v2-torchvision-mobilenetv2-{one}.txt"
        for one in ("fp32", "int8")
    ]
    paired = ("--from-results", str(files[1]), "--reference", str(files[0]), "--margin", "2")
    assert command(line, *paired) == 0
    told = capsys.readouterr().out
    assert "fp32        top1 78.3" in told
    assert "by names" not in told
    names = line.folder / "names.txt"  # under which the files above have the classes
    names.write_text("\n".join(read_synsets()))
    assert command(line, *paired, "--class-names", str(names)) == 0
    assert "fp32 as the vendor counts, by names: top1 78.3" in capsys.readouterr().out
    names.write_text("\n".join(f"class {one}" for one in range(1000)))
    assert command(line, *paired, "--class-names", str(names)) == 0
    assert "fp32 as the vendor counts, by names: top1 0.000 %" in capsys.readouterr().out


def test_a_narrow_margin_is_inconclusive(line: Line, measured: tuple[str, ...]) -> None:
    assert command(line, *measured, "--margin", "0.1", "--images", "100") == 3


def test_embedded_scenes_are_no_calibration_for_photographs(
    line: Line, measured: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    place = measured.index("--calibration")
    scenes = measured[:place] + measured[place + 3 :]
    assert command(line, *scenes, "--margin", "2", "--until-decided") == 3
    assert "int8 accuracy needs photographs to calibrate on" in capsys.readouterr().out


def test_shards_are_merged_by_the_command(
    line: Line, measured: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    some = ("--images", "60", "--precision", "fp32")
    for shard in ("1/2", "2/2"):
        assert command(line, *measured, *some, "--shard", shard) == 0
    told = capsys.readouterr().out.splitlines()
    folders = tuple(text.split(" in ")[1] for text in told if text.startswith("  shard"))
    for _ in ("once", "and as the command that repeats it"):
        status = command(line, "--images", "60", rows=("merge", *folders))
        assert status == 3  # no claim is measured
    whole = line.answers(TORCHVISION, "fp32", count=60)["fp32"]
    assert len(folders) == 2
    assert [open_results(Path(one)).identity.shard.of for one in folders] == [2, 2]
    assert f"top1 {100 * whole.hit1.mean():.2f} %" in capsys.readouterr().out
