"""Seeded weights for networks of any architecture, drawn on the network itself, layer by layer.

Where no reference network is known (see :mod:`harness.sources.seeded`), the initial weights of a
library are replaced by ones under which every part of a network takes part in its logits, and no
rounding is amplified beyond what it would be in a trained network of that depth:

- convolutions and fully connected layers are drawn with He's variance, then scaled so that their
  outputs have unit variance on synthetic scenes, one layer after the other as they run; what is
  about a whole image, as the gates of squeeze-and-excitation are, has a tenth of the spread, as
  strong gates amplify whatever is rare;
- normalisation weights are log-normal, running statistics are those of the scenes under these very
  weights, and biases are normal around one: most of what a rectifier is given then passes, without
  which a deep network of drawn weights takes a thousandth of noise for another image;
- parameters of no such layer keep the library's values, but for those that are nothing throughout
  (layer scales, position tables) and would switch off what they belong to;
- the readout is fitted as for the reference networks, so that logits differ between images.

That serves to hold exports against their sources. It is not known to serve int8, where honest
parity is 9 to 16 dB, by architecture, and 19 dB in the one trained network that was measured.

Source of the scaling: D. Mishkin, J. Matas, "All you need is a good init", ICLR 2016.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from harness.errors import BuildError
from harness.expected.variants import Variant
from harness.sources import adapter, source
from harness.sources.network import Floats, Network
from harness.sources.seeded import (
    CHANNEL_OFFSET,
    CHANNEL_SPREAD,
    READOUT_GAIN,
    READOUT_OFFSET,
    generator,
    normal,
)

Array = npt.NDArray[Any]
Kind = Literal["convolution", "linear", "normalization"]
L = TypeVar("L")

VERSION = 1
"""What all is drawn with; raised to draw anew."""

CHANNEL_SHIFT = 1.0  # mean of a normalisation's biases, in standard deviations of what it gives
BRANCH_SCALE = 0.5  # of what scales a branch, where the library has it next to nothing
TABLE_SPREAD = 0.2  # standard deviation of tables that the library fills with zeros
GATE_SPREAD = 0.1  # standard deviation of outputs that are about a whole image
LEAST_VARIANCE = 0.2  # of a channel, in the mean of all of its layer's
NOTHING = 0.01  # absolute value up to which a constant parameter switches off what it scales


class FrameworkLayer(Protocol):
    """A layer of either framework.

    Attributes:
        axis: where its inputs and outputs have their channels.
    """

    name: str
    kind: Kind
    axis: int

    def get(self, name: Literal["weight", "bias"]) -> Array | None:
        """A parameter, weights as (out, in, …), or None where the layer has none."""

    def set(self, name: Literal["weight", "bias"], values: Array) -> None:
        """Replace a parameter by one of the same shape."""

    def set_statistics(self, mean: Array, variance: Array) -> None:
        """Replace running statistics, of layers that keep some."""


class LayerWatch(Protocol):
    """What is told as a network runs."""

    def before(self, layer: FrameworkLayer, inputs: Array) -> None:
        """A normalisation is about to run."""

    def after(self, layer: FrameworkLayer, inputs: Array, outputs: Array) -> Array | None:
        """A convolution or fully connected layer has run: outputs in place of its own, or None."""

    def normalized(self, layer: FrameworkLayer, inputs: Array, outputs: Array) -> None:
        """A normalisation has run."""


class Frame(Protocol):
    """What is needed of a framework: a network's layers, and its other parameters."""

    def layers(self) -> Iterator[FrameworkLayer]:
        """The layers, in the order of definition."""

    def others(self) -> Iterator[tuple[str, Array]]:
        """Parameters of no such layer, by name."""

    def set_other(self, name: str, values: Array) -> None:
        """Replace one of those."""

    def run(self, images: Floats, watch: LayerWatch) -> Array:
        """Run images (n, 3, height, width) in evaluation mode: logits."""


def known_layers(
    named: Iterable[tuple[str, Any]],
    kinds: Sequence[tuple[tuple[type, ...], Kind, int]],
    layer: Callable[[str, Any, Kind, int], L],
) -> Iterator[L]:
    """Those modules of a network that are of some kind, the first that fits, with their axis."""
    for name, module in named:
        for classes, kind, axis in kinds:
            if isinstance(module, classes):
                yield layer(name, module, kind, axis)
                break


def seeded_layers(variant: Variant, size: int, scenes: Floats) -> Network:
    """Build a row's network with the seeded weights of its name.

    ``scenes``: preprocessed images (n, 3, height, width), float32, at least two, that the weights
    are fitted to.

    Raises:
        MissingSource: the library is not installed or does not know the model.
        BuildError: the scenes are too few, or the logits they give are not finite or all alike.
    """
    if len(scenes) < 2:
        raise BuildError(f"{len(scenes)} scenes cannot give statistics, at least two are needed")
    with _repeatable(variant):
        network = adapter(variant.source).build(variant.model, input_size=size, weightless=False)
    fit(frame_of(network), variant.network, scenes)
    return network


def fit(frame: Frame, name: str, scenes: Floats) -> None:
    """Give a network that has a library's own initial values the seeded weights of a name.

    Raises:
        BuildError: the logits they give are not finite or all alike.
    """
    rng = generator(f"layers:{VERSION}:{name}")
    for layer in frame.layers():
        _draw(layer, rng)
    for other, values in frame.others():
        if values.size and np.ptp(values) == 0 and abs(values.flat[0]) <= NOTHING:
            frame.set_other(other, _filled(other, values.shape, rng))
    order = _Order()
    classes = frame.run(scenes[:1], order).shape[-1]
    readouts = [layer for layer, channels in order.seen if channels == classes]
    logits = frame.run(scenes, _Fitting(rng, readouts[-1] if readouts else ""))
    if not np.isfinite(logits).all() or not np.ptp(logits, axis=0).any():
        raise BuildError(f"seeded weights of {name} give logits that are not finite or all alike")


