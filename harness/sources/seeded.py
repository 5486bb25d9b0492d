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
import re
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from timm.models.resnet import Bottleneck, ResNet

from harness.errors import BuildError, MissingWeights
from harness.sources.network import Floats, Network
from harness.sources.torch_networks import assign

VERSION = 1
"""Part of every key that depends on these weights; raised when they change."""

BRANCH_STRENGTH = 0.6  # last batch norm's weight times the square root of the number of blocks
CHANNEL_SPREAD = 0.25  # standard deviation of the logarithm of a batch norm's weights
CHANNEL_OFFSET = 0.2  # standard deviation of a batch norm's biases
READOUT_GAIN = 2.0  # standard deviation of the logits, about
READOUT_OFFSET = 0.1  # standard deviation of what the centring bias leaves

_DEPTHS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
_NAME = re.compile(r"resnext(?P<depth>\d+)_(?P<vd>vd_)?(?P<groups>\d+)x(?P<width>\d+)d")
_LEVELS = 2**16  # distinct values of a drawn weight


@dataclass(frozen=True, slots=True)
class Architecture:
    """A ResNeXt, by the figures in its name."""

    blocks: tuple[int, ...]
    groups: int
    width: int
    deep_stem: bool

    @classmethod
    def named(cls, network: str) -> Architecture:
        """Read an architecture's name, as ``resnext101_vd_32x4d``.

        Raises:
            MissingWeights: it is none that seeded weights are known for.
        """
        match = _NAME.fullmatch(network)
        if match is None or int(match["depth"]) not in _DEPTHS:
            raise MissingWeights(
                f"no seeded weights are known for network {network!r}, expected a ResNeXt such as "
                "resnext50_32x4d; give real ones with --weights"
            )
        blocks = _DEPTHS[int(match["depth"])]
        return cls(blocks, int(match["groups"]), int(match["width"]), match["vd"] is not None)

    def build(self) -> ResNet:
        """The reference network, without values."""
        block: Any = Bottleneck  # timm says it takes an instance; it takes the class
        with torch.device("meta"):
            return ResNet(
                block,
                self.blocks,
                cardinality=self.groups,
                base_width=self.width,
                stem_type="deep" if self.deep_stem else "",
                stem_width=32 if self.deep_stem else 64,
                avg_down=self.deep_stem,
            ).eval()


def seeded_network(network: str, scenes: Floats) -> ResNet:
    """Give the reference network of that name its seeded weights.

    ``scenes``: preprocessed images (n, 3, height, width), float32, which the batch-norm statistics
    and the readout are fitted to; at least two.

    The result depends on nothing else; in particular not on threads, which are set to one
    while the statistics are taken.

    Raises:
        BuildError: no such network, or the scenes are too few to have statistics.
    """
    if len(scenes) < 2:
        raise BuildError(f"{len(scenes)} scenes cannot give statistics, at least two are needed")
    architecture = Architecture.named(network)
    module = architecture.build()
    rng = np.random.Generator(np.random.PCG64(_seed(network)))
    branch = BRANCH_STRENGTH / sum(architecture.blocks) ** 0.5
    for name, layer in module.named_modules():
        if isinstance(layer, torch.nn.Conv2d):
            fan_in = layer.weight[0].numel()
            layer.weight = _parameter(_normal(rng, layer.weight.shape) * np.sqrt(2 / fan_in))
        elif isinstance(layer, torch.nn.BatchNorm2d):
            _seed_batch_norm(layer, rng, scale=branch if name.endswith(".bn3") else 1.0)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            _fit(module, torch.from_numpy(scenes), rng)
    finally:
        torch.set_num_threads(threads)
    return module.requires_grad_(False)


def tensors(module: torch.nn.Module) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    """The tensors that a result depends on, by name, in the order of definition; not copied."""
    for name, value in module.state_dict().items():
        if not name.endswith("num_batches_tracked"):
            yield name, value.numpy()


def _seed(network: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{VERSION}:{network}".encode()).digest()[:8], "big")


@cache
def _quantiles() -> npt.NDArray[np.float32]:
    """The standard normal distribution's quantiles at the middles of equal shares."""
    normal = statistics.NormalDist()
    shares = ((level + 0.5) / _LEVELS for level in range(_LEVELS))
    return np.fromiter((normal.inv_cdf(share) for share in shares), np.float32, _LEVELS)


def _normal(rng: np.random.Generator, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Normal float32 numbers, of 65536 distinct values: a third of the time of exact ones."""
    levels = rng.integers(0, _LEVELS, int(np.prod(shape)), dtype=np.uint16)
    return _quantiles()[levels].reshape(shape)


def _parameter(values: npt.NDArray[Any]) -> torch.nn.Parameter:
    return torch.nn.Parameter(torch.from_numpy(values.astype(np.float32, copy=False)), False)


def _seed_batch_norm(
    layer: torch.nn.BatchNorm2d, rng: np.random.Generator, *, scale: float
) -> None:
    channels = (layer.num_features,)
    layer.weight = _parameter(scale * np.exp(CHANNEL_SPREAD * _normal(rng, channels)))
    layer.bias = _parameter(scale * CHANNEL_OFFSET * _normal(rng, channels))
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
    weights = _normal(rng, tuple(readout.weight.shape)) * (
        READOUT_GAIN / np.sqrt(readout.in_features) / (deviation + 1e-3 * deviation.mean())
    )
    offset = READOUT_OFFSET * _normal(rng, (readout.out_features,))
    readout.weight = _parameter(weights)
    readout.bias = _parameter(offset - weights @ mean)


def reference_like(network_name: str, network: Network) -> ResNet:
    """The reference network with a Paddle network's own values.

    The inverse of :func:`harness.sources.ppcls.from_reference`.

    Raises:
        BuildError: the two have another number of tensors.
    """
    module = Architecture.named(network_name).build()
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
