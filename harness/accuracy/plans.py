"""What the command ``accuracy`` does: measure, merge or read answers, judge and print."""

from __future__ import annotations

import argparse
import shlex
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from harness.accuracy.flip_table import write_flips
from harness.accuracy.folder import open_results
from harness.accuracy.images import LabelledImages, labelled_by, read_images
from harness.accuracy.judging import Judgement
from harness.accuracy.measuring import EvaluationPlan
from harness.accuracy.merging import merge_folders
from harness.accuracy.order import parse_shard
from harness.accuracy.predictions import Predictions
from harness.accuracy.rows import (
    Allowed,
    accuracy_claims,
    calibrate_on,
    judge_row,
    measure_row,
    preprocessor_of,
)
from harness.accuracy.vendor_files import read_vendor_file, write_vendor_file
from harness.accuracy.vendor_results.lists import read_labels
from harness.accuracy.vendor_results.vendor_rule import count_by_name
from harness.accuracy.wording import report
from harness.errors import HarnessError, MeasureError, StageError, Unavailable
from harness.images.datasets import open_dataset, read_manifest, read_synsets, require_disjoint
from harness.pipeline.building import Settings
from harness.pipeline.catalogue import Catalogue, DocumentedModel, read_catalogue
from harness.pipeline.pipeline import Pipeline
from harness.records import Outcome
from harness.runtime import option_types

CONFORMS: Final = 0
DOES_NOT_CONFORM: Final = 1
INCONCLUSIVE: Final = 3  # 2 is bad input, as everywhere
STATUS: Final = {Outcome.CONFORMS: CONFORMS, Outcome.DOES_NOT_CONFORM: DOES_NOT_CONFORM}
PRECISIONS: Final = ("fp32", "int8")
MERGE: Final = "merge"


def answer(arguments: argparse.Namespace) -> int:
    """Do what is asked; the worst exit status of the rows, see the command."""
    catalogue = read_catalogue(arguments.expected)
    if arguments.row[0] == MERGE:
        statuses = _merge(catalogue, arguments)
    elif arguments.from_results is not None:
        statuses = [_from_results(catalogue, arguments)]
    else:
        statuses = _measure(catalogue, arguments)
    return max(statuses, key=(CONFORMS, INCONCLUSIVE, DOES_NOT_CONFORM).index)


def _measure(catalogue: Catalogue, arguments: argparse.Namespace) -> list[int]:
    if arguments.imagenet is None or arguments.weights is None:
        raise HarnessError("--imagenet DIR and --weights DIR|hub are needed")
    models = [one for one in catalogue.select(arguments.row) if one.complexity is not None]
    if not models:
        raise HarnessError(f"{', '.join(arguments.row)}: the page documents no accuracy there")
    images = _images(arguments)
    build = arguments.build_config or arguments.expected / "build" / "embedded.yaml"
    pipeline = Pipeline(Settings(build, store=arguments.store, weights=arguments.weights))
    try:
        if arguments.calibration is not None:
            manifest, root = arguments.calibration
            require_disjoint(read_manifest(manifest, root=root), images.images)
        return [_row(one, images, pipeline, arguments) for one in models]
    finally:
        pipeline.worker.close()


def _images(arguments: argparse.Namespace) -> LabelledImages:
    synsets = read_synsets(arguments.synsets)
    if arguments.labels is not None:
        dataset = labelled_by(arguments.labels, arguments.imagenet, classes=len(synsets))
    else:
        dataset = open_dataset(arguments.imagenet, synsets=synsets)
    return read_images(dataset, threads=arguments.workers)


def _row(
    model: DocumentedModel,
    images: LabelledImages,
    pipeline: Pipeline,
    arguments: argparse.Namespace,
) -> int:
    """Measure and judge one row; what keeps it from being measured does not keep the others."""
    margin = Allowed(arguments.margin, arguments.acceptable).of(model.row)
    precisions = tuple(arguments.precision or PRECISIONS)
    if arguments.until_decided and set(precisions) != set(PRECISIONS):
        raise HarnessError("--until-decided compares int8 with fp32 and needs both")
    plan = EvaluationPlan(
        images,
        arguments.out,
        count=arguments.images,
        until=margin if arguments.until_decided else None,
        seed=arguments.seed,
        shard=parse_shard(arguments.shard),
        cache=None if arguments.no_cache else pipeline.store.root / "tensors",
        workers=arguments.workers,
    )
    preprocessor = preprocessor_of(model, asked=arguments.pipeline)
    print(f"{model.id}  {preprocessor.name}, seed {plan.seed}", flush=True)
    try:
        if arguments.calibration is not None:
            manifest, root = arguments.calibration
            calibration = read_manifest(manifest, root=root)
            calibrate_on(pipeline, calibration, preprocessor, workers=plan.workers)
        answers = measure_row(
            pipeline, model, precisions, preprocessor, plan, threads=arguments.threads
        )
    except Unavailable as reason:
        print(f"  {Outcome.NOT_MEASURED}: {reason}")
        return INCONCLUSIVE
    except StageError as failure:
        print(f"  {failure.repeated_by(_command(arguments, model))}")
        return DOES_NOT_CONFORM
    if not plan.shard.is_all:
        for one in answers.values():
            print(f"  shard {plan.shard}: {len(one)} answers in {plan.root / one.identity.digest}")
        return CONFORMS
    return _judge(model, answers, arguments)