@dataclass
class _Order:
    """Notes in which order layers run, and how many channels come out."""

    seen: list[tuple[str, int]] = field(default_factory=list)

    def before(self, layer: FrameworkLayer, inputs: Array) -> None:
        """Nothing."""

    def after(self, layer: FrameworkLayer, inputs: Array, outputs: Array) -> None:  # noqa: ARG002
        """Note it."""
        self.seen.append((layer.name, outputs.shape[layer.axis]))

    def normalized(self, layer: FrameworkLayer, inputs: Array, outputs: Array) -> None:
        """Nothing."""


@dataclass
class _Fitting:
    """Fits each layer when it first runs."""

    rng: np.random.Generator
    readout: str
    done: set[str] = field(default_factory=set)

    def before(self, layer: FrameworkLayer, inputs: Array) -> None:
        """Take the statistics of a normalisation."""
        if self._is_first(layer):
            rows = _rows(inputs, layer.axis)
            layer.set_statistics(rows.mean(axis=0), _floored(rows.var(axis=0)))

    def after(self, layer: FrameworkLayer, inputs: Array, outputs: Array) -> Array | None:
        """Scale a layer, or fit the readout."""
        if not self._is_first(layer):
            return None
        weight, bias = layer.get("weight"), layer.get("bias")
        assert weight is not None
        if layer.name == self.readout and weight[0].size == inputs.shape[layer.axis]:
            return self._fit_readout(layer, weight, inputs)
        spread = np.float32(outputs.std())
        if outputs.size == len(outputs) * outputs.shape[layer.axis]:
            spread /= np.float32(GATE_SPREAD)
        if not np.isfinite(spread) or spread == 0:
            return None
        layer.set("weight", weight / spread)
        if bias is None:
            return np.asarray(outputs / spread)
        offset = READOUT_OFFSET * normal(self.rng, bias.shape)
        layer.set("bias", offset)
        return np.moveaxis(np.moveaxis(outputs, layer.axis, -1) / spread + offset, -1, layer.axis)

    def normalized(self, layer: FrameworkLayer, inputs: Array, outputs: Array) -> None:
        """Nothing."""

    def _is_first(self, layer: FrameworkLayer) -> bool:
        first = layer.name not in self.done
        self.done.add(layer.name)
        return first

    def _fit_readout(self, layer: FrameworkLayer, weight: Array, inputs: Array) -> Array:
        rows = _rows(inputs, layer.axis)
        drawn = normal(self.rng, (len(weight), rows.shape[1])) * (
            READOUT_GAIN / np.sqrt(rows.shape[1] * _floored(rows.var(axis=0)))
        )
        layer.set("weight", drawn.reshape(weight.shape))
        offset = np.zeros(len(weight))
        if layer.get("bias") is not None:
            offset = READOUT_OFFSET * normal(self.rng, offset.shape) - drawn @ rows.mean(axis=0)
            layer.set("bias", offset)
        outputs = np.moveaxis(inputs, layer.axis, -1) @ drawn.T + offset
        return np.asarray(np.moveaxis(outputs, -1, layer.axis), np.float32)


def _draw(layer: FrameworkLayer, rng: np.random.Generator) -> None:
    weight, bias = layer.get("weight"), layer.get("bias")
    if layer.kind == "normalization":
        if weight is not None:
            layer.set("weight", np.exp(CHANNEL_SPREAD * normal(rng, weight.shape)))
        if bias is not None:
            layer.set("bias", CHANNEL_SHIFT + CHANNEL_OFFSET * normal(rng, bias.shape))
        return
    assert weight is not None
    layer.set("weight", normal(rng, weight.shape) * np.sqrt(2 / weight[0].size))
    if bias is not None:
        layer.set("bias", np.zeros(bias.shape))


def _filled(name: str, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """What replaces a parameter of zeros: a scale where it has one a channel, else a table."""
    drawn = normal(rng, shape)
    if max(shape, default=1) == drawn.size and "bias" not in name:
        return np.asarray(BRANCH_SCALE * np.exp(CHANNEL_SPREAD * drawn))
    return np.asarray(TABLE_SPREAD * drawn)


def _rows(values: Array, axis: int) -> npt.NDArray[np.float64]:
    """All that a channel has, below it: float64 (rows, channels)."""
    rows = np.moveaxis(values, axis, -1).reshape(-1, values.shape[axis])
    return np.asarray(rows, np.float64)


def _floored(variance: Array) -> Array:
    """Variances of channels, none so small that rounding is what is divided by it."""
    return np.asarray(np.maximum(variance, LEAST_VARIANCE * variance.mean()))


def frame_of(network: Network) -> Frame:
    """The layers of a row's network, whatever framework it is of."""
    if network.framework == "torch":
        from harness.sources.seeded_torch import TorchFrame

        return TorchFrame(network.module)
    from harness.sources.seeded_paddle import PaddleFrame

    return PaddleFrame(network.module)


@contextmanager
def _repeatable(variant: Variant) -> Iterator[None]:
    """Let a library's own initial values depend on the network's name alone."""
    import torch

    seed = int(generator(f"initial:{VERSION}:{variant.network}").integers(2**31))
    if source(variant.source).framework == "paddle":
        import paddle

        paddle.seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
