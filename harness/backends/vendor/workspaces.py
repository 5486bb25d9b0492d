"""A folder of its own for each call of a tool; a full disk is told by name."""

from __future__ import annotations

import errno
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.errors import HarnessError, NotEnoughDisk

_FULL = (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def workspace(parent: Path | None = None) -> Iterator[Path]:
    """A fresh folder below ``parent``, or below the system's temporary folder; removed at the end.

    Raises:
        NotEnoughDisk: the disk became full within.
        HarnessError: it cannot be made, or another file error came up within.
    """
    try:
        with tempfile.TemporaryDirectory(prefix=".vendor-", dir=parent) as folder:
            yield Path(folder)
    except HarnessError as error:
        if isinstance(error.__cause__, OSError) and error.__cause__.errno in _FULL:
            raise NotEnoughDisk(str(error)) from error
        raise
    except OSError as error:
        kind = NotEnoughDisk if error.errno in _FULL else HarnessError
        raise kind(f"the vendor backend's workspace: {error}") from error
