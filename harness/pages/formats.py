"""The formats of documents, by the endings of their files.

A format is a function ``parse(text, *, file) -> Document``: text in, tables with the lines and
columns of their cells out. What makes a table one of models, units, dialects, and the account of
rows are the same for all of them.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Protocol

from harness.pages.tables import Document

FORMATS: Final[Mapping[str, str]] = {
    ".md": "harness.pages.tables",
    ".csv": "harness.pages.delimited",
    ".tsv": "harness.pages.delimited",
    ".rst": "harness.pages.restructured",
    **dict.fromkeys((".yaml", ".yml", ".json"), "harness.pages.manifests"),
}
"""The modules that read files of these endings; any other file is read as Markdown."""


class Format(Protocol):
    """A module that reads documents of one format."""

    def parse(self, text: str, *, file: str) -> Document:
        """Parse a document; ``file`` is what errors name.

        Raises:
            PageError: it is no document of this format, or holds more than any page.
        """
        ...


def parse(text: str, *, path: Path) -> Document:
    """A document in the format of its file.

    Raises:
        PageError: see :class:`Format`.
    """
    module = FORMATS.get(path.suffix.lower(), FORMATS[".md"])
    form: Format = importlib.import_module(module)
    return form.parse(text, file=path.as_posix())
