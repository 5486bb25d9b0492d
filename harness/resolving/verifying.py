"""Whether the expectations of a page are read, before anybody relies on them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from harness.errors import ExpectationError, HarnessError
from harness.expected.published import read_expected as read_published
from harness.expected.repairing import naming_the_repair
from harness.pipeline.catalogue import read_pages
from harness.records import Page
from harness.resolving.running import FILES
from harness.runtime.document import LARGEST_FILE
from harness.runtime.foreign import read_bytes
from harness.runtime.scratch import Scratch

KINDS = ("pages", *FILES)
"""The folders that have a file of each page."""


def read_back(folder: Path, page: Page, *, source: str = "") -> None:
    """Read what a folder says of one page, as a run does.

    ``source``: the page's file, where it is known better than it was recorded.

    Raises:
        ExpectationError: a file is missing or wrong.
    """
    read_pages([folder / "pages" / f"{page.name}.toml"], folder, source=source)
    rows = [row.id for row in page.rows]
    with naming_the_repair(source or page.path, folder):
        read_published(folder / "published" / f"{page.name}.toml", rows)


def require_readable(
    page: Page, written: Mapping[str, bytes], expected: Path, *, source: str
) -> None:
    """Read the files of a page as they would be, without writing one.

    Args:
        page: as it was read.
        written: by folder, as ``variants``, the new content of the page's file there; the files
            of the other folders stay as they are.
        expected: the folder of expectations.
        source: the page's file.

    Raises:
        ExpectationError: a run would refuse them.
    """
    with Scratch("update") as scratch:
        for kind in KINDS:
            kept = expected / kind / f"{page.name}.toml"
            content = written.get(kind)
            if content is None and kept.is_file():
                content = read_bytes(kept, most=LARGEST_FILE)
            if content is not None:
                (scratch / kind).mkdir()
                (scratch / kind / kept.name).write_bytes(content)
        try:
            read_back(scratch, page, source=source)
        except HarnessError as error:
            told = str(error).replace(str(scratch), str(expected))
            raise ExpectationError(told) from error
