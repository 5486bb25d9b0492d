"""Files that others wrote, opened without trust: only regular files, and no more than may be.

A FIFO, a terminal or a device would wait or go on for ever, so none of them is opened for reading.
All that goes wrong is an ``OSError`` whose ``strerror`` says it in words.
"""

from __future__ import annotations

import errno
import os
import stat
import zipfile
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO, Final

_KINDS: Final = {
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a folder",
}

LARGEST_DIRECTORY: Final = 4 * 2**20
"""Bytes of a zip archive's list of members: some 40,000 of them; a checkpoint has hundreds."""


def open_regular(path: Path) -> BufferedReader:
    """Open a regular file for reading, at once or not at all.

    Raises:
        OSError: it is something else, or cannot be opened.
    """
    _require_regular(os.stat(path))  # to open a device may already do something
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except ValueError as error:  # a name with a zero byte
        raise OSError(errno.EINVAL, str(error)) from error
    try:
        _require_regular(os.fstat(descriptor))  # it may have been replaced meanwhile
        return open(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_bytes(path: Path, *, most: int) -> bytes:
    """The whole content of a regular file of at most so many bytes; a larger one is not read.

    Raises:
        OSError: it is larger, no regular file, or cannot be read.
    """
    with open_regular(path) as file:
        if os.fstat(file.fileno()).st_size > most:
            raise too_large(most)
        data = file.read(most + 1) or b""  # files of /proc say that they are empty
    if len(data) > most:
        raise too_large(most)
    return data


def read_text(path: Path, *, most: int) -> str:
    """The text of a regular file, UTF-8 with or without a mark, its line ends as ``\\n``.

    Raises:
        OSError: as in :func:`read_bytes`.
        UnicodeDecodeError: it is not UTF-8.
    """
    text = read_bytes(path, most=most).decode("utf-8-sig")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def too_large(most: int) -> OSError:
    """The error about a file of more bytes than these."""
    return OSError(errno.EFBIG, f"larger than {most} bytes")


def real_path(path: Path) -> Path:
    """The absolute path without symbolic links; a loop of them is left as it is."""
    return Path(os.path.realpath(path))


def open_zip(file: BinaryIO) -> zipfile.ZipFile:
    """An archive whose list of members is bounded before it is read.

    Raises:
        zipfile.BadZipFile: it is none, or lists too much.
    """
    end = zipfile._EndRecData(file)  # type: ignore[attr-defined]
    if end is None:
        raise zipfile.BadZipFile("not a zip archive")
    if end[zipfile._ECD_SIZE] > LARGEST_DIRECTORY:  # type: ignore[attr-defined]
        raise zipfile.BadZipFile(f"its list of members is larger than {LARGEST_DIRECTORY} bytes")
    return zipfile.ZipFile(file)


def _require_regular(found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        kind = _KINDS.get(stat.S_IFMT(found.st_mode), "no regular file")
        raise OSError(errno.EINVAL, f"{kind}, expected a file")
