"""Accuracy from results, by class id: the right class is the image's folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from harness.accuracy.vendor_results.files import Result
from harness.errors import MeasureError
from harness.judging.postprocessing.hits import Hits, count_hits


def true_class(image: str, synsets: Mapping[str, int], *, case: str = "") -> int:
    """The class id of the folder that an image lies in.

    Raises:
        MeasureError: the folder is no synset of the list.
    """
    wnid = PurePosixPath(image).parent.name
    if wnid not in synsets:
        raise MeasureError(
            f"{image!r} lies in the folder {wnid!r}, expected one of {len(synsets)} synsets such "
            f"as {next(iter(synsets), 'n01440764')}",
            case=case,
        )
    return synsets[wnid]


def count_by_id(results: Sequence[Result], synsets: Mapping[str, int], *, case: str = "") -> Hits:
    """top-1 and top-k by class id.

    Args:
        results: see :func:`harness.accuracy.vendor_results.files.read_results`.
        synsets: see :func:`harness.accuracy.vendor_results.lists.read_synsets`.
        case: named in the error.

    Raises:
        MeasureError: there is no result, an image's folder is no synset, a class id is none of
            the list, or images have different numbers of guesses.
    """
    truth = [true_class(result.image, synsets, case=case) for result in results]
    ranked = [[guess.class_id for guess in result.guesses] for result in results]
    for result, ids in zip(results, ranked, strict=True):
        if len(ids) != len(ranked[0]):
            raise MeasureError(
                f"{result.image!r} has {len(ids)} classes, the first image {len(ranked[0])}",
                case=case,
            )
        if max(ids, default=-1) >= len(synsets):
            raise MeasureError(
                f"{result.image!r} has class {max(ids)}, the synset list ends at "
                f"{len(synsets) - 1}",
                case=case,
            )
    if not results:
        raise MeasureError("there is no result to count", case=case)
    return count_hits(ranked, truth, case=case)
