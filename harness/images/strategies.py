"""Images and image files in the domain's words, for Hypothesis; only suites import this."""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from hypothesis import strategies as st
from PIL import Image

from harness.images.decoding import Levels

LONGEST_SIDE = 2500  # pixels
LARGEST_ASPECT = 10  # times 256 pixels of short side: a resize to 256 × 2560 at most

FORMS: tuple[tuple[str, str], ...] = (
    *((form, mode) for form in ("PNG", "BMP", "TIFF") for mode in ("1", "L", "P", "RGB")),
    *((form, mode) for form in ("PNG", "TIFF") for mode in ("LA", "RGBA", "I;16")),
    *(("TIFF", mode) for mode in ("PA", "CMYK", "YCbCr", "LAB", "F", "I")),
    *(("JPEG", mode) for mode in ("L", "RGB", "CMYK")),
    *(("WEBP", mode) for mode in ("RGB", "RGBA")),
    *(("GIF", mode) for mode in ("L", "P", "RGBA")),
    *(("PPM", mode) for mode in ("1", "L", "RGB")),
)
"""Formats with the modes that Pillow writes in them."""


class Damage(StrEnum):
    """What happens to files."""

    CUT = "ends early"
    FLIPPED = "one bit is another"
    OVERWRITTEN = "some bytes are zero"


@dataclass(frozen=True, slots=True)
class File:
    """An image file's content, and how it was made."""

    data: bytes
    form: str
    mode: str

    def __repr__(self) -> str:
        return f"File({self.form}, {self.mode}, {len(self.data)} bytes)"


@dataclass(frozen=True, slots=True)
class DamagedFile:
    """An image file before and after something happened to it."""

    whole: File
    data: bytes
    damage: Damage


@st.composite
def photographs(draw: st.DrawFn, *, longest: int = 640) -> Levels:
    """Light that changes slowly, edges and grain; uint8 (height, width, 3), sides from 32."""
    height, width = draw(st.integers(32, longest)), draw(st.integers(32, longest))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rows, columns = np.arange(height)[:, None], np.arange(width)[None, :]
    picture = np.empty((height, width, 3))
    for channel in range(3):
        slope, tilt = rng.uniform(-1, 1, 2)
        picture[..., channel] = 128 + 90 * (slope * rows / height + tilt * columns / width)
    for _ in range(rng.integers(1, 9)):
        row, column = rng.uniform(0, height), rng.uniform(0, width)
        radius = rng.uniform(2, max(height, width) / 3)
        near = (
            slice(max(0, int(row - radius)), int(row + radius) + 2),
            slice(max(0, int(column - radius)), int(column + radius) + 2),
        )
        inside = np.hypot(rows[near[0]] - row, columns[:, near[1]] - column) < radius
        picture[near][inside] = rng.uniform(0, 255, 3)
    picture += rng.normal(0, rng.uniform(0, 20), picture.shape)
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


def sizes(*, longest: int = LONGEST_SIDE) -> st.SearchStrategy[tuple[int, int]]:
    """(height, width) in pixels: single pixels, networks' own sizes, strips in both directions."""
    short = st.one_of(
        st.integers(1, 40),
        st.sampled_from((223, 224, 225, 255, 256, 257, 512)),
        st.integers(1, 600),
    )
    return st.builds(
        lambda side, stretch, lying: _oriented(side, min(longest, int(side * stretch)), lying),
        short.map(lambda side: min(side, longest)),
        st.one_of(st.just(1.0), st.floats(1.0, 2.0), st.floats(2.0, LARGEST_ASPECT)),
        st.booleans(),
    )


@st.composite
def odd_images(draw: st.DrawFn, *, longest: int = LONGEST_SIDE) -> Levels:
    """What no photograph is: tiny, long, flat, or all edges; uint8 (height, width, 3)."""
    height, width = draw(sizes(longest=longest))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    kind = draw(st.sampled_from(("noise", "black and white", "chequered", "one pixel", "stripes")))
    rows, columns = np.mgrid[0:height, 0:width]
    picture = np.zeros((height, width, 3), np.uint8)
    match kind:
        case "noise":
            picture = rng.integers(0, 256, picture.shape, dtype=np.uint8)
        case "black and white":
            picture = (rng.integers(0, 2, picture.shape) * 255).astype(np.uint8)
        case "chequered":
            picture[(rows + columns) % 2 == 0] = 255
        case "one pixel":
            picture[rng.integers(height), rng.integers(width)] = 255
        case _:
            picture[columns % rng.integers(2, 9) == 0] = rng.integers(0, 256, 3)
    return picture


