"""What is kept gives every tensor back to the last bit, or is not kept in that form."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from tiny_preprocessors import rescaled, tiny

from harness.errors import ImageError
from harness.images.pipelines import load, pipelines
from harness.images.tensors.coding import Coding, exact, probe

IMAGE = np.random.default_rng(5).integers(0, 256, (123, 211, 3), np.uint8)
Run = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


def same_bits(left: NDArray[np.float32], right: NDArray[np.float32]) -> bool:
    return left.dtype == right.dtype and left.tobytes() == right.tobytes()


@pytest.mark.parametrize("pipeline", pipelines())
def test_levels_give_every_pipelines_tensor_back(pipeline: str) -> None:
    run = load(pipeline)
    coding = probe(run)
    stored = coding.encode(run(IMAGE))
    assert stored.dtype == np.uint8
    assert stored.nbytes == coding.image_bytes == run(IMAGE).nbytes // 4
    assert same_bits(coding.decode(stored[None])[0], run(IMAGE))


def unrounded(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    return (tiny(image) + tiny(image[1:])) / np.float32(2)


def vignetted(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    return tiny(image) * np.linspace(1, 2, 8, dtype=np.float32)


@pytest.mark.parametrize(
    "wrong", [rescaled, unrounded, vignetted, lambda image: -tiny(image), lambda i: tiny(i) * 0]
)
def test_pipeline_that_has_other_values_is_kept_in_float32(wrong: Run) -> None:
    coding = probe(wrong)
    assert coding.dtype == np.float32
    assert same_bits(coding.decode(coding.encode(wrong(IMAGE))[None])[0], wrong(IMAGE))


def bumped(tensor: NDArray[np.float32]) -> NDArray[np.float32]:
    tensor[1, 2, 3] = np.nextafter(tensor[1, 2, 3], np.float32(9))
    return tensor


def with_value(value: float) -> Run:
    def change(tensor: NDArray[np.float32]) -> NDArray[np.float32]:
        tensor[0, 0, 0] = value
        return tensor

    return change


@pytest.mark.parametrize("change", [bumped, *map(with_value, (np.nan, np.inf, -1e30, 17.0))])
def test_value_that_is_no_levels_is_refused(change: Run) -> None:
    with pytest.raises(ImageError, match="values that stand for no whole level"):
        probe(tiny).encode(change(tiny(IMAGE)))


def test_zero_of_the_other_sign_is_another_value() -> None:
    table = np.arange(256, dtype=np.float32)[None].repeat(3, axis=0)
    coding = Coding((3, 8, 8), table)
    coding.encode(np.zeros((3, 8, 8), np.float32))
    with pytest.raises(ImageError, match="no whole level"):
        coding.encode(-np.zeros((3, 8, 8), np.float32))


@pytest.mark.parametrize("make", [probe, exact])
@pytest.mark.parametrize(
    "wrong", [tiny(IMAGE)[:, 1:], tiny(IMAGE).astype(np.float64), tiny(IMAGE)[0]]
)
def test_tensor_of_another_form_is_refused(
    make: Callable[[Run], Coding], wrong: NDArray[np.float32]
) -> None:
    with pytest.raises(ImageError, match=r"becomes float\d\d .*, expected float32 \(3, 8, 8\)"):
        make(tiny).encode(wrong)


def test_another_table_is_another_form() -> None:
    levels, other = probe(tiny), probe(lambda image: tiny(image) + np.float32(1))
    assert levels.same_as(probe(tiny))
    assert exact(tiny).same_as(exact(tiny))
    assert not any(levels.same_as(one) for one in (other, exact(tiny)))
