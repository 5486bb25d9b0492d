"""The files beside a page: whether they belong to a row, and whether those that it names exist."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from pathlib import Path, PurePosixPath
from typing import Final

from harness.lint.belonging import (
    compiled_by,
    documented,
    model_named,
    nearest,
    owner_of_run_time_file,
    run_time_name,
    source_of_config,
    spelt_otherwise,
)
from harness.lint.findings import Evidence, Fault, LintRule, Severity
from harness.lint.places import Place
from harness.lint.siblings import BuildFile, Content, Sibling
from harness.lint.zoo import LintedPage, Zoo
from harness.runtime.foreign import real_path

_TYPO: Final = 0.85  # ratio of difflib between a misspelt key and the one that was meant
_PLAIN: Final = re.compile(r"[\w.+-]+")
_MEANT: Final = re.compile(r" \(did you mean '(?P<key>[^']*)'\?\)")


def _unreadable(zoo: Zoo) -> Iterator[Fault]:
    for page in zoo.pages:
        yield from _unread(page.siblings.build_configs)
        yield from _unread(page.siblings.run_time_files)


def _unread(files: Iterable[Sibling[Content]]) -> Iterator[Fault]:
    for file in files:
        if not file.problem:
            continue
        meant = _MEANT.search(file.problem) if file.unknown_key else None
        misspelt = meant is not None and bool(get_close_matches(file.key, [meant["key"]], 1, _TYPO))
        other = file.beyond or (file.unknown_key and not misspelt)  # the vendor knows more words
        yield Fault(
            file.at(file.key),
            f"{file.file} {file.key}".strip(),
            file.problem if misspelt else _MEANT.sub("", file.problem),
            meant["key"] if meant and misspelt else "what is expected, if that is what was meant",
            severity=Severity.ERROR if misspelt else Severity.NOTE if other else None,
        )


def _beyond(zoo: Zoo) -> Iterator[Fault]:
    for page in zoo.pages:
        yield from _not_modelled(page.siblings.build_configs)
        yield from _not_modelled(page.siblings.run_time_files)


def _not_modelled(files: Iterable[Sibling[Content]]) -> Iterator[Fault]:
    for file in files:
        for what in file.beyond:
            key = what.partition(":")[0].rpartition(".")[2]
            message = f"{what} is the vendor's, and not modelled here"
            yield Fault(file.at(key), f"{file.file} {what}", message, "nothing")


def _orphans(zoo: Zoo) -> Iterator[Fault]:
    for page in zoo.pages:
        if page.rows:
            yield from _orphaned_run_time_files(page)
            yield from _orphaned_configs(page)


def _orphaned_run_time_files(page: LintedPage) -> Iterator[Fault]:
    for file in page.siblings.run_time_files:
        name = file.path.name
        if owner_of_run_time_file(page, name):
            continue
        if row := spelt_otherwise(page, name):
            name_of_row = run_time_name(row)
            taken = {one.path.name for one in page.siblings.run_time_files}
            free = name_of_row not in taken and row.source and _PLAIN.fullmatch(name_of_row)
            yield Fault(
                file.at(),
                file.file,
                f"{name} is named otherwise than the row that it seems to be of, {row.name}",
                f"{name_of_row}, if it is of that row" if free else "nothing, if that is meant",
                evidence=(Evidence(f"row {row.name}", page.at(row.line, row.name)),),
                severity=Severity.NOTE,
            )
            continue
        yield Fault(
            file.at(),
            file.file,
            f"{name} is of no row of {page.file} that it is named after",
            "the row that it is of, or its name as <source>-<model>-vdsp_params.json",
        )
    for path in page.siblings.others:
        yield Fault(
            Place(path.as_posix(), 1, 1),
            path.as_posix(),
            f"{path.name} is named as no run-time file is, so that no command takes it",
            "a name that ends in -vdsp_params.json, or one that does not look like that",
        )


def _orphaned_configs(page: LintedPage) -> Iterator[Fault]:
    for config in page.siblings.build_configs:
        if not source_of_config(page, config) and not _is_used(page, config):
            sources = ", ".join(sorted({row.source for row in page.rows if row.source}))
            yield Fault(
                config.at("name"),
                config.file,
                f"{config.path.name} begins with no source of {page.file}, which does not link it",
                f"a name that begins with {sources or 'a source'}, or a link to it",
            )


def _is_used(page: LintedPage, config: BuildFile) -> bool:
    """Whether the page links a build config, or documents the model that it compiles."""
    if any(PurePosixPath(link.name).name == config.path.name for link in page.named.links):
        return True
    if config.content is None:
        return True  # it cannot be told
    return model_named(compiled_by(config.content), documented(page)) is not None


def _missing(zoo: Zoo) -> Iterator[Fault]:
    for page in zoo.pages:
        configs = {file.path.name for file in page.siblings.build_configs}
        run_time = {file.path.name for file in page.siblings.run_time_files}
        for link in page.named.links if configs else ():
            name = PurePosixPath(link.name).name
            beside = Path(page.file).parent / link.name
            if name not in configs | run_time and not os.path.exists(beside):
                yield Fault(
                    Place(page.file, link.line, link.column),
                    f"{page.file} {link.name}",
                    f"{name} is linked, and there is no such file beside the page",
                    nearest(name, configs | run_time) or f"one of {', '.join(sorted(configs))}",
                )
        for mention in page.named.run_time_files if run_time else ():
            if mention.name not in run_time:
                row = owner_of_run_time_file(page, mention.name)
                yield Fault(
                    Place(page.file, mention.line, mention.column),
                    f"{page.file} {mention.name}",
                    f"the command takes {mention.name}, and there is no such file beside the page"
                    + ("" if row else ", and no such row on it"),
                    nearest(mention.name, run_time) or "the run-time file of a row",
                )


def _broken_links(zoo: Zoo) -> Iterator[Fault]:
    for page in zoo.pages:
        here = Path(page.file).parent
        for link in page.named.paths:
            target = os.path.normpath(real_path(here) / link.name.lstrip("/"))
            inside = any(Path(target).is_relative_to(folder) for folder in zoo.folders)
            if inside and not link.name.startswith("/") and not os.path.exists(target):
                yield Fault(
                    Place(page.file, link.line, link.column),
                    f"{page.file} {link.name}",
                    f"{link.name} is linked, and there is no such file or folder in the zoo",
                    nearest(PurePosixPath(link.name).name, _names(Path(target).parent))
                    or "a file that is there",
                )


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


RULES: Final = (
    LintRule(
        "unreadable-file",
        Severity.WARNING,
        "A build config or run-time file cannot be understood",
        "A value that is impossible, or not known here. What it says is not checked then. As an "
        "error: a misspelt key. As a note: a key that is not known here, and whatever stands in a "
        "file with words of the vendor that are not modelled.",
        _unreadable,
    ),
    LintRule(
        "not-modelled",
        Severity.NOTE,
        "A build config or run-time file says something that is not modelled here",
        "Values and keys of the vendor that are right: they are left alone, and what else the file "
        "says is checked.",
        _beyond,
    ),
    LintRule(
        "orphan-file",
        Severity.WARNING,
        "A build config or run-time file belongs to no row",
        "A run-time file is named <source>-<model>-vdsp_params.json after its row, the source by "
        "any of its names. A build config begins with a source of the page, is linked by it, or "
        "compiles a model that it has. As a note: one that seems to be of a row without its own.",
        _orphans,
    ),
    LintRule(
        "missing-file",
        Severity.ERROR,
        "The page names a file that is not there",
        "A link to a build config, or a run-time file in a command. Told by the file's name alone, "
        "wherever it lies below the page; only where the page has files of that kind at all.",
        _missing,
    ),
    LintRule(
        "broken-link",
        Severity.WARNING,
        "A link within the zoo leads nowhere",
        "A link or an image of a page that lies in a folder that was given, to a place in it where "
        "nothing is. Links that lead out of what was given are left alone.",
        _broken_links,
    ),
)
