"""What a network is fed, from one pipeline to the other, one thing changed at a time.

Every pipeline ends with levels that a table turns into floats, 256 of them for each channel. The
table of a library's pipeline is taken off the library itself, on images of one level, and the
levels are read back out of its tensor. So the first state is that pipeline to the last bit, or it
is an error. From the resize on, levels are made by the run-time operator with other figures. The
last one, with the figures of the run-time file, has to be the pipeline that ships to the last bit.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from harness.errors import NonConformance
from harness.expected.pipelines import RunTime
from harness.images import vdsp
from harness.images.ablation.pictures import Picture, decoder_of
from harness.images.ablation.quantizing import InputScale, quantized
from harness.images.ablation.routes import Route
from harness.images.pipelines import Floats, Levels, Recipe, Rounding, Run, load, pipelines


class AblationStep(StrEnum):
    """What is changed, in this order. The start changes nothing."""

    START = "start"
    INPUT_SIZE = "input size"
    DECODE = "decode"
    RESIZE = "resize filter"
    ASPECT = "aspect"
    CROP = "crop"
    NORMALIZE = "normalize"
    FLOAT16 = "float16"
    QUANTIZE = "int8 input"


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """What the network is fed after a step.

    Attributes:
        levels: uint8 (3, height, width).
        table: float32 (3, 256), strictly rising but for the last step: what each level becomes.
    """

    step: AblationStep
    levels: Levels
    table: Floats

    def tensor(self) -> Floats:
        """float32 (3, height, width)."""
        return np.stack([row[plane] for row, plane in zip(self.table, self.levels, strict=True)])


@dataclass(frozen=True, slots=True, eq=False)
class PreparedRoute:
    """A route's pipelines, built, and the tables of its steps."""

    route: Route
    claim: Run
    base: Run
    shipped: Run
    claim_table: Floats
    base_table: Floats
    normalized: Floats
    rounded: Floats
    quantized: Floats


def prepare(
    route: Route, input_scale: InputScale, *, load: Callable[[str], Run] = load
) -> PreparedRoute:
    """Build a route's pipelines, which imports their libraries, and take off their tables.

    Raises:
        MissingSource: a library is not installed.
        NonConformance: a pipeline gives no table; see :func:`table_of`.
    """
    ships = route.ships
    rounded = _vendor_table(ships)
    exact = replace(ships, mean=ships.exact_mean, std=ships.exact_std)
    claim, base = load(route.claim), load(route.base)
    return PreparedRoute(
        route,
        claim,
        base,
        load(ships.pipeline),
        claim_table=table_of(claim, route.claim),
        base_table=table_of(base, route.base),
        normalized=_vendor_table(exact),
        rounded=rounded,
        quantized=quantized(rounded, input_scale),
    )


@contextmanager
def _one_thread() -> Iterator[None]:
    """On one image, torch's threads wait for each other longer than they work."""
    torch = sys.modules.get("torch")  # some libraries have imported it by now
    if torch is None:
        yield
        return
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@functools.lru_cache(maxsize=64)
@_one_thread()
def table_of(run: Run, id: str) -> Floats:
    """What each level becomes in each channel, float32 (3, 256), by a pipeline's own arithmetic.

    Takes 256 runs, and is kept; read-only.

    Raises:
        NonConformance: an image of one level does not come out as one value in each channel, or a
            higher level not as a higher value, NaN included.
    """
    columns = []
    for level in range(256):
        tensor = run(np.full((1, 1, 3), level, np.uint8))
        column = tensor[:, 0, 0]
        if not np.all(tensor == column[:, None, None]):
            raise NonConformance(f"{id} makes several values of an image of level {level} alone")
        columns.append(column)
    table: Floats = np.stack(columns, axis=1)
    if not np.all(np.diff(table, axis=1) > 0):
        raise NonConformance(f"{id} does not map higher levels to higher values")
    table.setflags(write=False)
    return table


def levels_in(tensor: Floats, table: Floats, id: str) -> Levels:
    """The levels that a tensor was made of by a table, exactly.

    Raises:
        NonConformance: a value is none of the table's, NaN for one.
    """
    levels = np.empty(tensor.shape, np.uint8)
    for channel, (plane, row) in enumerate(zip(tensor, table, strict=True)):
        found = np.minimum(np.searchsorted(row, plane), 255)
        wrong = row[found] != plane
        if np.any(wrong):
            raise NonConformance(
                f"{id} gives {plane[wrong][0]:g} in channel {channel}, which is no level of 255 "
                f"after its normalization ({np.count_nonzero(wrong)} of {plane.size} values)"
            )
        levels[channel] = found
    return levels


