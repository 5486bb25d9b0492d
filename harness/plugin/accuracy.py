"""The accuracy of rows on labelled images, measured once for all cases of a row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.backends.backend import Precision
from harness.backends.registry import BACKENDS, EMBEDDED, backend
from harness.errors import HarnessError, MissingDataset, MissingWeights, Unavailable
from harness.pipeline.catalogue import DocumentedModel
from harness.pipeline.pipeline import Pipeline
from harness.records import Claim, Outcome, Verdict
from harness.reporting.results import ChangedImage
from harness.runtime.option_types import count, points

if TYPE_CHECKING:  # pyarrow and SciPy: collecting cases does not wait for them
    from harness.accuracy.images import LabelledImages
    from harness.accuracy.judging import Half, Judgement
    from harness.accuracy.measuring import ModelFile
    from harness.accuracy.predictions import Predictions
    from harness.plugin.collection import Case

OPTIONS = pytest.StashKey["AccuracyOptions"]()
RESULTS = Path(".zoo") / "accuracy"
PRECISIONS: tuple[Precision, ...] = ("fp32", "int8")
AnswersOf = tuple[str, str]
"""A precision, and the backend that runs in it."""

FLOAT_HALF: AnswersOf = ("fp32", EMBEDDED)
SHOWN_FLIPS = 5  # in a failure; a file has all
SHOWN_IMAGES = 12  # of those lost, and of those gained, on the page of a run
SECONDS_AN_IMAGE = 30.0  # of each model, after which an evaluation is taken to hang


@dataclass(frozen=True, slots=True)
class AccuracyOptions:
    """On which images accuracy is measured, and when it is enough.

    Attributes:
        imagenet: the data set, in either layout; None: accuracy is not measured.
        images: so many of them, drawn by class; None for all.
        until_decided: stop when int8 against fp32 is decided.
        margin: points that int8 may lose; None for MLPerf's 1 % of the documented accuracy.
        acceptable: points that must not be flagged.
        shard: part K of N, as ``K/N``, which is measured and not judged.
        pipeline: in place of the rows' own, a pipeline's id or a build config.
        calibration: a manifest of photographs and their data set, or None for embedded scenes.
        run_time: a folder of the zoo's run-time files, by which a device that can prepares whole
            images; None: they are prepared here, as the claim says.
    """

    imagenet: Path | None = None
    labels: Path | None = None
    images: int | None = None
    until_decided: bool = False
    margin: Decimal | None = None
    acceptable: Decimal = Decimal(0)
    seed: int = 0
    shard: str = "1/1"
    pipeline: str | None = None
    calibration: tuple[Path, Path] | None = None
    run_time: Path | None = None
    results: Path = RESULTS


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options."""
    group = parser.getgroup("zoo accuracy", "accuracy on labelled images, with --weights")
    group.addoption("--imagenet", metavar="DIR", help="the validation set, in either layout")
    group.addoption("--labels", metavar="FILE", help="a label list elsewhere")
    group.addoption("--images", type=count, metavar="N", help="only so many, by class")
    group.addoption(
        "--until-decided", action="store_true", help="only until int8 against fp32 is decided"
    )
    group.addoption(
        "--margin",
        type=points,
        metavar="POINTS",
        help="what int8 may lose; default: 1 %% of the documented top-1",
    )
    group.addoption(
        "--acceptable",
        type=points,
        default=Decimal(0),
        metavar="POINTS",
        help="a loss that must not be flagged; default: 0",
    )
    group.addoption("--image-seed", type=int, default=0, metavar="N", help="of the images' order")
    group.addoption("--shard", default="1/1", metavar="K/N", help="only this part; merge later")
    group.addoption("--pipeline", metavar="ID|YAML", help="in place of the rows' own")
    group.addoption(
        "--calibration",
        metavar="MANIFEST",
        help="photographs to calibrate int8 on; default: embedded scenes",
    )
    group.addoption("--calibration-images", metavar="DIR", help="where those photographs lie")
    group.addoption(
        "--vdsp-params",
        metavar="DIR",
        help="the zoo's run-time files, <source>-<model>-vdsp_params.json: the vendor's device "
        "prepares the images by them; default: as the claim says, before the device",
    )
    group.addoption("--results", metavar="DIR", help=f"where answers are kept; default: {RESULTS}")