@st.composite
def image_files(draw: st.DrawFn, *, forms: tuple[tuple[str, str], ...] = FORMS) -> File:
    """A sound file of any format and mode: progressive, subsampled, oriented, animated."""
    form, mode = draw(st.sampled_from(forms))
    levels = draw(odd_images(longest=90))
    options: dict[str, object] = {}
    picture = _in_mode(levels, mode)
    if form == "JPEG":
        options["progressive"] = draw(st.booleans())
        if mode == "RGB":
            options["subsampling"] = draw(st.sampled_from(("4:4:4", "4:2:2", "4:2:0")))
    if form == "WEBP":
        options["lossless"] = draw(st.booleans())
    if form == "PNG" and mode in ("P", "RGB", "L") and draw(st.booleans()):
        transparent = {"P": bytes((0, 128, 255)), "RGB": (0, 0, 0), "L": 0}
        options["transparency"] = transparent[mode]
    if (
        form in ("GIF", "WEBP", "PNG", "TIFF")
        and mode in ("RGB", "RGBA", "P")
        and draw(st.booleans())
    ):
        options |= {"save_all": True, "append_images": [_in_mode(255 - levels, mode)]}
    if form in ("JPEG", "PNG", "WEBP", "TIFF") and draw(st.booleans()):
        exif = Image.Exif()
        exif[0x0112] = draw(st.integers(1, 8))  # orientation
        options["exif"] = exif
    stream = io.BytesIO()
    picture.save(stream, form, **options)
    return File(stream.getvalue(), form, mode)


@st.composite
def damaged_files(draw: st.DrawFn, *, forms: tuple[tuple[str, str], ...] = FORMS) -> DamagedFile:
    """A file of any format, after something happened to it."""
    whole = draw(image_files(forms=forms))
    damage = draw(st.sampled_from(Damage))
    data = bytearray(whole.data)
    place = draw(st.integers(0, len(data) - 1))
    match damage:
        case Damage.CUT:
            del data[place:]
        case Damage.FLIPPED:
            data[place] ^= 1 << draw(st.integers(0, 7))
        case Damage.OVERWRITTEN:
            end = min(len(data), place + draw(st.integers(1, 64)))
            data[place:end] = bytes(end - place)
    return DamagedFile(whole, bytes(data), damage)


def png_that_claims(width: int, height: int) -> bytes:
    """A PNG of a few bytes whose header speaks of any number of pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(64))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )


def flipped_in_the_pixels() -> DamagedFile:
    """A PNG with one bit flipped that is decompressed to a wrong picture without complaint."""
    stream = io.BytesIO()
    chequered = np.indices((90, 90)).sum(axis=0) % 2 * 255
    Image.fromarray(chequered.astype(np.uint8)).save(stream, "PNG", compress_level=0)
    whole = stream.getvalue()
    place = len(whole) // 2
    data = whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]
    return DamagedFile(File(whole, "PNG", "L"), data, Damage.FLIPPED)


def _oriented(short: int, long: int, lying: bool) -> tuple[int, int]:
    return (short, long) if lying else (long, short)


def _in_mode(levels: Levels, mode: str) -> Image.Image:
    picture = Image.fromarray(levels)
    grey = np.asarray(picture.convert("L"))
    match mode:
        case "I;16":
            return Image.fromarray(grey.astype(np.uint16))
        case "I":
            return Image.fromarray(grey.astype(np.int32))
        case "F":
            return Image.fromarray(grey.astype(np.float32))
        case "LA":
            return Image.merge("LA", (picture.convert("L"), picture.getchannel("G")))
        case "RGBA":
            return Image.merge("RGBA", (*picture.split(), picture.getchannel("R")))
        case "LAB":
            return Image.merge("LAB", picture.split())
        case "PA":
            return picture.convert("P").convert("PA")
        case _:
            return picture.convert(mode)
