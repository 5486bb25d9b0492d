"""Reading Paddle's ``.pdparams`` without trusting it.

The format is a pickle: a dictionary from names to numpy arrays. A pickle is a program; this reader
knows the few calls that arrays are made of, in its own versions, and refuses every other.
"""

from __future__ import annotations

import mmap
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.errors import BuildError, quoted
from harness.runtime.foreign import open_regular
from harness.sources.pickles import outline

_NAMES_OF_PADDLE = "StructuredToParameterName@@"  # written beside the tensors, of no use here
_SPLIT = "UnpackBigParamInfor@@"  # how tensors above 1 GiB were cut up, in pickle protocols 2 and 3
_PLAIN_KINDS = "fiub"  # floats, integers, unsigned, booleans: types without parts of their own


def read_pdparams(path: Path) -> dict[str, npt.NDArray[Any]]:
    """Tensors by name.

    Raises:
        BuildError: the file is damaged, calls what no array needs, or holds anything else than
            numeric arrays; what and where is named.
    """
    with (
        open_regular(path) as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
    ):
        size = len(content)
        try:
            outline(content)
            content.seek(0)
            loaded = _ArrayReader(content, size).load()
        except _Refused as error:
            raise BuildError(f"{path} is refused: {error}") from error
        except Exception as error:  # a damaged pickle fails in any way a program can
            reason = f"{type(error).__name__}: {error}"
            raise BuildError(f"{path} is damaged or not a .pdparams file: {reason}") from error
    if not isinstance(loaded, dict):
        raise BuildError(f"{path} holds a {type(loaded).__name__}, expected a dictionary of arrays")
    if _SPLIT in loaded:
        raise BuildError(f"{path} holds tensors cut into parts: save it again with protocol=4")
    loaded.pop(_NAMES_OF_PADDLE, None)
    for name, values in loaded.items():
        if not isinstance(name, str) or not isinstance(values, np.ndarray):
            kind = type(values).__name__
            raise BuildError(f"{path}: {quoted(name)} is a {kind}, expected an array with a name")
    distinct = {id(values): values.nbytes for values in loaded.values()}
    if sum(distinct.values()) > size:
        raise BuildError(f"{path} claims more values than its {size} bytes can hold")
    return loaded


class _Refused(Exception):
    """The file asks for something that no array needs."""


class _ArrayType:
    """Stands for ``numpy.ndarray``, which as a callable would allocate what the file says."""

    __slots__ = ()


_ARRAY = _ArrayType()


class _ArrayReader(pickle._Unpickler):
    """The unpickler in Python: that in C allocates for whatever memo index a file names."""

    def __init__(self, content: mmap.mmap, size: int) -> None:
        super().__init__(content, encoding="latin1")  # as Python 2 wrote them
        self._left = size  # bytes that may still be made from text

    def find_class(self, module: str, name: str) -> Any:
        """What a name in the file stands for."""
        known = {
            "numpy.core.multiarray._reconstruct": _new_array,
            "numpy._core.multiarray._reconstruct": _new_array,
            "numpy.ndarray": _ARRAY,
            "numpy.dtype": _plain_type,
            "collections.OrderedDict": dict,
            "_codecs.encode": self._encode,
        }
        full = f"{module}.{name}"
        if full not in known:
            raise _Refused(f"it calls {full}, which no array needs; it may be an attack")
        return known[full]

    def persistent_load(self, pid: Any) -> Any:
        """Refuse objects kept elsewhere."""
        raise _Refused(f"it refers to an object outside, {quoted(pid)}")

    def _encode(self, text: str, encoding: str) -> bytes:
        """How Python 3 writes bytes in pickle protocol 2."""
        if encoding != "latin1":
            raise _Refused(f"it encodes text in {quoted(encoding)}, expected 'latin1'")
        self._left -= len(text)
        if self._left < 0:
            raise _Refused("it makes more bytes than it has")
        return text.encode("latin1")


def _new_array(kind: object, shape: tuple[int, ...], code: object) -> npt.NDArray[Any]:
    """An empty array, which is given its content next; numpy itself writes it only so."""
    if kind is not _ARRAY or shape != (0,) or code not in (b"b", "b"):
        raise _Refused(f"it makes an array of shape {quoted(shape)} out of nothing")
    return np.empty(0, np.int8)


def _plain_type(code: str, *_: object) -> np.dtype[Any]:
    """A numeric type of its own, since the file goes on to set its byte order."""
    if not isinstance(code, str) or np.dtype(code).kind not in _PLAIN_KINDS:
        raise _Refused(f"it has an array of type {quoted(code)}, expected numbers")
    return np.dtype(code, align=False, copy=True)