OF_THE_DEVICE = "documented of the vendor's device in int8, which --backend has to name"
"""Why the embedded backend, which stands in for a compiler, measures no such accuracy."""


def read_options(config: pytest.Config) -> AccuracyOptions:
    """What was asked for.

    Raises:
        MissingDataset: ``--imagenet`` names no folder.
        HarnessError: options do not go together, or the shard is none.
    """
    option = config.getoption
    imagenet = Path(option("--imagenet")) if option("--imagenet") else None
    if imagenet is not None and not imagenet.is_dir():
        raise MissingDataset(f"--imagenet {imagenet}: no such folder")
    if imagenet is not None and option("--weights") is None:
        raise MissingWeights("--imagenet needs --weights: seeded weights have no accuracy")
    if option("--until-decided") and (option("--images") or option("--shard") != "1/1"):
        raise HarnessError("--until-decided takes neither --images nor --shard")
    if option("--shard") != "1/1":
        from harness.accuracy.order import parse_shard

        parse_shard(option("--shard"))
    calibration = option("--calibration"), option("--calibration-images")
    if any(calibration) and not all(calibration):
        raise HarnessError("--calibration MANIFEST and --calibration-images DIR go together")
    run_time = Path(option("--vdsp-params")) if option("--vdsp-params") else None
    if run_time is not None and not run_time.is_dir():
        raise HarnessError(f"--vdsp-params {run_time}: no such folder")
    if run_time is not None and not _resizing(option("--backend") or ()):
        able = " or ".join(_resizing(BACKENDS))
        raise HarnessError(f"--vdsp-params is for a device that resizes: add --backend {able}")
    if run_time is not None and option("--until-decided"):
        raise HarnessError("--until-decided needs the same tensors for both: no --vdsp-params")
    if run_time is not None and imagenet is None:
        raise HarnessError("--vdsp-params is for accuracy: add --imagenet DIR")
    return AccuracyOptions(
        imagenet,
        Path(option("--labels")) if option("--labels") else None,
        option("--images"),
        option("--until-decided"),
        option("--margin"),
        option("--acceptable"),
        option("--image-seed"),
        option("--shard"),
        option("--pipeline"),
        (Path(calibration[0]), Path(calibration[1])) if all(calibration) else None,
        run_time,
        Path(option("--results") or RESULTS),
    )


