"""What the files beside a page say: which model they are about, and its input size."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.expected.buildconfig import BuildConfig
from harness.lint.belonging import (
    Documented,
    compiled_by,
    documented,
    model_named,
    nearest,
    owner_of_run_time_file,
    source_of_config,
)
from harness.lint.commands import Mention
from harness.lint.findings import Evidence, Fault, LintRule, Severity
from harness.lint.naming import library_of
from harness.lint.places import Place
from harness.lint.siblings import BuildFile
from harness.lint.zoo import LintedPage, Zoo
from harness.records import Metric, Row


def _other_model(zoo: Zoo) -> Iterator[Fault]:
    for page in zoo.pages:
        for config in page.siblings.build_configs:
            source = source_of_config(page, config)
            if source and config.content:
                yield from _other_source(config, config.content, source)
                yield from _other_compiled(page, config, config.content, source)
        for mention in page.named.models:
            yield from _other_exported(page, mention)


def _other_source(config: BuildFile, content: BuildConfig, source: str) -> Iterator[Fault]:
    """A config that calls itself after another library than its file."""
    named = library_of(content.name.partition("_")[0])
    if named and library_of(source) and named != library_of(source):
        yield Fault(
            config.at("name"),
            f"{config.file} name",
            f"{config.path.name} calls itself {content.name}, which is {named}",
            f"a name that begins with {source}",
        )


def _other_compiled(
    page: LintedPage, config: BuildFile, content: BuildConfig, source: str
) -> Iterator[Fault]:
    compiled, place = compiled_by(content), config.at("checkpoint")
    about = f"{config.file} checkpoint"
    models = [one for one in documented(page) if one.source == source]
    row = model_named(compiled, models)
    if row is None:
        near = nearest(compiled, [one.name for one in models])
        if near or model_named(compiled, documented(page)):
            message = (
                f"{config.path.name} compiles {compiled}, and {page.file} has no such row of "
                f"{source}"
            )
            yield Fault(place, about, message, near or f"a model of {source}")
        return
    exported = _exported(page, library_of(source), models)
    if exported and row.name not in {one.name for one, _ in exported}:
        one, mention = exported[0]
        yield Fault(
            place,
            about,
            f"{config.path.name} compiles {row.name}, and its page exports {one.name} of {source}",
            f"{one.name} here, or {row.name} in the command",
            evidence=(
                Evidence(f"the command exports {mention.name}", _at(page, mention)),
                Evidence(f"another row is {source} {row.name}", page.at(row.line, row.name)),
            ),
        )


def _exported(
    page: LintedPage, library: str, models: list[Documented]
) -> list[tuple[Documented, Mention]]:
    """The models of a library that the page's own commands about it name."""
    return [
        (one, mention)
        for mention in page.named.models
        if library and mention.source == library
        if (one := model_named(mention.name, models))
    ]


def _other_exported(page: LintedPage, mention: Mention) -> Iterator[Fault]:
    """A command whose options name a model that the page does not have."""
    models = [one for one in documented(page) if library_of(one.source) == mention.source]
    if mention.option and mention.source and models and not model_named(mention.name, models):
        near = nearest(mention.name, [one.name for one in models])
        yield Fault(
            _at(page, mention),
            f"{page.file} {mention.source} {mention.name}",
            f"the command exports {mention.name}, and the page has no such row of {mention.source}",
            near or f"a model of {mention.source}, as {models[0].name}",
        )


def _at(page: LintedPage, mention: Mention) -> Place:
    return Place(page.file, mention.line, mention.column)


def _other_size(zoo: Zoo) -> Iterator[Fault]:
    for page in zoo.pages:
        for config in page.siblings.build_configs:
            if config.content:
                source = source_of_config(page, config)
                models = [one for one in page.rows if one.source == source]
                owner = model_named(compiled_by(config.content), models)
                _, _, height, width = config.content.frontend.input_shape
                yield from _size(page, owner, config.at("shape"), (height, width))
        for file in page.siblings.run_time_files:
            if file.content:
                owner = owner_of_run_time_file(page, file.path.name)
                yield from _size(page, owner, file.at("OimageHeight"), file.content.crop)


def _size(
    page: LintedPage, owner: Documented | None, place: Place, size: tuple[int, int]
) -> Iterator[Fault]:
    claim = owner.claim(Metric.INPUT_SIZE) if isinstance(owner, Row) else None
    if owner and claim and size != (int(claim.value), int(claim.value)):
        height, width = size
        yield Fault(
            place,
            f"{place.path} size",
            f"the network is given {height}×{width}, and the input of "
            f"{f'{owner.source} {owner.name}'.strip()} is documented as {claim.figure.text}",
            claim.figure.text,
            evidence=(Evidence(f"input size {claim.figure.text}", page.of_claim(claim)),),
        )


RULES: Final = (
    LintRule(
        "other-model-in-file",
        Severity.ERROR,
        "A build config or a command is about another model than its page",
        "A build config that compiles a model which its source does not have on the page, or "
        "another one than the page's own command exports for that source; one that calls itself "
        "after another library; a command that exports what the page does not have.",
        _other_model,
    ),
    LintRule(
        "other-size-in-file",
        Severity.ERROR,
        "A build config or run-time file has another input size than its row",
        "The shape that a config compiles for, and what a run-time file hands on to the network.",
        _other_size,
    ),
)
