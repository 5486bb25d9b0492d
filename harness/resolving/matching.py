"""A documented name to what a library may mean by it."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Final

from harness.judging.published import METRICS
from harness.records import Row
from harness.resolving.deciding import Decision, Undecided, decide
from harness.sources.choices import Choice, Library, Offer, plain

_NEAREST: Final = 3  # names that an error offers
_LEAST_BEGINNING: Final = 4  # characters of a name; fewer begin anything
_TELLING: Final = len("80.05")  # characters of an accuracy that is hardly met by chance
_MOST_RELATED: Final = 40  # a beginning that more names share says nothing


class Unresolved(Exception):
    """No model of the library can be said to stand behind the row; the text says why."""


def resolve(row: Row, library: Library) -> Decision:
    """The model of a library that a row documents.

    The documented name is looked up as it is, then among the names that the library has given up,
    then without case and separators. What remains unknown may still be the beginning of names, as
    ``mobilenetv2`` is of ``mobilenetv2_100``: then the documented accuracies have to fit one. Or it
    is written like a name, both of whose accuracies are the documented ones.

    Raises:
        Unresolved: unknown or ambiguous; with the nearest names, and what they publish.
    """
    offer = _named(row, library)
    try:
        if offer is not None:
            preferred = library.preferred(row, offer.choices)
            decision = decide(row, offer.choices, preferred)
            return Decision(decision.choice, f"{offer.evidence}; {decision.evidence}")
        related = _related(row, library)
        if related:
            decision = decide(row, related, None, loose=True)
            return Decision(
                decision.choice,
                f"{library.title} has no {row.name!r}, which begins {_names(related)}; "
                f"{decision.evidence}",
            )
    except Undecided as undecided:
        raise Unresolved(f"ambiguous in {library.title}: {undecided}") from undecided
    near = _nearest(row, library)
    if (alike := _alike(row, library, near)) is not None:
        return alike
    hint = f"; nearest: {', '.join(near)}" if near else ""
    raise Unresolved(f"{library.title} has no model {row.name!r}{hint}")


def _nearest(row: Row, library: Library) -> list[str]:
    """The names of the library that are written most like the documented one."""
    originals = {plain(name): name for name in library.names()}
    near = get_close_matches(plain(row.name), originals, n=_NEAREST, cutoff=0.7)
    return [originals[name] for name in near]


def _alike(row: Row, library: Library, near: list[str]) -> Decision | None:
    """The one model of names like the documented one that has both its accuracies.

    Two figures of four digits are no chance where three names are tried.
    """
    claims = [claim for claim in row.claims if claim.metric in METRICS]
    if not near or len(claims) < len(METRICS):
        return None
    if any(len(claim.figure.text) < _TELLING for claim in claims):
        return None
    names = dict.fromkeys(library.names()[name] for name in near)
    try:
        decision = decide(
            row, [one for name in names for one in library.choices(name)], None, loose=True
        )
    except Undecided:
        return None
    return Decision(
        decision.choice,
        f"{library.title} has no {row.name!r}; of {', '.join(near)}, which are called like it, "
        f"{decision.choice.model} has its accuracies: {decision.evidence}",
    )


def _named(row: Row, library: Library) -> Offer | None:
    """What bears the documented name, or None."""
    names, renamed = library.names(), library.renamed()
    if row.name in names:
        return Offer(library.choices(names[row.name]), f"a name of {library.title}")
    if row.name in renamed:
        now = renamed[row.name]
        said = f"{library.title} has renamed {row.name} to {now}"
        return Offer(library.choices(now), said)
    for known, how in ((names, "called"), (renamed, "once called")):
        alike = {known[name] for name in known if plain(name) == plain(row.name)}
        choices = tuple(choice for name in sorted(alike) for choice in library.choices(name))
        if choices:
            titles = ", ".join(dict.fromkeys(choice.name for choice in choices))
            return Offer(choices, f"{how} {titles} in {library.title}, but for case and separators")
    return None


def _related(row: Row, library: Library) -> tuple[Choice, ...]:
    wanted = plain(row.name)
    names = library.names()
    related = sorted({names[name] for name in names if plain(name).startswith(wanted)})
    if len(wanted) < _LEAST_BEGINNING or len(related) > _MOST_RELATED:
        return ()
    choices = (choice for name in related for choice in library.choices(name))
    return tuple({(choice.model, choice.weights): choice for choice in choices}.values())


def _names(choices: tuple[Choice, ...]) -> str:
    names = list(dict.fromkeys(choice.name for choice in choices))
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
