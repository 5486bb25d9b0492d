"""Seeded weights: what a network is given where its published weights are not at hand.

An int8 comparison says something only on weights that behave like trained ones. Library defaults
do not: zeroed last batch norms multiply every residual branch by nothing, and batch norms without
statistics let a deep network amplify every rounding. Here

- convolutions are drawn with He's variance, so that signals keep their size;
- batch-norm weights are log-normal, so that channels are of unequal strength, as trained ones are
  (it is what makes per-tensor quantization visibly worse than per-channel);
- the last batch norm of each residual branch is small, smaller in deeper networks, so that the
  identity path dominates, as it does after training;
- batch-norm statistics are those of synthetic scenes under these very weights;
- the readout is random, divided by each feature's standard deviation over the scenes, with the
  bias that centres it: logits differ between images, and many top-1 are decided narrowly.

All networks of one name are given the same tensors, drawn on one reference network of that name
(timm's ResNet), so that rows of different sources can be held against each other.

Source of He's variance: K. He et al., "Delving Deep into Rectifiers", ICCV 2015, eq. 10.
"""

from __future__ import annotations

import hashlib
import statistics
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from timm.models.resnet import Bottleneck, ResNet

from harness.errors import BuildError
from harness.sources.network import Floats, Network
from harness.sources.resnexts import resnext_named
from harness.sources.torch_networks import assign

VERSION = 1
"""Part of every key that depends on these weights; raised when they change."""

BRANCH_STRENGTH = 0.6  # last batch norm's weight times the square root of the number of blocks
CHANNEL_SPREAD = 0.25  # standard deviation of the logarithm of a batch norm's weights
CHANNEL_OFFSET = 0.2  # standard deviation of a batch norm's biases
READOUT_GAIN = 2.0  # standard deviation of the logits, about
READOUT_OFFSET = 0.1  # standard deviation of what the centring bias leaves

_LEVELS = 2**16  # distinct values of a drawn weight

READOUT = "fc"
Fitted = Mapping[str, npt.NDArray[Any]]


def _empty(network: str) -> ResNet:
    """The reference network of a name, without values.

    Raises:
        BuildError: there is none of that name.
    """
    architecture = resnext_named(network)
    if architecture is None:
        raise BuildError(f"no reference network {network!r}, expected one as resnext50_32x4d")
    block: Any = Bottleneck  # timm says it takes an instance; it takes the class
    with torch.device("meta"):
        return ResNet(
            block,
            architecture.blocks,
            cardinality=architecture.groups,
            base_width=architecture.width,
            stem_type="deep" if architecture.deep_stem else "",
            stem_width=32 if architecture.deep_stem else 64,
            avg_down=architecture.deep_stem,
        ).eval()


def fit(network: str, scenes: Floats) -> Fitted:
    """What the seeded weights of a reference network owe to scenes: statistics and the readout.

    ``scenes``: preprocessed images (n, 3, height, width), float32; at least two.

    The result, float32 tensors by name, depends on nothing else; in particular not on threads,
    which are set to one meanwhile.

    Raises:
        BuildError: no such network, or the scenes are too few to have statistics.
    """
    if len(scenes) < 2:
        raise BuildError(f"{len(scenes)} scenes cannot give statistics, at least two are needed")
    module, rng = _drawn(network)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            _fit(module, torch.from_numpy(scenes), rng)
    finally:
        torch.set_num_threads(threads)
    return {name: value for name, value in tensors(module) if _is_fitted(name)}


def seeded_network(network: str, fitted: Fitted) -> ResNet:
    """Give the reference network of that name its seeded weights: drawn ones, and what was fitted.

    ``fitted``: see :func:`fit`.

    Raises:
        BuildError: no such network, or the fitted tensors are another's.
    """
    module, _ = _drawn(network)
    shapes = {n: tuple(value.shape) for n, value in module.state_dict().items() if _is_fitted(n)}
    if shapes != {name: value.shape for name, value in fitted.items()}:
        raise BuildError(f"what was fitted is not of {network}: other names or shapes of tensors")
    owners = dict(module.named_modules())
    for name, value in fitted.items():
        layer, _, tensor = name.rpartition(".")
        kind = _parameter if layer == READOUT else torch.from_numpy
        setattr(owners[layer], tensor, kind(value))
    return module.eval().requires_grad_(False)