def _merge(catalogue: Catalogue, arguments: argparse.Namespace) -> list[int]:
    """Merge folders by row and precision, and judge each row."""
    folders: dict[str, dict[str, list[Path]]] = defaultdict(lambda: defaultdict(list))
    for folder in map(Path, arguments.row[1:]):
        identity = open_results(folder).identity
        if not identity.shard.is_all:
            folders[identity.row][identity.precision].append(folder)
    if not folders:
        raise HarnessError("there are no shards to merge")
    statuses = []
    for row, halves in folders.items():
        model = catalogue.one(row)
        print(model.id)
        answers = {}
        for precision, parts in halves.items():
            merged = open_results(merge_folders(parts, arguments.out, images=arguments.images))
            answers[precision] = merged.first(arguments.images or merged.identity.images)
        statuses.append(_judge(model, answers, arguments))
    return statuses


def _from_results(catalogue: Catalogue, arguments: argparse.Namespace) -> int:
    """Judge a device's result file, paired with fp32's where there is one."""
    model = catalogue.one(arguments.row[0])
    synsets = {synset: place for place, synset in enumerate(read_synsets(arguments.synsets))}
    asked = arguments.precision or ["int8"]
    files = {asked[0]: arguments.from_results}
    if arguments.reference is not None:
        files |= {"fp32": arguments.reference, "int8": arguments.from_results}
    answers = {
        precision: read_vendor_file(path, row=model.id, precision=precision, synsets=synsets)
        for precision, path in files.items()
    }
    print(model.id)
    if arguments.class_names is not None:
        names = dict(zip(synsets, read_labels(arguments.class_names), strict=False))
        for precision, path in files.items():
            print(f"  {precision} as the vendor counts, by names: {_by_name(path, names)}")
    return _judge(model, answers, arguments)


def _by_name(path: Path, names: Mapping[str, str]) -> str:
    """The vendor's own count of a result file, or why its program would end."""
    try:
        top1, top5 = count_by_name(path, names).measurements()
    except MeasureError as error:
        return str(error)
    return f"top1 {top1.value:.3f} %, top5 {top5.value:.3f} %"


def _judge(
    model: DocumentedModel, answers: dict[str, Predictions], arguments: argparse.Namespace
) -> int:
    """Judge, print, and write what is asked for."""
    margin = Allowed(arguments.margin, arguments.acceptable).of(model.row)
    until = arguments.until_decided
    judgement = judge_row(model, answers, margin, until=until)
    print(report(judgement, accuracy_claims(model.row)))
    _write(model, answers, judgement, arguments)
    if judgement.outcome is not Outcome.CONFORMS:
        print(f"  {model.where}\n  repeat: {_command(arguments, model)}")
    if arguments.labels_only:
        believed = judgement.disbelief is None
        print(f"  labels: {'nothing in the answers speaks against them' * believed or 'see above'}")
        return CONFORMS if judgement.disbelief is None else DOES_NOT_CONFORM
    print(f"  {judgement.outcome}", flush=True)
    return STATUS.get(judgement.outcome, INCONCLUSIVE)


def _write(
    model: DocumentedModel,
    answers: dict[str, Predictions],
    judgement: Judgement,
    arguments: argparse.Namespace,
) -> None:
    try:
        arguments.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise HarnessError(f"cannot write {arguments.out}: {error.strerror or error}") from error
    if judgement.paired is not None:
        path = arguments.out / f"{model.slug}.flips.parquet"
        write_flips(path, judgement.flips)
        print(f"  all answers that changed: {path}")
    if not arguments.write_results:
        return
    synsets = read_synsets(arguments.synsets)
    names = read_labels(arguments.class_names) if arguments.class_names else synsets
    for precision, one in answers.items():
        path = arguments.out / f"{model.slug}-{precision}.txt"
        write_vendor_file(path, one, synsets=synsets, labels=names)
        print(f"  {path}")


def _command(arguments: argparse.Namespace, model: DocumentedModel) -> str:
    """What repeats one row, with every option that was given; of a merge, all that is merged."""
    merged = arguments.row if arguments.row[0] == MERGE else [model.id]
    found = ["python", "-m", "harness", "accuracy", *merged]
    for action in arguments.options:
        if action.option_strings and hasattr(arguments, action.dest):
            value, together = getattr(arguments, action.dest), action.nargs is not None
            name = action.option_strings[-1]
            found += option_types.words(name, value, default=action.default, together=together)
    return shlex.join(found)
