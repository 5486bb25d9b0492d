"""The vendor's form of an image on its way to a device: npz files, and the list that names them.

An npz file holds one array, ``input_0``: uint8 (3, height, width), RGB, the image's own size,
not compressed. A datalist is a text file of absolute npz paths, one a line; outputs come back in
its order. Source: the zoo's ``common/utils/image2npz.py`` and its pages.
"""

from __future__ import annotations

import io
import math
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from harness.errors import HarnessError, MissingDataset, quoted
from harness.images.datasets.labels import LARGEST_LIST
from harness.images.decoding import PILLOWS_PIXELS
from harness.runtime.atomic import write_bytes, write_text
from harness.runtime.foreign import open_regular, open_zip, read_bytes

KEY: Final = "input_0"

Planes = npt.NDArray[np.uint8]

DAMAGE: Final = (
    OSError,
    ValueError,
    EOFError,
    RuntimeError,
    MemoryError,
    zipfile.BadZipFile,
    zlib.error,
)  # what reading a damaged, encrypted or lying archive raises
_READERS: Final[Mapping[tuple[int, int], Callable[..., Any]]] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
_HEADER: Final = 4096  # bytes; what NumPy's format puts before an array of three sides is 128


def write_npz(path: Path, planes: Planes) -> None:
    """Write one image, whole or not at all; equal images give equal bytes.

    Raises:
        ValueError: not uint8 (3, height, width) with at least one pixel.
        HarnessError: the file cannot be written.
    """
    if not _is_image(planes):
        raise ValueError(f"{planes.dtype} {planes.shape}, expected uint8 (3, height, width)")
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **{KEY: planes})
    write_bytes(path, buffer.getvalue())


def read_npz(path: Path) -> Planes:
    """Read one image; nothing is unpickled, and no more is read than an image may hold.

    Raises:
        MissingDataset: there is no such file.
        HarnessError: it is damaged, or holds anything but one image; names what was found.
    """
    try:
        planes = one_array(path, KEY, most=3 * PILLOWS_PIXELS + _HEADER)
    except FileNotFoundError as error:
        raise MissingDataset(f"{path} does not exist") from error
    except DAMAGE as error:
        raise HarnessError(f"cannot read {path}: {told(error)}") from error
    if not _is_image(planes):
        found = f"{planes.dtype} {planes.shape}"
        raise HarnessError(f"{path}: {KEY} is {found}, expected uint8 (3, height, width)")
    return np.asarray(planes)


def one_array(path: Path, key: str, *, most: int) -> npt.NDArray[Any]:
    """The only array of an npz file; nothing is unpickled, and no more is made than it holds.

    Args:
        most: bytes of the array and its header, unpacked.

    Raises:
        ValueError: it holds anything else, more bytes, or an array of another size than its own.
        OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error: it is damaged.
    """
    with open_regular(path) as file, open_zip(file) as archive:
        names = [info.filename for info in archive.infolist()]
        if names != [f"{key}.npy"]:
            held = quoted(", ".join(names))[1:].replace("'", "", 1) if names else "nothing"
            raise ValueError(f"it holds {held}, expected {key} alone")
        size = archive.getinfo(names[0]).file_size
        if size > most:
            raise ValueError(f"{key} has {size:,} bytes, expected at most {most:,}")
        with archive.open(names[0]) as member:
            content = io.BytesIO(member.read(size + 1))
    version = np.lib.format.read_magic(content)
    if version not in _READERS:
        raise ValueError(f"version {version} of NumPy's format")
    shape, _, dtype = _READERS[version](content)
    room = len(content.getbuffer()) - content.tell()
    if dtype.hasobject:
        raise ValueError(f"{key} is an array of objects, which are never loaded")
    if math.prod(shape) * dtype.itemsize != room:
        raise ValueError(f"{key} is {quoted(dtype.str)} {quoted(shape)}, and it has {room:,} bytes")
    content.seek(0)
    array: npt.NDArray[Any] = np.load(content, allow_pickle=False)
    return array


def told(error: Exception) -> str:
    """What an error says, in one line: the system's own without the file's name."""
    return str((isinstance(error, OSError) and error.strerror) or error)


def write_datalist(path: Path, files: Sequence[Path]) -> None:
    """Write the absolute paths of npz files in the order given, UTF-8, a line each.

    Raises:
        HarnessError: a path cannot stand on a line or stands twice, or nothing can be written.
    """
    lines = [str(file.absolute()) for file in files]
    for line in lines:
        if problem := line_problem(line):
            raise HarnessError(f"cannot write {path}: {line!r} {problem}")
    if len(set(lines)) != len(lines):
        twice = next(line for line in lines if lines.count(line) > 1)
        raise HarnessError(f"cannot write {path}: {twice} stands in it twice")
    write_text(path, "".join(f"{line}\n" for line in lines))


def read_datalist(path: Path) -> tuple[Path, ...]:
    """Read a datalist; the npz files themselves are not looked at.

    Raises:
        MissingDataset: there is no such file.
        HarnessError: it is not UTF-8, or a line is no absolute npz path or stands twice; names
            file and line.
    """
    try:
        text = read_bytes(path, most=LARGEST_LIST).decode("utf-8")
    except FileNotFoundError as error:
        raise MissingDataset(f"{path} does not exist") from error
    except OSError as error:
        raise HarnessError(f"cannot read {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise HarnessError(f"{path}: not UTF-8 at byte {error.start}") from error
    seen: dict[str, int] = {}
    for number, line in enumerate(text.removesuffix("\n").split("\n") if text else [], start=1):
        if problem := line_problem(line):
            raise HarnessError(f"{path}:{number}: {quoted(line)} {problem}")
        if (first := seen.setdefault(line, number)) != number:
            raise HarnessError(f"{path}:{number}: {line} also stands on line {first}")
    return tuple(map(Path, seen))


def line_problem(line: str) -> str:
    """Why a text cannot be a datalist's line; empty where it can.

    >>> line_problem("/data/n01440764/a b:c.npz"), line_problem("a.npz")
    ('', 'is not absolute')
    """
    if "\n" in line or "\r" in line:
        return "holds a line break"
    if not line.startswith("/"):
        return "is not absolute"
    if not line.endswith(".npz"):
        return "does not end in .npz"
    try:
        line.encode("utf-8")
    except UnicodeEncodeError:
        return "is not UTF-8"
    return ""


def _is_image(planes: Planes) -> bool:
    three = planes.ndim == 3 and planes.shape[0] == 3
    return planes.dtype == np.uint8 and three and planes.size > 0
