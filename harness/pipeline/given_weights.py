"""Which weights a row is given, and what may be judged on them."""

from __future__ import annotations

from pathlib import Path

from harness.errors import MissingWeights
from harness.expected.variants import Variant
from harness.pipeline.embedded import EmbeddedImages
from harness.pipeline.steps import Weights
from harness.sources.resnexts import resnext_named


def weights_of(
    variant: Variant, size: int, *, asked: str | None, images: EmbeddedImages
) -> Weights:
    """The weights of a row, for an input of this size.

    Args:
        asked: None for seeded ones, "hub", or a folder.
        images: what seeded ones are fitted to.

    Raises:
        MissingWeights: the folder has not got them.
        BuildError: the file is not what its name says.
    """
    if asked is None and resnext_named(variant.network) is not None:
        fitted_to = images.digest("statistics", images.own_size)
        return Weights("seeded", f"seeded:{variant.network}:{fitted_to}")
    if asked is None:
        fitted_to = images.digest("statistics", size)
        return Weights("layered", f"layered:{variant.network}:{fitted_to}")
    from harness.sources import hub, weights

    path = hub.download(variant) if asked == "hub" else weights.find(variant, Path(asked))
    weights.check_hash(path, variant)
    return Weights("file", f"file:{weights.digest(path)}", path)


def is_judgeable(variant: Variant, *, asked: str | None) -> bool:
    """Whether parity on a row's weights says something; seeded ones may be unlike trained ones."""
    return asked is not None or resnext_named(variant.network) is not None


def require_judgeable(variant: Variant, *, asked: str | None) -> None:
    """Refuse to judge parity on weights that say nothing about it.

    Raises:
        MissingWeights: the row has seeded weights that are not known to behave like trained ones.
    """
    if not is_judgeable(variant, asked=asked):
        raise MissingWeights(
            "parity needs published weights, --weights DIR: seeded ones are known to behave like "
            "trained ones in ResNeXts alone"
        )