@_one_thread()
def fall(picture: Picture, prepared: PreparedRoute) -> tuple[State, ...]:
    """What the network is fed at the start and after each step, for one image.

    ``INPUT_SIZE`` is among the steps only where the claim was measured at another size than ships.

    Raises:
        ImageError: a pipeline refuses the image.
        NonConformance: the first state is not the claim's pipeline, the last one before int8 is
            not the one that ships, or a step changes something where both have the same.
    """
    route, ships = prepared.route, prepared.route.ships
    recipe = pipelines()[route.base].recipe
    before = picture.levels[decoder_of(route.base)]
    image = picture.levels[decoder_of(ships.pipeline)]
    table = prepared.base_table

    def read(step: AblationStep, run: Run, levels: Levels, own: Floats, id: str) -> State:
        return State(step, levels_in(run(levels), own, id), own)

    states = [read(AblationStep.START, prepared.claim, before, prepared.claim_table, route.claim)]
    if route.base != route.claim:
        states.append(read(AblationStep.INPUT_SIZE, prepared.base, before, table, route.base))
    states.append(read(AblationStep.DECODE, prepared.base, image, table, route.base))
    sides = recipe.resized(image.shape[0], image.shape[1])
    squashed = sides if len(recipe.resize) == 2 else (min(recipe.resize), min(recipe.resize))
    for step, size in ((AblationStep.RESIZE, sides), (AblationStep.ASPECT, squashed)):
        levels = _resized(image, size, _origin(size, recipe), recipe.crop)
        states.append(State(step, levels, table))
    shipped = _resized(image, ships.resize, ships.origin, ships.crop)
    states += [
        State(AblationStep.CROP, shipped, table),
        State(AblationStep.NORMALIZE, shipped, prepared.normalized),
        State(AblationStep.FLOAT16, shipped, prepared.rounded),
        State(AblationStep.QUANTIZE, shipped, prepared.quantized),
    ]
    _require_same(states[0], prepared.claim(before), route.claim, picture.name)
    _require_same(states[-2], prepared.shipped(image), ships.pipeline, picture.name)
    if recipe.kernel is pipelines()[ships.pipeline].recipe.kernel:
        _require_idle(states, AblationStep.RESIZE, route, picture.name)
    return tuple(states)


def _require_same(state: State, tensor: Floats, id: str, name: str) -> None:
    ours = state.tensor()
    if ours.shape != tensor.shape or ours.dtype != tensor.dtype:
        raise NonConformance(
            f"{name}: the waterfall at {state.step.value!r} is {ours.dtype} {ours.shape}, "
            f"{id} {tensor.dtype} {tensor.shape}"
        )
    same = ours == tensor
    if not np.all(same):
        count = same.size - np.count_nonzero(same)
        difference = np.max(np.abs(ours - tensor))
        raise NonConformance(
            f"{name}: the waterfall at {state.step.value!r} is not {id}: {count} of {same.size} "
            f"values differ, by up to {difference:g}\n"
            "  likely cause: figures in expected/pipelines that are not those of the pipeline, or "
            "a change that no step is about"
        )


def _require_idle(states: list[State], step: AblationStep, route: Route, name: str) -> None:
    at = next(index for index, state in enumerate(states) if state.step is step)
    if not np.array_equal(states[at].levels, states[at - 1].levels):
        raise NonConformance(
            f"{name}: the step {step.value!r} changes levels, though {route.base} and "
            f"{route.ships.pipeline} have the same"
        )


def _resized(
    image: Levels, size: tuple[int, int], origin: tuple[int, int], crop: tuple[int, int]
) -> Levels:
    """Levels (3, height, width) by the run-time operator, which then normalizes nothing."""
    nothing, one = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    bare = vdsp.VdspParams(size, origin, crop, nothing, one, div255=False)
    return vdsp.preprocess(image, bare).astype(np.uint8)


def _vendor_table(ships: RunTime) -> Floats:
    """What the run-time operator makes of each level: of an image that holds every one once."""
    levels = np.arange(256, dtype=np.uint8)[None, :, None].repeat(3, axis=2)
    alone = replace(params(ships), resize=(1, 256), origin=(0, 0), crop=(1, 256))
    return vdsp.preprocess(levels, alone)[:, 0, :]


def params(ships: RunTime) -> vdsp.VdspParams:
    """A run-time file's figures as the run-time operator takes them."""
    return vdsp.VdspParams(
        ships.resize, ships.origin, ships.crop, ships.mean, ships.std, ships.div255
    )


def _origin(size: tuple[int, int], recipe: Recipe) -> tuple[int, int]:
    """Top and left, in pixels, of a crop in the middle as the recipe rounds it."""
    whole = int if recipe.origin is Rounding.CUT else round
    return (
        whole((size[0] - recipe.crop[0]) / 2),
        whole((size[1] - recipe.crop[1]) / 2),
    )
