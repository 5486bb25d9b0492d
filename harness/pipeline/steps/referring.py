"""What the source framework itself computes, which exports are held against."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.pipeline.steps.networks import (
    Floats,
    NetworkSpec,
    load,
    network,
    reference_of,
)
from harness.sources import Network, adapter
from harness.sources.resnexts import resnext_named


def reference(folder: Path, spec: NetworkSpec, count: int) -> Mapping[str, Any]:
    """Run the network in its own framework on ``count`` images, and in float64 on the first."""
    probes = load(spec.images.evaluation)[:count]
    built = network(spec)
    np.save(folder / "logits.npy", adapter(spec.variant.source).logits(built, probes))
    np.save(folder / "logits64.npy", _double(built, spec, probes[:1]))
    return {"weights": spec.weights.identity, "framework": built.framework}


def _double(built: Network, spec: NetworkSpec, probes: Floats) -> npt.NDArray[np.float64]:
    """The logits in float64: for a Paddle network by torch, where it has a reference network."""
    from harness.sources import seeded, torch_networks

    if built.framework == "torch":
        return torch_networks.logits64(built, probes)
    if resnext_named(spec.variant.network) is None:
        from harness.sources.ppcls import networks as ppcls

        build = adapter(spec.variant.source).build
        again = partial(build, spec.variant.model, input_size=spec.size, weightless=False)
        return ppcls.logits64(built, probes, again=again)
    if spec.weights.kind == "seeded":
        reference = reference_of(spec)
    else:
        reference = seeded.reference_like(spec.variant.network, built)
    return torch_networks.logits64(
        Network("torch", reference, reference, built.input_shape), probes
    )
