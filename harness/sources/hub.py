"""Published weights by each library's own download, into that library's own cache."""

from __future__ import annotations

import importlib
import os
from pathlib import Path

from harness.errors import MissingSource, MissingWeights
from harness.expected.variants import Variant


def download(variant: Variant) -> Path:
    """Fetch the published file of a variant, or find it in the cache.

    Raises:
        MissingSource: the library is not installed or does not know the model.
        MissingWeights: the file cannot be fetched.
    """
    try:
        if variant.source == "timm":
            return _from_hugging_face(variant)
        return _from_url(url_of(variant), variant)
    except ImportError as error:
        raise MissingSource(f"{variant.row}: {error}") from error
    except OSError as error:  # every download library's errors are OSErrors
        raise MissingWeights(
            f"{variant.row}: {variant.weights} cannot be fetched: {error}"
        ) from error


def url_of(variant: Variant) -> str:
    """Where the source library says that its published weights are.

    Raises:
        MissingSource: it publishes none for this model.
    """
    if variant.source == "torchvision":
        import torchvision.models

        name, _, member = variant.model.partition(":")
        return str(torchvision.models.get_model_weights(name)[member].url)
    if variant.source == "mmcls":
        from mmpretrain.apis import ModelHub

        return str(ModelHub.get(variant.model).weights)
    if variant.source == "ppcls":
        from harness.sources.ppcls.networks import architectures

        module, _, name = variant.model.partition(".")
        urls = architectures(module).MODEL_URLS
        if name in urls:
            # Other weights of the class lie beside these: distilled ones, for one, with _ssld.
            return f"{str(urls[name]).rpartition('/')[0]}/{variant.weights}"
    raise MissingSource(f"{variant.row}: {variant.source} publishes no weights for {variant.model}")


def _from_hugging_face(variant: Variant) -> Path:
    timm = importlib.import_module("timm")
    hub = importlib.import_module("huggingface_hub")
    config = timm.get_pretrained_cfg(variant.model)
    return Path(hub.hf_hub_download(config.hf_hub_id, "model.safetensors"))


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
