"""Links of rows: the library, file and version that they name."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urlsplit

from harness.lint.findings import Evidence, Fault, LintRule, Severity
from harness.lint.naming import fold, library_of, library_of_repository
from harness.lint.zoo import LintedPage, Zoo
from harness.records import Row
from harness.sources import sources

_HOSTS: Final = frozenset(
    {"github.com", "www.github.com", "raw.githubusercontent.com", "gitee.com", "www.gitee.com"}
)
_RAW: Final = "raw.githubusercontent.com"
_VIEWS: Final = frozenset({"blob", "tree", "raw", "blame"})
_VERSION: Final = re.compile(r"v?(?P<number>[0-9]+(?:\.[0-9]+)+)")
_NUMBERED: Final = re.compile(r"(?P<family>[a-z]{3,}?)[-_]?v(?P<number>[0-9])(?![0-9])")
_RECIPE: Final = re.compile(r"_(?:b\d+x\d+|\d+xb\d+).*$", re.IGNORECASE)
_NO_NAMES: Final = frozenset({"readme", "index", "metafile", "model-index", "__init__"})

SINGLE_FAMILIES: Final = frozenset(
    {
        *("alexnet", "convnext", "densenet", "dpn", "ghostnet", "googlenet", "hrnet", "mnasnet"),
        *("nasnet", "regnet", "repvgg", "rexnet", "selecsls", "squeezenet", "vgg", "xception"),
    }
)
"""Files and folders in which every known version of a library has models of just this family, each
with its name in its own. ``resnet.py`` is none of them: it has ResNeXt and Wide ResNet too."""

_FEWEST_ALIKE: Final = 3  # rows that link one version before another one stands out


@dataclass(frozen=True, slots=True)
class _Address:
    """A place in a repository: ``owner/name``, a version or branch, and the path's parts."""

    repository: str
    version: str
    path: tuple[str, ...]


def _address(link: str) -> _Address | None:
    """The place in a repository that a link leads to, or None."""
    try:
        url = urlsplit(link.strip())
    except ValueError:
        return None
    parts = [unquote(part) for part in url.path.split("/") if part]
    if (url.hostname or "") not in _HOSTS or len(parts) < 2:
        return None
    repository, rest = f"{parts[0]}/{parts[1].removesuffix('.git')}", parts[2:]
    if url.hostname != _RAW:
        if not rest or rest[0] not in _VIEWS:
            return _Address(repository, "", ())
        rest = rest[1:]
    at = 2 if rest and rest[0] == "release" else 1
    return _Address(repository, "/".join(rest[:at]), tuple(rest[at:]))


def _linked(zoo: Zoo) -> Iterator[tuple[LintedPage, Row, _Address]]:
    for page, row in zoo.rows():
        if address := _address(row.link):
            yield page, row, address


def _library(zoo: Zoo) -> Iterator[Fault]:
    for page, row, address in _linked(zoo):
        library = library_of(row.source)
        linked = library_of_repository(address.repository)
        if not library or linked == library:
            continue
        known = sorted(sources()[library].repositories)
        told = f"which is {linked}" if linked else f"which is no repository of {library}"
        yield Fault(
            page.at(row.line, row.link),
            f"{row.id} link",
            f"the source is {row.source}, and the link leads to {address.repository}, {told}",
            f"a file of {' or '.join(known)}" + (f", or {linked} as the source" if linked else ""),
            evidence=(Evidence(f"source {row.source}", page.at(row.line, row.source)),),
            severity=None if linked else Severity.WARNING,
        )


def _file(zoo: Zoo) -> Iterator[Fault]:
    for page, row, address in _linked(zoo):
        if owner := _owner_of_config(page, row, address):
            about, right = f"the config of {owner.name}", f"the config of {row.name}"
        elif other := _other_family(row.name, address):
            about = f"which is about {other}"
            right = f"the file of {address.repository} that has {row.name}"
        else:
            continue
        shown = owner or row
        yield Fault(
            page.at(row.line, row.link),
            f"{row.id} link",
            f"the row is {row.name}, and the link leads to {'/'.join(address.path)}, {about}",
            right,
            evidence=(Evidence(f"model {shown.name}", page.of_row(shown)),),
        )


