"""Which row a file beside a page, or a name in a command, belongs to."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from difflib import get_close_matches
from pathlib import PurePosixPath
from typing import Final

from harness.expected.buildconfig import BuildConfig
from harness.images.vdsp import file_name
from harness.lint.naming import fold
from harness.lint.siblings import BuildFile
from harness.lint.zoo import LintedPage
from harness.records import DocumentedFailure, Row

Documented = Row | DocumentedFailure
"""What a page documents: rows, and models of which it says that a conversion fails."""

_WITH_SIZE: Final = re.compile(r"(?P<name>.+)[-_][0-9]{2,4}")  # the vendor's export adds it
_NEAR: Final = 0.7  # ratio of difflib: resnet50 is near resnext50, model is near nothing


def documented(page: LintedPage) -> tuple[Documented, ...]:
    """All models of a page."""
    return (*page.rows, *(page.page.failures if page.page else ()))


def run_time_name(one: Documented) -> str:
    """The name of a row's run-time file."""
    return file_name(one.source, one.name)


def owner_of_run_time_file(page: LintedPage, name: str) -> Documented | None:
    """The model to which a run-time file belongs by its name."""
    return next((one for one in documented(page) if fold(run_time_name(one)) == fold(name)), None)


def source_of_config(page: LintedPage, config: BuildFile) -> str:
    """The source, as rows of the page name it, with which a build config's name begins, or ""."""
    stem = fold(config.path.stem)
    sources = {one.source for one in documented(page) if one.source}
    return max((one for one in sources if stem.startswith(fold(one))), key=len, default="")


def compiled_by(config: BuildConfig) -> str:
    """The name of the model that a build config compiles: its file's, without the suffix."""
    return PurePosixPath(config.frontend.checkpoint.replace("\\", "/")).stem


def model_named(name: str, models: Iterable[Documented]) -> Documented | None:
    """The model that a file's name means, with or without the input size at its end."""
    by_name = {fold(one.name): one for one in models}
    match = _WITH_SIZE.fullmatch(name)
    return by_name.get(fold(name)) or (by_name.get(fold(match["name"])) if match else None)


def nearest(name: str, known: Collection[str]) -> str:
    """The known name that is most like another one, or ""."""
    return next(iter(get_close_matches(name, sorted(set(known)), n=1, cutoff=_NEAR)), "")
