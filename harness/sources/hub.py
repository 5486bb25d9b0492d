"""Published weights by each library's own download, into that library's own cache."""

from __future__ import annotations

import importlib
import os
from pathlib import Path

from harness.errors import MissingSource, MissingWeights
from harness.expected.variants import Variant
from harness.runtime import entry_points
from harness.sources import source


def download(variant: Variant) -> Path:
    """Fetch the published file of a variant, or find it in the cache.

    Raises:
        MissingSource: the library is not installed or does not know the model.
        MissingWeights: the file cannot be fetched.
    """
    try:
        found = located(variant)
        return found if isinstance(found, Path) else _from_url(found, variant)
    except ImportError as error:
        raise MissingSource(f"{variant.row}: {error}") from error
    except OSError as error:  # every download library's errors are OSErrors
        raise MissingWeights(
            f"{variant.row}: {variant.weights} cannot be fetched: {error}"
        ) from error


def located(variant: Variant) -> str | Path:
    """Where the source library says that its published weights are, or the file it has fetched.

    Raises:
        MissingSource: it publishes none for this model.
    """
    target = source(variant.source).weights
    found: str | Path | None = entry_points.load(target)(variant) if target else None
    if found is None:
        raise MissingSource(
            f"{variant.row}: {variant.source} publishes no weights for {variant.model}"
        )
    return found


def _from_url(url: str, variant: Variant) -> Path:
    """Into torch's cache, under the published name, complete or not at all."""
    hub = importlib.import_module("torch.hub")
    folder = Path(hub.get_dir()) / "checkpoints"
    path = folder / variant.weights
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        partial = folder / f".{variant.weights}.{os.getpid()}"
        try:
            hub.download_url_to_file(url, str(partial), progress=False)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    return path
