"""File to levels: what every image format and mode gives, and what is refused.

The default is what torchvision's users get, ``Image.open(file).convert("RGB")``:

========================  =======================================================================
what a file holds         what comes out
========================  =======================================================================
1, L, RGB                 the levels; black and white are 0 and 255; grey is repeated three times
LA, PA, RGBA, RGBX        the colours; alpha is dropped, nothing is composited on a background
P                         the palette's colours; a transparent entry keeps its colour
CMYK                      ``(255 - ink) * (255 - black) / 255``; no colour profile is applied. Files
                          that Adobe's marker declares inverted are inverted back
YCbCr, LAB                converted as Pillow does (YCbCr by JPEG's matrix)
RGB, 16 bits a sample     the high byte of each sample
I;16, I, F                the samples, fractions cut off, where all are within 0 to 255. Others are
                          refused: Pillow clips them, and 16-bit pictures would come out white
several pictures          the first (animated GIF, WebP and PNG, TIFF pages, MPO)
EXIF orientation          not applied
ICC profile, gamma        not applied
wrong file name           the content decides, never the name
========================  =======================================================================

A file that ends early, or of which Pillow cannot decode a part, is refused: no part of an image is
filled in. The checksums of PNG are checked, which Pillow alone does not do for the pixels. Damage
inside the data of a JPEG, GIF, BMP, PPM, WebP or TIFF that still decodes is not noticed: they carry
no checksums, and what their decoders only warn of does not get through Pillow.
"""

from __future__ import annotations

import io
import os
import threading
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile, UnidentifiedImageError

from harness.errors import ImageError
from harness.runtime.foreign import open_regular

Levels = npt.NDArray[np.uint8]

FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
"""Formats of ``torchvision.datasets.folder.IMG_EXTENSIONS``, and GIF."""

PILLOWS_PIXELS = 89_478_485
"""Pixels from which Pillow speaks of a decompression bomb (``Image.MAX_IMAGE_PIXELS``)."""

