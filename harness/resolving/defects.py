"""What is wrong with a documented count that was found to come about in some way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from harness.counting.claims import COPIED_FROM, COUNTED_AT, NOT_REPRODUCED, OTHER_NETWORK
from harness.counting.counts import reproduces
from harness.counting.rules import rule_named
from harness.records import Metric
from harness.resolving.counted import DEPLOYED
from harness.resolving.counting import FigureOrigin
from harness.resolving.page import Resolved
from harness.resolving.scales import DOUBLED, PLAIN


@dataclass(frozen=True, slots=True)
class Found:
    """A documented figure that is not the true one: see :class:`harness.counting.claims.Defect`."""

    column: Metric
    printed: str
    kind: str
    true: int
    cause: str


_NOT_REPRODUCED: Final = "No counting rule gives the figure; pinned is the rule that comes nearest."
_FLOPS_AS_MACS: Final = (
    "flops-where-macs-are-meant",
    "The column says multiply-accumulates, the figure has two operations for each of them.",
)

_OLD_SUMMARY: Final = "paddle-model-stat"
_GROUPS: Final = (
    "groups-divided-twice",
    "PaddlePaddle's old model summary divides a filter's input channels, which are per group "
    "already, by the groups again, in integers; it also subtracts ReLU elements and counts fc "
    "layers once instead of twice.",
)
_NO_GROUPS: Final = (
    "relu-subtracted",
    "PaddlePaddle's old model summary subtracts ReLU elements and counts fc layers once instead "
    "of twice.",
)

_RUNNING: Final = (
    "running-statistics-counted",
    "paddle.flops counts the running means and variances of batch norms as parameters, which "
    "are not learned.",
)
_PARAMS: Final[Mapping[str, tuple[str, str]]] = {
    "paddle-flops": _RUNNING,
    "paddle-flops-pools": _RUNNING,
    "thop": (
        "layers-not-known-to-thop",
        "thop does not know the library's own layers, such as timm's BatchNormAct2d, and counts "
        "no parameters for them.",
    ),
}
"""Rules whose parameters may be other than the learned ones."""

_GROUP_WEIGHTS: Final = (
    "group-weights-dropped",
    "PaddlePaddle's old model summary divides a filter's input channels, which are per group "
    "already, by the groups again, so the weights of grouped convolutions are missing, and it "
    "counts one parameter for the whole fc bias.",
)
_ONE_BIAS: Final = (
    "fc-bias-counted-once",
    "PaddlePaddle's old model summary counts one parameter for the whole fc bias.",
)
_DEPLOYED: Final = (
    "of-the-deployed-network",
    "The figure is of the network as it is deployed, its branches re-parameterized into one, and "
    "not of the one whose weights are published.",
)
_OTHER_PARAMS: Final = (
    "other-parameters",
    "The counting rule counts other parameters than the learned ones.",
)


def defect_of(finding: FigureOrigin, row: Resolved) -> Found | None:
    """What has to be listed as a documentation defect, or None where the figure is sound."""
    claim = finding.claim
    true = _true(finding, row)

    def found(kind: str, cause: str, belongs: int = true) -> Found:
        return Found(claim.metric, claim.figure.text, kind, belongs, cause)

    if not finding.reproduced:
        if finding.other_size:
            return found(*_counted_at(finding.other_size), _shown(finding, row))
        if finding.copied_from:
            return found(*_copied_from(finding.copied_from), _shown(finding, row))
        if finding.other_network:
            return found(*_counted_on(finding.other_network), _shown(finding, row))
        return found(NOT_REPRODUCED, _NOT_REPRODUCED, _shown(finding, row))
    if claim.metric is Metric.PARAMS and reproduces(claim.figure, true, finding.unit):
        return None  # the true count prints it, whatever else does
    mistake = finding.use.mistake
    if claim.metric is Metric.PARAMS and finding.use.rule in DEPLOYED:
        if mistake is None:
            return found(*_DEPLOYED)
        # Last what is wrong with the printing: zeros that were added are known by the kind's end.
        kind, cause = f"{_DEPLOYED[0]}-and-{mistake[0]}", f"{_DEPLOYED[1]} {mistake[1]}"
        return found(kind, cause, finding.raw)
    if mistake is not None:
        # The count is right, or as right as those of other rows: only the printing is not.
        return found(*mistake, _shown(finding, row))
    if reproduces(claim.figure, true, finding.unit):
        return None
    old = finding.use.rule == _OLD_SUMMARY
    if claim.metric is Metric.PARAMS and old:
        return found(*(_GROUP_WEIGHTS if row.grouped else _ONE_BIAS))
    if claim.metric is Metric.PARAMS:
        return found(*_PARAMS.get(finding.use.rule, _OTHER_PARAMS))
    if old:
        return found(*(_GROUPS if row.grouped else _NO_GROUPS))
    if claim.metric is Metric.MACS and _doubles(finding):
        return found(*_FLOPS_AS_MACS)
    return None  # a way of counting that differs by what it leaves out: no defect


def _true(finding: FigureOrigin, row: Resolved) -> int:
    """The count that belongs into the column."""
    if finding.claim.metric is Metric.PARAMS:
        return row.true_params
    return row.true_macs if finding.claim.metric is Metric.MACS else 2 * row.true_macs


def _shown(finding: FigureOrigin, row: Resolved) -> int:
    """The count to print instead of a figure that is not reproduced."""
    if finding.claim.metric is Metric.PARAMS:
        return row.true_params
    return int(finding.raw / finding.use.scale.sound.part)


def _counted_at(size: int) -> tuple[str, str]:
    """The kind and the cause of a figure that belongs to another input size."""
    return (
        f"{COUNTED_AT}{size}",
        f"No counting rule gives the figure at the documented input size; the pinned one gives it "
        f"at {size} px.",
    )


def _copied_from(row: str) -> tuple[str, str]:
    """The kind and the cause of a figure that is another row's."""
    name = row.partition("/")[2]
    return (
        f"{COPIED_FROM}{name}",
        f"The figure is the one of {name}, another network, whose count it is; it was copied.",
    )


def _counted_on(network: str) -> tuple[str, str]:
    """The kind and the cause of a figure that is another network's."""
    return (
        f"{OTHER_NETWORK}{network}",
        f"The figures of this row are those of {network}, another network.",
    )


def _doubles(finding: FigureOrigin) -> bool:
    """Whether the figure has two operations for each multiply-accumulate."""
    counts, scale = rule_named(finding.use.rule).counts, finding.use.scale
    return (counts == "macs" and scale == DOUBLED) or (counts == "flops" and scale == PLAIN)
