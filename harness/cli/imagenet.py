"""``imagenet``: prepare and check a data set, choose a calibration set, pack images for devices."""

from __future__ import annotations

import argparse
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.progress import Progress

from harness.errors import Unavailable
from harness.images.datasets.calibration import choose, require_disjoint
from harness.images.datasets.checking import check
from harness.images.datasets.content import sha256_of
from harness.images.datasets.faults import FaultKind
from harness.images.datasets.imagenet import CLASSES, is_official
from harness.images.datasets.labels import read_synsets
from harness.images.datasets.layouts import open_dataset
from harness.images.datasets.manifest import read_manifest, write_manifest
from harness.images.datasets.preparing import prepare

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

OK: Final = 0
FAULTY: Final = 1


def add_parser(subparsers: Subparsers) -> None:
    """Add ``imagenet`` and its own subcommands to a command line."""
    parser = subparsers.add_parser("imagenet", help="data sets: prepare, check, calibration, npz")
    parser.set_defaults(run=run)
    actions = parser.add_subparsers(dest="action", required=True)
    _add_prepare(actions)
    _add_check(actions)
    _add_calibration(actions)
    _add_npz(actions)


def run(args: argparse.Namespace) -> int:
    """Do what the arguments of :func:`add_parser` say.

    Returns:
        1 where faults are found, 3 where the network that was asked for could not be run.

    Raises:
        HarnessError: a data set, list or manifest cannot be used, or something not be written.
    """
    synsets = read_synsets(args.synsets)
    match args.action:
        case "prepare":
            done = prepare(args.source, args.target, synsets=synsets, link=args.link)
            print(f"{args.target}: {done.made} files made, {done.kept} were there")
        case "check":
            return _check(args, synsets)
        case "calibration":
            _calibration(args, synsets)
        case "npz":
            _npz(args, synsets)
    return OK


def _check(args: argparse.Namespace, synsets: tuple[str, ...]) -> int:
    dataset, faults = check(
        args.root,
        synsets=synsets,
        subset=args.subset,
        decode=not args.headers,
        jobs=args.jobs or len(os.sched_getaffinity(0)),
    )
    for fault in faults:
        print(fault)
    counts = Counter(fault.kind for fault in faults)
    turned = counts.pop(FaultKind.TURNED, 0)  # ImageNet has some: no fault of a copy
    summary = ", ".join(f"{number} {kind}" for kind, number in counts.items())
    print(f"{len(dataset.images)} images, {dataset.gap or 'the validation set'}")
    print(f"faults: {summary or 'none'}{f'; EXIF turns {turned} of the images' * bool(turned)}")
    status = FAULTY if counts else OK
    unofficial = sum(not is_official(image.file) for image in dataset.images)
    if args.with_model is not None:
        if status == FAULTY:
            print(f"{args.with_model} is not asked before the faults are mended")
        return status or _with_model(args)
    if unofficial:
        print(
            f"the labels of {unofficial} images were not checked, since their names are none of "
            "the validation set: --with-model ROW --weights DIR looks at a sample"
        )
    return status


def _with_model(args: argparse.Namespace) -> int:
    """Labels against what a row's network answers in fp32, on a sample by class."""
    from harness.cli import accuracy

    parser = argparse.ArgumentParser()
    accuracy.add_parser(parser.add_subparsers())
    command = ["accuracy", args.with_model, f"--imagenet={args.root}", "--precision=fp32"]
    command += [f"--images={args.sample}", *([f"--weights={args.weights}"] if args.weights else [])]
    command += [
        f"--{name}={getattr(args, name)}" for name in ("store", "expected") if getattr(args, name)
    ]
    parsed = parser.parse_args(command)
    parsed.labels_only = True
    return accuracy.run(parsed)