_COLOUR_MODES = frozenset(
    {"1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "LAB"}
)
_SAMPLE_MODES = frozenset({"I;16", "I;16B", "I;16L", "I;16N", "I", "F"})

_opening = threading.Lock()  # the warning filters belong to the whole process


@dataclass(frozen=True, slots=True)
class Limits:
    """What a file may ask for. Together they bound the memory and the time that decoding takes.

    Attributes:
        max_bytes: size of the file; no more than one byte beyond it is ever read.
        max_pixels: width times height as the header says, checked before anything is decoded.
        formats: Pillow's names; others are not even tried.

    Raises:
        ValueError: a limit is below one, above Pillow's own, or a format is unknown.
    """

    max_bytes: int = 64 * 1024**2  # ILSVRC2012's largest validation image has 5 MB
    max_pixels: int = PILLOWS_PIXELS
    formats: tuple[str, ...] = FORMATS

    def __post_init__(self) -> None:
        if self.max_bytes < 1:
            raise ValueError(f"max_bytes must be at least 1, got {self.max_bytes}")
        if not 1 <= self.max_pixels <= PILLOWS_PIXELS:
            raise ValueError(
                f"max_pixels must be within 1 and {PILLOWS_PIXELS}, got {self.max_pixels}"
            )
        unknown = [name for name in self.formats if name not in FORMATS]
        if unknown or not self.formats:
            raise ValueError(f"formats must be some of {FORMATS}, got {self.formats}")


_ORIENTATION = 0x0112  # EXIF 2.32, 4.6.4

LIMITS = Limits()
"""What ImageNet needs, with room."""


def decode(source: Path | bytes, *, limits: Limits = LIMITS, name: str = "") -> Levels:
    """Decode one image, from a file or from a file's content.

    Args:
        limits: what the file may ask for.
        name: what errors call content; files are called by their path.

    Returns:
        uint8 (height, width, 3), RGB, contiguous, writable, shared with nobody. As the module's
        table says.

    Raises:
        ImageError: the file cannot be read, is empty, too large, of no allowed format, damaged, or
            holds samples that RGB cannot; names the file and what is wrong.
    """
    name = name or (str(source) if isinstance(source, Path) else "image in memory")
    if ImageFile.LOAD_TRUNCATED_IMAGES:
        raise ImageError(
            f"{name}: ImageFile.LOAD_TRUNCATED_IMAGES is set, expected it off: missing parts of "
            "images would be filled with grey"
        )
    data = _content(source, limits, name)
    try:
        with _opened(data, limits) as picture:
            _require_pixels(picture, limits, name)
            if picture.format == "PNG":
                _opened(data, limits).verify()  # which leaves a picture unusable
            picture.load()
            return _levels(picture, name)
    except ImageError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageError(f"{name}: {error}, expected at most {limits.max_pixels} pixels") from error
    except UnidentifiedImageError as error:
        raise ImageError(
            f"{name}: begins with {data[:8]!r}, expected one of {', '.join(limits.formats)}"
        ) from error
    except Exception as error:  # Pillow's plug-ins raise whatever their parsing runs into
        problem = " ".join(str(error).split()) or type(error).__name__
        raise ImageError(f"{name}: damaged: {problem}") from error


def require_header(data: bytes, *, limits: Limits = LIMITS, name: str = "image in memory") -> None:
    """Look at what a file says of itself, which misses one that was cut short.

    Raises:
        ImageError: as :func:`decode`, as far as the header shows it.
    """
    try:
        with _opened(_content(data, limits, name), limits) as picture:
            _require_pixels(picture, limits, name)
    except UnidentifiedImageError as error:
        raise ImageError(
            f"{name}: begins with {data[:8]!r}, expected one of {', '.join(limits.formats)}"
        ) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageError(f"{name}: {error}, expected at most {limits.max_pixels} pixels") from error


def orientation_of(data: bytes) -> int:
    """EXIF's orientation, 1 where there is none; OpenCV applies it, and Pillow does not."""
    try:
        with _opened(data, LIMITS) as picture:
            return int(picture.getexif().get(_ORIENTATION, 1))
    except Exception:  # damaged metadata say nothing
        return 1


def _content(source: Path | bytes, limits: Limits, name: str) -> bytes:
    if isinstance(source, bytes):
        data = source
    else:
        try:
            with open_regular(source) as file:
                room = limits.max_bytes + 1
                size = os.fstat(file.fileno()).st_size
                data = file.read(min(size + 1, room))  # what is asked for is allocated
                if len(data) > size:  # of a file that grows the size says nothing
                    data += file.read(room - len(data))
        except OSError as error:
            raise ImageError(f"{name}: cannot be read: {error.strerror or error}") from error
    if not data:
        raise ImageError(f"{name}: is empty, expected an image")
    if len(data) > limits.max_bytes:
        raise ImageError(f"{name}: larger than {limits.max_bytes} bytes, which is the limit")
    return data


def _opened(data: bytes, limits: Limits) -> Image.Image:
    """The picture, its header read.

    Pillow warns about metadata that nobody asked for, of which ImageNet has damaged ones; whether
    a file is usable must not depend on what the process does with warnings.
    """
    with _opening, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        return Image.open(io.BytesIO(data), formats=limits.formats)


def _require_pixels(picture: Image.Image, limits: Limits, name: str) -> None:
    if picture.width * picture.height > limits.max_pixels:
        raise ImageError(
            f"{name}: {picture.width}×{picture.height} pixels, expected at most "
            f"{limits.max_pixels} in all"
        )


def _levels(picture: Image.Image, name: str) -> Levels:
    if picture.mode in _SAMPLE_MODES:
        _require_levels(np.asarray(picture), picture.mode, name)
    elif picture.mode not in _COLOUR_MODES:
        raise ImageError(f"{name}: Pillow's mode {picture.mode!r} has no meaning in RGB here")
    picture.info.pop("transparency", None)  # dropped by RGB anyway, with a warning for some
    return np.array(picture if picture.mode == "RGB" else picture.convert("RGB"))


def _require_levels(samples: npt.NDArray[np.generic], mode: str, name: str) -> None:
    least, most = float(np.min(samples)), float(np.max(samples))  # NaN is handed through
    if not (least >= 0 and most <= 255):
        raise ImageError(
            f"{name}: samples of mode {mode} from {least:g} to {most:g}, expected 0 to 255: Pillow "
            "would clip the others"
        )
