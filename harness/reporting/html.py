"""A run as one page that opens offline, for the people who decide about a release."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from importlib import resources
from urllib.parse import quote

import jinja2
from markupsafe import Markup

from harness.records import Outcome
from harness.reporting.causes import FailureCause, explanation
from harness.reporting.clauses import place_of
from harness.reporting.details import NOT_HELD, PARITY_OF_BEFORE, detail
from harness.reporting.history import Series
from harness.reporting.matrix import matrix
from harness.reporting.outline import (
    CANNOT_SAY,
    NO,
    NOT_COMPARED,
    QUESTION,
    counted,
    outcomes_told,
    outline,
)
from harness.reporting.results import GRAVITY, CaseOutcome, CaseResult, Run

SIGNS: Mapping[str, str] = {
    CaseOutcome.FAILED: "✗",
    CaseOutcome.ERRORED: "!",
    CaseOutcome.BLOCKED: "⊘",
    CaseOutcome.NOT_MEASURED: "–",
    CaseOutcome.INCONCLUSIVE: "?",
    CaseOutcome.KNOWN_ISSUE: "◆",
    CaseOutcome.PASSED: "✓",
    CaseOutcome.SKIPPED: "·",
    Outcome.CONFORMS: "✓",
    Outcome.DOES_NOT_CONFORM: "✗",
}
"""What stands beside each outcome, so that none is told by its colour alone."""

ALWAYS = (CaseOutcome.FAILED, CaseOutcome.NOT_MEASURED, CaseOutcome.PASSED)
"""Outcomes that are counted on top also where there are none."""

MOST_PLACES = 4
"""Rows that are shown at once for a cause; the others are folded."""

MOST_HINTS = 2
"""Further lines of a failure that are shown on the first screen."""

MOST_PAGES = 12
"""Pages that are told one by one at once; more are folded."""

MOST_NAMED = 3
"""Pages that the title of a run names; more are counted."""

MOST_THUMBNAILS = 200
"""Pictures of one page, of some 4 KiB each."""

_FIRST = ("likely cause: ", "the first layer that departs: ")

LONGEST = 400
"""Characters of a sentence on the first screen; the row has all of it."""


def no_picture(_: str) -> bytes:
    """In place of a thumbnail."""
    return b""


def write_html(
    run: Run,
    *,
    since: Sequence[str] | None = None,
    thumbnail: Callable[[str], bytes] = no_picture,
    past: Sequence[Series] = (),
) -> str:
    """The page: one file, which asks for nothing from anywhere.

    The same results in any order give the same page. Whatever the run log holds is text in it and
    never markup.

    Args:
        since: what is new since the last run, where there was a comparison.
        thumbnail: makes a small JPEG of an image file, or nothing.
        past: figures of past runs.
    """
    style, script = part("report.css"), part("report.js")
    told, table = outline(run, since=since), matrix(run)
    page = environment().get_template("report.html")
    text = page.render(
        told=told,
        table=table,
        rows={line.id for line in table.lines},
        pages=_named([page.path for page in run.header.pages]),
        question=QUESTION,
        answer_kind={NO: "no", CANNOT_SAY: "unsaid"}.get(told.answer, "good"),
        not_compared=NOT_COMPARED,
        gravity=GRAVITY,
        always=ALWAYS,
        most_places=MOST_PLACES,
        most_pages=MOST_PAGES,
        signs=SIGNS,
        not_held=[one for one in NOT_HELD if not (past and one == PARITY_OF_BEFORE)],
        thumbnails=_thumbnails(run, thumbnail),
        past=past,
        style=Markup(style),
        script=Markup(script),
        style_hash=digest(style),
        script_hash=digest(script),
    )
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _named(pages: Sequence[str]) -> str:
    """What a run is about, in a title."""
    if len(pages) > MOST_NAMED:
        return counted(len(pages), "page")
    return ", ".join(pages) or "no page"


def _thumbnails(run: Run, made: Callable[[str], bytes]) -> dict[str, str]:
    """Small pictures by the paths of their files, as an address that holds them."""
    paths = dict.fromkeys(one.path for result in run.results for one in result.changed)
    pictures = ((path, made(path)) for path in [*paths][:MOST_THUMBNAILS])
    return {
        path: f"data:image/jpeg;base64,{base64.b64encode(picture).decode()}"
        for path, picture in pictures
        if picture
    }


@cache
def environment() -> jinja2.Environment:
    """How templates are filled in: whatever a run holds is text."""
    made = jinja2.Environment(
        loader=jinja2.FunctionLoader(part),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "address": _address,
        "capital": lambda text: text[:1].upper() + text[1:],
        "counted": counted,
        "outcomes_told": outcomes_told,
        "detail": detail,
        "gravity": lambda outcomes: min(map(GRAVITY.index, outcomes)),
        "hints": _hints,
        "kind": lambda outcome: str(outcome).replace(" ", "-"),
        "places": lambda cause: list(_places(cause)),
        "sentence": _sentence,
    }
    return made


def filled(template: str, **given: object) -> str:
    """A page that extends ``base.html``, in the style of all pages."""
    style = part("report.css")
    page = environment().get_template(template)
    made = {"style": Markup(style), "style_hash": digest(style), "signs": SIGNS, "gravity": GRAVITY}
    return page.render(**made, **given).encode("utf-8", "backslashreplace").decode("utf-8")


def part(name: str) -> str:
    """A file of the templates."""
    return (resources.files(__package__) / "templates" / name).read_text(encoding="utf-8")


def digest(content: str) -> str:
    """What the content security policy names a script or a style by."""
    return f"sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}"


def _address(value: str, name: str) -> str:
    """The part of the page's address that has a filter, or an open row."""
    return f"{name}={quote(str(value).encode('utf-8', 'backslashreplace'), safe='')}"


def _sentence(result: CaseResult) -> str:
    """The first thing that a case says, without its place."""
    return _short(place_of(explanation(result)[0])[0])


def _hints(result: CaseResult) -> list[str]:
    """What else a case says: likely cause and layer before all, never what explains a bound."""
    rest = [line.strip() for line in explanation(result)[1:]]
    told = [line for line in rest if line and not line.startswith(("repeat: ", "bound: "))]
    told.sort(key=lambda line: not line.startswith(_FIRST))
    return [_short(line) for line in told[:MOST_HINTS]]


def _short(line: str) -> str:
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}…"


def _places(cause: FailureCause) -> Iterator[tuple[str, str]]:
    """The rows of a cause, each once, with the page's line; of a case about no row, its name."""
    seen = set()
    for result in cause.results:
        name = result.row or result.case
        if name not in seen:
            seen.add(name)
            place = result.place or place_of(explanation(result)[0])[1]
            yield name, place