@dataclass
class Accuracies:
    """Measures each row once in each precision, and keeps its answers.

    ``cases``: those that were selected, by test id, in the order of the run.
    """

    options: AccuracyOptions
    pipeline: Pipeline
    cases: Mapping[str, Case] = field(default_factory=dict)
    _answers: dict[tuple[str, ...], dict[str, Predictions]] = field(default_factory=dict)

    def judge(
        self,
        model: DocumentedModel,
        *precisions: Precision,
        backend: str,
        in_int8: tuple[Claim, ...] = (),
    ) -> Judgement:
        """Hold the answers of these precisions against the claims, and against each other.

        fp32 is the embedded backend's, the others are this backend's. ``in_int8``: claims of what
        the device does in int8.

        Raises:
            Unavailable: no data set, no weights, or only a shard of the images is asked for.
            StageError: a step failed.
        """
        answers = self._measured(model, backend, precisions)
        from harness.accuracy.rows import Allowed, judge_row

        margin = Allowed(self.options.margin, self.options.acceptable).of(model.row)
        until = self.options.until_decided
        chosen: dict[str, Predictions] = {one: answers[one] for one in precisions}
        return judge_row(model, chosen, margin, until=until, in_int8=in_int8)

    def judge_claim(
        self,
        model: DocumentedModel,
        claim: Claim,
        precision: Precision,
        *,
        backend: str,
        case: str,
    ) -> tuple[Verdict, tuple[Half, ...]]:
        """A documented accuracy, and what was measured; not measured where something is missing.

        ``case``: the id of the test that asks. Of the cases that rest on answers which are not
        believed, the first that was selected says so; the others are not measured.

        Raises:
            StageError: a step failed.
        """
        in_int8 = (claim,) * (claim.metric is not claim.metric.in_float)
        if in_int8 and backend == EMBEDDED:
            return Verdict(Outcome.NOT_MEASURED, OF_THE_DEVICE), ()
        try:
            judgement = self.judge(model, precision, backend=backend, in_int8=in_int8)
        except Unavailable as reason:
            return Verdict(Outcome.NOT_MEASURED, str(reason)), ()
        from harness.accuracy.rows import accuracy_claims

        claims = (*accuracy_claims(model.row), *in_int8)
        verdict = judgement.claims[claims.index(claim)]
        if judgement.disbelief is not None:
            half: AnswersOf = (precision, backend if precision != "fp32" else EMBEDDED)
            verdict = self._disbelieved(model, half, judgement.disbelief, case)
        return verdict, judgement.halves

    def judge_pair(
        self, model: DocumentedModel, *, backend: str, case: str
    ) -> tuple[Verdict, Judgement]:
        """int8 against fp32, or whose fault it is; with the images whose answer changed.

        Raises:
            Unavailable, StageError: see :meth:`judge`.
        """
        judgement = self.judge(model, "fp32", "int8", backend=backend)
        verdict = judgement.paired_or_blame
        if judgement.disbelief is not None:
            verdict = self._disbelieved(model, FLOAT_HALF, judgement.disbelief, case)
        return self._with_flips(verdict, model, judgement), judgement

    def changed(self, judgement: Judgement) -> list[ChangedImage]:
        """Images that were lost and gained, as many of each as a page shows."""
        from harness.judging.accuracy.flips import Turn

        paths = {image.name: str(image.path.absolute()) for image in self.images.images}
        return [
            ChangedImage(paths[flip.image], str(flip))
            for turn in (Turn.LOST, Turn.GAINED)
            for flip in [one for one in judgement.flips if one.first is turn][:SHOWN_IMAGES]
        ]

    def _disbelieved(
        self, model: DocumentedModel, half: AnswersOf, found: Verdict, case: str
    ) -> Verdict:
        """What a case says that rests on a half which is not believed: one fault, one failure."""
        told = Verdict(Outcome.NOT_MEASURED, f"not believed: {found.headline}")
        resting = {name: halves_of(one) for name, one in self.cases.items() if one.model is model}
        if half != FLOAT_HALF and any(FLOAT_HALF in halves for halves in resting.values()):
            floats = self.judge(model, "fp32", backend=EMBEDDED)
            if floats.disbelief is not None:
                return told  # the fault is not this half's alone
        first = next((name for name, halves in resting.items() if half in halves), case)
        return found if case == first else told

    def _with_flips(
        self, verdict: Verdict, model: DocumentedModel, judgement: Judgement
    ) -> Verdict:
        """The verdict with the first images whose answer changed; all are written to a file."""
        from harness.accuracy.flip_table import write_flips

        path = self.options.results / f"{model.slug}.flips.parquet"
        write_flips(path, judgement.flips)
        told = f"answers that changed: {len(judgement.flips)}, all of them in {path}"
        first = [str(flip) for flip in judgement.flips[:SHOWN_FLIPS]]
        return replace(verdict, details=(*verdict.details, told, *first))

    def _measured(
        self, model: DocumentedModel, backend: str, precisions: tuple[Precision, ...]
    ) -> dict[str, Predictions]:
        if self.options.imagenet is None:
            weights = "" if self.pipeline.settings.weights else ", and published weights"
            raise MissingDataset(f"accuracy needs labelled images, --imagenet DIR{weights}")
        if self.options.until_decided and set(precisions) <= set(PRECISIONS):
            precisions = PRECISIONS  # what one of them answers depends on when both are decided
        asked = (model.id, backend, *precisions)
        if asked not in self._answers:
            self._answers[asked] = self._measure(model, backend, precisions)
        if self.options.shard != "1/1":
            raise MissingDataset(
                f"shard {self.options.shard} is measured; judged by: "
                f"python -m harness accuracy merge {self.options.results}/*/"
            )
        return self._answers[asked]

    def _measure(
        self, model: DocumentedModel, backend: str, precisions: tuple[Precision, ...]
    ) -> dict[str, Predictions]:
        from harness.accuracy.measuring import EvaluationPlan
        from harness.accuracy.order import parse_shard
        from harness.accuracy.rows import (
            EVALUATE,
            Allowed,
            calibrate_on,
            model_file,
            preprocessor_of,
        )
        from harness.images.datasets import read_manifest, require_disjoint

        options = self.options
        preprocessor = preprocessor_of(model, asked=options.pipeline)
        margin = Allowed(options.margin, options.acceptable).of(model.row)
        plan = EvaluationPlan(
            self.images,
            options.results,
            count=options.images,
            until=margin if options.until_decided and precisions == PRECISIONS else None,
            seed=options.seed,
            shard=parse_shard(options.shard),
            cache=self.pipeline.store.root / "tensors",
        )
        embedded = self.pipeline.images  # what the other stages go on with
        try:
            if options.calibration is not None:
                manifest, root = options.calibration
                calibration = read_manifest(manifest, root=root)
                require_disjoint(calibration, self.images.images)
                calibrate_on(self.pipeline, calibration, preprocessor, workers=1)
            where = {one: EMBEDDED if one == "fp32" else backend for one in precisions}
            found = {  # held till the end
                one: model_file(self.pipeline, model, one, where[one], run_times=options.run_time)
                for one in where
            }
        finally:
            self.pipeline.images = embedded
        models: dict[str, ModelFile] = {one: file for one, (_, file) in found.items()}
        answers: dict[str, Predictions] = self.pipeline.builder.run_apart(
            EVALUATE,
            model.variant,
            model.id,
            models,
            preprocessor,
            plan,
            seconds=SECONDS_AN_IMAGE * len(self.images) * len(models),
            needs=backend,
        )
        return answers

    @cached_property
    def images(self) -> LabelledImages:
        """The data set, every file hashed."""
        from harness.accuracy.images import labelled_by, read_images
        from harness.images.datasets import open_dataset, read_synsets

        assert self.options.imagenet is not None
        synsets = read_synsets(None)
        if self.options.labels is not None:
            labels, folder = self.options.labels, self.options.imagenet
            return read_images(labelled_by(labels, folder, classes=len(synsets)))
        return read_images(open_dataset(self.options.imagenet, synsets=synsets))


def halves_of(case: Case) -> tuple[AnswersOf, ...]:
    """The answers that the verdict of a case rests on first: of a pair, fp32's."""
    if case.metric is None or case.precision in ("fp32", ""):
        return (FLOAT_HALF,)
    return ((case.precision, case.backend or EMBEDDED),)


def _resizing(names: Iterable[str]) -> list[str]:
    """Those of these backends whose device prepares whole images."""
    return [name for name in names if backend(name).runner.resizes]


@pytest.fixture(scope="session")
def accuracies(request: pytest.FixtureRequest, pipeline: Pipeline) -> Accuracies:
    """The accuracy of rows."""
    from harness.plugin.collection import CASE  # which takes its options from here

    cases = {
        item.nodeid: case
        for item in request.session.items
        if item.get_closest_marker("accuracy")
        and (case := item.stash.get(CASE, None)) is not None
        and not case.inapplicable
    }
    return Accuracies(request.config.stash[OPTIONS], pipeline, cases)