def _owner_of_config(page: LintedPage, row: Row, address: _Address) -> Row | None:
    """The row whose config is linked in place of this row's, or None.

    OpenMMLab has a config for each model, named after it and then after its recipe.
    """
    if not address.path or "configs" not in address.path[:-1]:
        return None
    stem = fold(_RECIPE.sub("", address.path[-1].partition(".")[0]))
    if stem == fold(row.name):
        return None
    return next((one for one in page.rows if fold(one.name) == stem), None)


def _other_family(name: str, address: _Address) -> str:
    """The family of networks that the linked file is about, if it is none of the row's; else ""."""
    parts = [part.partition(".")[0].casefold() for part in address.path]
    stems = [part for part in parts if part not in _NO_NAMES]
    if not stems:
        return ""
    stem, plain = stems[-1], fold(name)
    if fold(stem) in SINGLE_FAMILIES and fold(stem) not in plain:
        return stem
    of_file, of_name = _NUMBERED.fullmatch(stem), _NUMBERED.match(name.casefold())
    if of_file and of_name and of_file["family"] == of_name["family"]:
        return stem if of_file["number"] != of_name["number"] else ""
    return ""


def _version(zoo: Zoo) -> Iterator[Fault]:
    yield from _version_of_source(zoo)
    for page in zoo.pages:
        by_source: dict[str, list[tuple[Row, str]]] = {}
        for of_page, row, address in _linked(Zoo((page,))):
            version = _VERSION.search(address.version)
            if of_page is page and version:
                key = f"{fold(row.source)} {address.repository.casefold()}"
                by_source.setdefault(key, []).append((row, version["number"]))
        for linked in by_source.values():
            yield from _standing_out(page, linked)


def _version_of_source(zoo: Zoo) -> Iterator[Fault]:
    """Rows whose source cell itself names another version."""
    for page, row, address in _linked(zoo):
        named, linked = _VERSION.search(row.source), _VERSION.search(address.version)
        if named and linked and named["number"] != linked["number"]:
            yield Fault(
                page.at(row.line, row.link),
                f"{row.id} link",
                f"the source is {row.source}, and the link leads to version {address.version}",
                f"a link to {named['number']}, or {linked['number']} in the source",
                evidence=(Evidence(f"source {row.source}", page.at(row.line, row.source)),),
            )


def _standing_out(page: LintedPage, linked: list[tuple[Row, str]]) -> Iterator[Fault]:
    """Rows that link another version than most rows of their source on the page."""
    ((usual, times),) = Counter(version for _, version in linked).most_common(1)
    if times < _FEWEST_ALIKE or 2 * times <= len(linked):
        return
    first = next(row for row, version in linked if version == usual)
    for row, version in linked:
        if version != usual:
            yield Fault(
                page.at(row.line, row.link),
                f"{row.id} link",
                f"the link leads to version {version}; {times} of {len(linked)} rows of "
                f"{row.source} on this page link {usual}",
                f"a link to {usual}, if the figures are of that version",
                evidence=(Evidence(f"version {usual}", page.at(first.line, first.link)),),
                severity=Severity.NOTE,
            )


RULES: Final = (
    LintRule(
        "link-library",
        Severity.ERROR,
        "The link leads to another library than the row's source",
        "Told by the repository on GitHub or Gitee. As a warning: a repository that is not known "
        "to be the library's. Sources that are no known library, and other hosts, are left alone.",
        _library,
    ),
    LintRule(
        "link-file",
        Severity.ERROR,
        "The link leads to a file about other networks",
        "A file whose name has another version of the row's family, as mobilenet_v3 for "
        "mobilenet_v2; or one that is known to have a single family, which the row's name does not "
        "have in it; or a config that is another row's. Any other file may well have the model.",
        _file,
    ),
    LintRule(
        "link-version",
        Severity.ERROR,
        "The link leads to another version than the row",
        "Another version than the source cell names. As a note: another than most rows of the same "
        "source on the page. Commits and branches are left alone.",
        _version,
    ),
)
