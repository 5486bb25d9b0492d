"""Which row a file beside a page, or a name in a command, belongs to."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from difflib import get_close_matches
from pathlib import PurePosixPath
from typing import Final

from harness.expected.buildconfig import BuildConfig
from harness.images.vdsp import FILE_SUFFIX, file_name
from harness.lint.naming import fold, same_source
from harness.lint.siblings import BuildFile
from harness.lint.zoo import LintedPage
from harness.records import DocumentedFailure, Row

Documented = Row | DocumentedFailure
"""What a page documents: rows, and models of which it says that a conversion fails."""

_WITH_SIZE: Final = re.compile(r"(?P<name>.+)[-_][0-9]{2,4}")  # the vendor's export adds it
_SUFFIXES: Final = re.compile(
    r"(\.(onnx|pt|pth|torchscript|script|pdmodel|h5|hdf5|pb|cfg|weights))+$", re.IGNORECASE
)
_WORDS: Final = re.compile(r"[0-9]+(?:\.[0-9]+)?|[a-z]+")
_BEFORE_VERSION: Final = re.compile(r"v(?=[0-9])")
_LEAST_SHARED: Final = 5  # letters and digits that two names share before they may mean one model
_NEAR: Final = 0.7  # ratio of difflib: resnet50 is near resnext50, model is near nothing


def documented(page: LintedPage) -> tuple[Documented, ...]:
    """All models of a page."""
    return (*page.rows, *(page.page.failures if page.page else ()))


def run_time_name(one: Documented) -> str:
    """The name of a row's run-time file."""
    return file_name(one.source, one.name).removeprefix("-" * (not one.source))


def owner_of_run_time_file(page: LintedPage, name: str) -> Documented | None:
    """The model to which a run-time file belongs by its name, its source by any of its names."""
    models = documented(page)
    exact = next((one for one in models if fold(run_time_name(one)) == fold(name)), None)
    named = (one for one in models if any(_is_of(one, *parts) for parts in _parts(name)))
    return exact or next(named, None)


def spelt_otherwise(page: LintedPage, name: str) -> Documented | None:
    """The one model without a run-time file of its own that has the words of a file's name."""
    files = [file.path.name for file in page.siblings.run_time_files]
    owners = {id(owner) for file in files if (owner := owner_of_run_time_file(page, file))}
    left = [one for one in documented(page) if id(one) not in owners]
    known = {fold(one.source) for one in documented(page) if one.source}
    found = {
        fold(one.name): one
        for source, model in _parts(name)
        for one in left
        if (same_source(source, one.source) or fold(source) not in known)
        and _same_words(model, one.name)
    }
    return next(iter(found.values())) if len(found) == 1 else None


def _parts(name: str) -> Iterator[tuple[str, str]]:
    """The ways to part a run-time file's name into source and model."""
    stem = name.removesuffix(".json").removesuffix(FILE_SUFFIX)
    for at, character in enumerate(stem):
        if character == "-":
            yield stem[:at], stem[at + 1 :]


def _is_of(one: Documented, source: str, model: str) -> bool:
    return same_source(source, one.source) and fold(model) == fold(one.name)


def _same_words(one: str, other: str) -> bool:
    """Whether all words and numbers of the one name are in the other.

    >>> _same_words("yolov11l_cls", "YOLO11l-cls"), _same_words("vgg11", "vgg11_bn")
    (True, True)
    >>> _same_words("Group3_1.0x", "ShuffleNetV1 0.5x (group=3)"), _same_words("b", "Swin-B")
    (False, False)
    """
    words, others = (
        set(_WORDS.findall(_BEFORE_VERSION.sub(" ", text.casefold()))) for text in (one, other)
    )
    shared = sum(map(len, words & others))
    return shared >= _LEAST_SHARED and (words <= others or others <= words)


def source_of_config(page: LintedPage, config: BuildFile) -> str:
    """The source, as rows of the page name it, with which a build config's name begins, or ""."""
    stem = fold(config.path.stem)
    sources = {one.source for one in documented(page) if one.source}
    return max((one for one in sources if stem.startswith(fold(one))), key=len, default="")


def compiled_by(config: BuildConfig) -> str:
    """The name of the model that a build config compiles: its file's, without any suffix."""
    return _SUFFIXES.sub("", PurePosixPath(config.frontend.checkpoint.replace("\\", "/")).name)


def model_named(name: str, models: Iterable[Documented]) -> Documented | None:
    """The model that a file's name means, with or without the input size at its end."""
    by_name = {fold(one.name): one for one in models}
    match = _WITH_SIZE.fullmatch(name)
    return by_name.get(fold(name)) or (by_name.get(fold(match["name"])) if match else None)


def nearest(name: str, known: Collection[str]) -> str:
    """The known name that is most like another one, or ""."""
    return next(iter(get_close_matches(name, sorted(set(known)), n=1, cutoff=_NEAR)), "")
