"""A pipeline gives the same in every process: what is made elsewhere is held against here."""

from __future__ import annotations

from collections.abc import Sequence

from harness.errors import NonConformance
from harness.images.pipelines import Floats, ImagePipeline, Levels, Run, load


def made(pipeline: str, images: Sequence[Levels]) -> list[Floats]:
    """The tensors of images under a pipeline. To be called in the other process."""
    run = load(pipeline)
    return [run(image) for image in images]


def require_same(
    run: Run, pipeline: ImagePipeline, images: Sequence[Levels], elsewhere: Sequence[Floats]
) -> None:
    """The tensors that another process gave are this process's, to the last bit.

    Raises:
        NonConformance: one differs; its image and by how much are named.
    """
    for image, theirs in zip(images, elsewhere, strict=True):
        ours = run(image)
        if theirs.dtype != ours.dtype or theirs.shape != ours.shape:
            what = f"{theirs.dtype} {theirs.shape}, here {ours.dtype} {ours.shape}"
        elif theirs.tobytes() != ours.tobytes():
            what = f"values that differ by up to {float(abs(theirs - ours).max()):g}"
        else:
            continue
        raise NonConformance(
            f"{pipeline.id} gives another process {what} "
            f"[image of {image.shape[0]}×{image.shape[1]}]"
        )