def _drawn(network: str) -> tuple[ResNet, np.random.Generator]:
    """A reference network with what is drawn, and the generator as that leaves it."""
    module = _empty(network)
    rng = generator(f"{VERSION}:{network}")
    blocks = sum(isinstance(layer, Bottleneck) for layer in module.modules())
    branch = BRANCH_STRENGTH / blocks**0.5
    for name, layer in module.named_modules():
        if isinstance(layer, torch.nn.Conv2d):
            fan_in = layer.weight[0].numel()
            layer.weight = _parameter(normal(rng, layer.weight.shape, scale=np.sqrt(2 / fan_in)))
        elif isinstance(layer, torch.nn.BatchNorm2d):
            _seed_batch_norm(layer, rng, scale=branch if name.endswith(".bn3") else 1.0)
    return module, rng


def _is_fitted(name: str) -> bool:
    return name.startswith(f"{READOUT}.") or "running_" in name


def tensors(module: torch.nn.Module) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    """The tensors that a result depends on, by name, in the order of definition; not copied."""
    for name, value in module.state_dict().items():
        if not name.endswith("num_batches_tracked"):
            yield name, value.numpy()


def generator(name: str) -> np.random.Generator:
    """Random numbers that depend on a name alone."""
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
    return np.random.Generator(np.random.PCG64(seed))


@cache
def _quantiles() -> npt.NDArray[np.float32]:
    """The standard normal distribution's quantiles at the middles of equal shares."""
    normal = statistics.NormalDist()
    shares = ((level + 0.5) / _LEVELS for level in range(_LEVELS))
    return np.fromiter((normal.inv_cdf(share) for share in shares), np.float32, _LEVELS)


def normal(
    rng: np.random.Generator, shape: tuple[int, ...], *, scale: float = 1.0
) -> npt.NDArray[np.float32]:
    """Normal float32 numbers, of 65536 distinct values: a third of the time of exact ones."""
    levels = rng.integers(0, _LEVELS, int(np.prod(shape)), dtype=np.uint16)
    values = (_quantiles() * np.float64(scale)).astype(np.float32)
    return values[levels].reshape(shape)


def _parameter(values: npt.NDArray[Any]) -> torch.nn.Parameter:
    return torch.nn.Parameter(torch.from_numpy(values.astype(np.float32, copy=False)), False)


def _seed_batch_norm(
    layer: torch.nn.BatchNorm2d, rng: np.random.Generator, *, scale: float
) -> None:
    channels = (layer.num_features,)
    layer.weight = _parameter(scale * np.exp(CHANNEL_SPREAD * normal(rng, channels)))
    layer.bias = _parameter(scale * CHANNEL_OFFSET * normal(rng, channels))
    layer.running_mean = torch.zeros(channels)
    layer.running_var = torch.ones(channels)
    layer.num_batches_tracked = torch.zeros((), dtype=torch.int64)
    layer.momentum = None  # the plain average over all that is seen


def _fit(module: ResNet, scenes: torch.Tensor, rng: np.random.Generator) -> None:
    """Take the batch-norm statistics, layer upon layer in one pass, then fit the readout."""
    for layer in module.modules():
        layer.training = isinstance(layer, torch.nn.BatchNorm2d)
    features = module.global_pool(module.forward_features(scenes)).numpy().astype(np.float64)
    module.eval()
    mean, deviation = features.mean(axis=0), features.std(axis=0)
    readout = module.fc
    weights = normal(rng, tuple(readout.weight.shape)) * (
        READOUT_GAIN / np.sqrt(readout.in_features) / (deviation + 1e-3 * deviation.mean())
    )
    offset = READOUT_OFFSET * normal(rng, (readout.out_features,))
    readout.weight = _parameter(weights)
    readout.bias = _parameter(offset - weights @ mean)


def reference_like(network_name: str, network: Network) -> ResNet:
    """The reference network with a Paddle network's own values.

    The inverse of :func:`harness.sources.ppcls.networks.from_reference`.

    Raises:
        BuildError: the two have another number of tensors.
    """
    module = _empty(network_name)
    names = [name for name in module.state_dict() if not name.endswith("num_batches_tracked")]
    values = [value.numpy() for value in network.module.state_dict().values()]
    if len(names) != len(values):
        raise BuildError(f"{network_name} has {len(names)} tensors, the network {len(values)}")
    given = {
        name: value.T.copy() if name == "fc.weight" else value
        for name, value in zip(names, values, strict=True)
    }
    assign(Network("torch", module, module, network.input_shape), given)
    return module
