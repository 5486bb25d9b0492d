"""What several zoos promise of one network, side by side, and where two cannot both be right."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from harness.lint.comparing import Gap, differences
from harness.lint.findings import Evidence
from harness.lint.naming import fold, network_name
from harness.lint.zoo import LintedPage, Zoo
from harness.records import Claim, Metric, Row


@dataclass(frozen=True, slots=True)
class Promise:
    """What one row of a zoo documents; figures as they are printed, "" where there is none.

    Attributes:
        zoo: the zoo's name.
        row: its id.
        place: ``file:line``, the file from the zoo's folder.
        figures: by metric; operations and parameters with their unit.
        loss: points of top-1 that int8 loses by what is documented, or None.
    """

    zoo: str
    row: str
    place: str
    figures: Mapping[Metric, str]
    loss: Decimal | None


@dataclass(frozen=True, slots=True)
class SharedNetwork:
    """A network that several zoos have: what each promises, and what of it contradicts."""

    name: str
    promises: tuple[Promise, ...]
    contradictions: tuple[str, ...]


def shared_networks(zoos: Mapping[str, Zoo], together: Zoo) -> list[SharedNetwork]:
    """The networks that more than one zoo has, those that most have first.

    One network is what is pinned under one name, or else has one name. Which weights a row has, its
    name does not say, so two accuracies contradict nothing.

    Args:
        zoos: by their names; each is one folder.
        together: all their pages.
    """
    of_page = {page.file: name for name, zoo in zoos.items() for page in zoo.pages}
    found: dict[str, list[tuple[LintedPage, Row]]] = {}
    for page, row in together.rows():
        name = fold(together.known(row).network) or network_name(row.source, row.name)
        found.setdefault(name, []).append((page, row))
    told = _contradictions(together, of_page)
    shared = [
        SharedNetwork(
            name,
            tuple(_promise(of_page[page.file], zoos, page, row) for page, row in rows),
            tuple(line for page, row in rows for line in told.get((page.file, row.id), ())),
        )
        for name, rows in found.items()
        if len({of_page[page.file] for page, _ in rows}) > 1
    ]
    return sorted(shared, key=lambda one: (-_zoos(one.promises), one.name))


def _zoos(promises: Iterable[Promise]) -> int:
    return len({one.zoo for one in promises})


def _promise(zoo: str, zoos: Mapping[str, Zoo], page: LintedPage, row: Row) -> Promise:
    top1, in_int8 = row.claim(Metric.TOP1), row.claim(Metric.INT8_TOP1)
    loss = top1.figure.value - in_int8.figure.value if top1 and in_int8 else None
    figures = {claim.metric: _printed(claim) for claim in row.claims}
    (folder,) = zoos[zoo].folders
    place = f"{os.path.relpath(page.file, folder)}:{row.line}"
    return Promise(zoo, row.id, place, figures, loss)


def _printed(claim: Claim) -> str:
    unit = claim.unit if claim.metric in (Metric.MACS, Metric.FLOPS, Metric.PARAMS) else ""
    return f"{claim.figure.text} {unit}".strip()


def _contradictions(together: Zoo, of_page: Mapping[str, str]) -> dict[tuple[str, str], list[str]]:
    """Counts that are not those of another zoo, by the file and the row that they stand in."""
    told: dict[tuple[str, str], list[str]] = {}
    for one in differences(together):
        figure = one.figure
        zoo = of_page[figure.page.file]
        zoos = [of_page[each.place.path] for each in one.evidence if each.place is not None]
        if zoos and zoo not in zoos:
            against = "; ".join(map(_said, one.evidence))
            told.setdefault((figure.page.file, figure.row.id), []).append(
                f"{figure.printed} ({zoo}, {figure.page.of_claim(figure.claim)}) is {one.times} "
                f"times {against}: {_cause(one.gap)}"
            )
    return told


def _said(evidence: Evidence) -> str:
    return f"{evidence.text} ({evidence.place})" if evidence.place else evidence.text


def _cause(gap: Gap) -> str:
    if gap in (Gap.DOUBLE, Gap.HALF):
        return "one of them counts MACs and the other FLOPs, or they are two networks"
    return "one of them is wrong, or they are two networks"


def as_json(found: Sequence[SharedNetwork]) -> list[dict[str, object]]:
    """The same as data that JSON has."""
    return [
        {
            "network": one.name,
            "promises": [
                {
                    "zoo": each.zoo,
                    "row": each.row,
                    "place": each.place,
                    "figures": {str(metric): text for metric, text in each.figures.items()},
                    "int8_loss": None if each.loss is None else str(each.loss),
                }
                for each in one.promises
            ],
            "contradictions": list(one.contradictions),
        }
        for one in found
    ]
