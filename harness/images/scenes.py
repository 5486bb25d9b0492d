"""Synthetic scenes: stand-ins for photographs where no data set is at hand.

An image of the dead-leaves model: occluding shapes whose sizes follow a power law, each with its
own colour, shading and texture, under one illumination. Such images share with photographs what
matters to a convolutional network's activations: edges at all scales, flat regions, a spectrum
that falls with frequency, correlated colour channels, and strong differences between images.

Source: A. B. Lee, D. Mumford, J. Huang, "Occlusion Models for Natural Images", IJCV 41 (2001).
Only elementwise IEEE arithmetic and NumPy's PCG64 stream are used, so the pixels are the same on
every machine.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

VERSION = 1
"""Part of every key that depends on these pixels; raised when they change."""

_HEIGHT, _WIDTH = 288, 320  # pixels; neither square nor the network's size, as photographs are
_LEAVES = 160
_SMALLEST, _LARGEST = 8.0, 160.0  # radii in pixels, density falling with the cube of the radius


def scenes(count: int, *, seed: int) -> npt.NDArray[np.uint8]:
    """Draw ``count`` scenes as uint8 (count, 288, 320, 3), RGB.

    Scene *i* of a seed is the same whatever ``count`` is.

    Raises:
        ValueError: ``count`` is below one.
    """
    if count < 1:
        raise ValueError(f"count must be at least 1, got {count}")
    return np.stack([_scene(np.random.Generator(np.random.PCG64([seed, i]))) for i in range(count)])


def _scene(rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    rows, columns = np.mgrid[0:_HEIGHT, 0:_WIDTH].astype(np.float64)
    palette = rng.uniform(0.05, 0.95, (5, 3))
    palette += 0.6 * (palette.mean(axis=1, keepdims=True) - palette)  # most colours are greyish
    canvas = np.empty((_HEIGHT, _WIDTH, 3))
    canvas[:] = palette[0]
    canvas += _texture(rng, octaves=5)[..., None] * rng.uniform(0.1, 0.5)
    radii = _radii(rng)
    for radius in radii:
        row, column = rng.uniform(0, _HEIGHT), rng.uniform(0, _WIDTH)
        window = _window(row, column, 1.5 * radius)
        down, right = rows[window] - row, columns[window] - column
        inside = _shape(rng, down, right, radius)
        colour = palette[rng.integers(len(palette))] + rng.normal(0, 0.08, 3)
        shading = 1 + (down * rng.normal() + right * rng.normal()) / (3 * radius)
        grain = rng.uniform(0, 0.12) * rng.standard_normal(down.shape)
        leaf = colour * np.clip(shading, 0.3, 1.7)[..., None] + grain[..., None]
        canvas[window] = np.where(inside[..., None], leaf, canvas[window])
    light = rng.uniform(0.6, 1.3) * (1 + 0.35 * _texture(rng, octaves=2))
    canvas = canvas * light[..., None] * rng.uniform(0.85, 1.15, 3)
    return np.rint(np.clip(canvas, 0, 1) * 255).astype(np.uint8)


def _radii(rng: np.random.Generator) -> npt.NDArray[np.float64]:
    uniform = rng.uniform(0, 1, _LEAVES)
    return (_LARGEST**-2 + uniform * (_SMALLEST**-2 - _LARGEST**-2)) ** -0.5


def _window(row: float, column: float, reach: float) -> tuple[slice, slice]:
    top, left = max(0, int(row - reach)), max(0, int(column - reach))
    return slice(top, int(row + reach) + 2), slice(left, int(column + reach) + 2)


def _shape(
    rng: np.random.Generator,
    down: npt.NDArray[np.float64],
    right: npt.NDArray[np.float64],
    radius: float,
) -> npt.NDArray[np.bool_]:
    """An ellipse, a box or a band, turned by any angle (as a rational rotation)."""
    t = rng.uniform(-1, 1)
    cosine, sine = (1 - t * t) / (1 + t * t), 2 * t / (1 + t * t)
    u, v = (cosine * down + sine * right) / radius, (cosine * right - sine * down) / radius
    flat = rng.uniform(0.25, 1)
    kind = rng.integers(3)
    if kind == 0:
        return np.asarray(u * u + (v / flat) ** 2 < 1)
    if kind == 1:
        return np.asarray((np.abs(u) < 0.9) & (np.abs(v) < 0.9 * flat))
    return np.asarray((np.abs(u) < 1) & (np.abs(v) < 0.9) & ((4 * u) % 1 < flat))


def _texture(rng: np.random.Generator, *, octaves: int) -> npt.NDArray[np.float64]:
    """Value noise (height, width) around zero, amplitude halved from octave to octave."""
    total = np.zeros((_HEIGHT, _WIDTH))
    for octave in range(octaves):
        cells = 2 ** (octave + 1)
        grid = rng.uniform(-1, 1, (cells + 2, cells + 2))
        y, x = np.arange(_HEIGHT) * cells / _HEIGHT, np.arange(_WIDTH) * cells / _WIDTH
        top, left = y.astype(int), x.astype(int)
        fy, fx = (y - top)[:, None], (x - left)[None, :]
        corner = grid[top][:, left] * (1 - fx) + grid[top][:, left + 1] * fx
        below = grid[top + 1][:, left] * (1 - fx) + grid[top + 1][:, left + 1] * fx
        total += (corner * (1 - fy) + below * fy) * 0.5**octave
    return total / 2
