"""The files beside a page: whether they belong to a row, and whether those that it names exist."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
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
)
from harness.lint.findings import Fault, Place, Rule, Severity
from harness.lint.siblings import BuildFile, Content, Sibling
from harness.lint.zoo import LintedPage, Zoo


def _unreadable(zoo: Zoo) -> Iterator[Fault]:
    for page in zoo.pages:
        yield from _unread(page.siblings.build_configs)
        yield from _unread(page.siblings.run_time_files)


def _unread(files: Iterable[Sibling[Content]]) -> Iterator[Fault]:
    for file in files:
        if file.problem:
            message = file.problem.removeprefix(str(file.path)).lstrip(": ")
            yield Fault(file.at(), file.file, message, "a key and a value that are known")


def _orphans(zoo: Zoo) -> Iterator[Fault]:
    for page in zoo.pages:
        if page.rows:
            yield from _orphaned_run_time_files(page)
            yield from _orphaned_configs(page)


def _orphaned_run_time_files(page: LintedPage) -> Iterator[Fault]:
    for file in page.siblings.run_time_files:
        name = file.path.name
        if owner_of_run_time_file(page, name) is None:
            near = nearest(name, [run_time_name(one) for one in documented(page)])
            yield Fault(
                file.at(),
                file.file,
                f"{name} belongs to no row of {page.file}",
                f"{near}, or take the file away" if near else "take the file away",
            )


def _orphaned_configs(page: LintedPage) -> Iterator[Fault]:
    for config in page.siblings.build_configs:
        if not source_of_config(page, config) and not _is_used(page, config):
            sources = ", ".join(sorted({row.source for row in page.rows if row.source}))
            yield Fault(
                config.at("name"),
                config.file,
                f"{config.path.name} begins with no source of {page.file}, which does not link it",
                f"a name that begins with {sources or 'a source'}, or take the file away",
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


RULES: Final = (
    Rule(
        "unreadable-file",
        Severity.WARNING,
        "A build config or run-time file cannot be understood",
        "A key or value that is impossible, or not known here. What it says is not checked then.",
        _unreadable,
    ),
    Rule(
        "orphan-file",
        Severity.ERROR,
        "A build config or run-time file belongs to no row",
        "A run-time file is named <source>-<model>-vdsp_params.json after its row. A build config "
        "begins with a source of the page, is linked by it, or compiles a model that it has.",
        _orphans,
    ),
    Rule(
        "missing-file",
        Severity.ERROR,
        "The page names a file that is not there",
        "A link to a build config, or a run-time file in a command. Told by the file's name alone, "
        "wherever it lies below the page; only where the page has files of that kind at all.",
        _missing,
    ),
)