def _calibration(args: argparse.Namespace, synsets: tuple[str, ...]) -> None:
    judged = []
    if args.apart_from is not None:
        judged = list(open_dataset(args.apart_from, synsets=synsets).images)
    if args.verify is not None:
        calibration = read_manifest(args.verify, root=args.root)
        require_disjoint(calibration, judged)
        print(f"{args.verify}: {len(calibration.images)} images as written, {calibration.digest}")
        return
    calibration = choose(
        open_dataset(args.root, synsets=synsets).images,
        count=args.count,
        seed=args.seed,
        synsets=synsets,
        excluding={sha256_of(image.path) for image in judged},
    )
    write_manifest(args.out, calibration)
    print(f"{args.out}: {len(calibration.images)} images of {len(synsets)} classes")


def _npz(args: argparse.Namespace, synsets: tuple[str, ...]) -> None:
    try:
        from harness.images.datasets.image2npz import image2npz
    except ImportError as error:
        raise Unavailable(f"images are decoded by OpenCV, as the vendor does: {error}") from error
    images = open_dataset(args.root, synsets=synsets).images
    with Progress(console=Console(stderr=True), disable=not os.isatty(2)) as progress:
        task = progress.add_task("npz", total=len(images))
        image2npz(
            images,
            args.target,
            args.datalist,
            synsets=synsets,
            on_file=lambda _: progress.advance(task),
        )
    print(f"{args.datalist}: {len(images)} files")


def _add_prepare(actions: Subparsers) -> None:
    text = "make folders per synset from val/ and val_label.txt; removes and overwrites nothing"
    parser = actions.add_parser("prepare", help=text, description=text)
    parser.add_argument("source", type=Path, metavar="SRC")
    parser.add_argument("target", type=Path, metavar="DST")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--copy", action="store_true", help="copy the files (default)")
    how.add_argument("--link", action="store_true", help="hard links, on one file system")
    _add_synsets(parser)


def _add_check(actions: Subparsers) -> None:
    text = "name everything that is wrong with a data set; exit 1 if anything is"
    parser = actions.add_parser("check", help=text, description=text)
    parser.add_argument("root", type=Path, metavar="ROOT")
    parser.add_argument("--subset", action="store_true", help="need not be the validation set")
    parser.add_argument("--headers", action="store_true", help="do not decode; misses cut files")
    parser.add_argument("--jobs", type=_count, metavar="N", help="threads; default: one a core")
    parser.add_argument(
        "--with-model", metavar="ROW", help="hold a sample of labels against a row's network"
    )
    parser.add_argument("--weights", metavar="DIR|hub", help="of --with-model")
    parser.add_argument(
        "--sample", type=_count, default=100, metavar="N", help="images; default: %(default)s"
    )
    parser.add_argument("--store", type=Path, metavar="DIR", help="of --with-model")
    parser.add_argument("--expected", type=Path, help=argparse.SUPPRESS)
    _add_synsets(parser)


def _add_calibration(actions: Subparsers) -> None:
    text = "choose images so that every class is covered, or hold a choice against the files"
    parser = actions.add_parser("calibration", help=text, description=text)
    parser.add_argument("root", type=Path, metavar="ROOT")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--out", type=Path, metavar="FILE", help="manifest to write")
    what.add_argument("--verify", type=Path, metavar="FILE", help="manifest to check")
    parser.add_argument(
        "--count", type=_count, default=CLASSES, metavar="N", help="default: %(default)s"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="default: %(default)s")
    parser.add_argument(
        "--apart-from", type=Path, metavar="ROOT", help="data set none of whose images may be in it"
    )
    _add_synsets(parser)


def _add_npz(actions: Subparsers) -> None:
    text = "decode every image into <synset>/<stem>.npz, three bytes a pixel, and list them"
    parser = actions.add_parser("npz", help=text, description=text)
    parser.add_argument("root", type=Path, metavar="ROOT")
    parser.add_argument("target", type=Path, metavar="DIR")
    parser.add_argument("--datalist", type=Path, default=Path("npz_datalist.txt"), metavar="FILE")
    _add_synsets(parser)


def _add_synsets(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--synsets", type=Path, metavar="FILE", help="in class order; default: timm's list of 1000"
    )


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not int(text):
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, got {text!r}")
    return int(text)
