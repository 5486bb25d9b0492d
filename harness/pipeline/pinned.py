"""Whether a row's network is the one that is pinned for it."""

from __future__ import annotations

from harness.counting.claims import judge_layers, judge_true
from harness.counting.rules import TRUE
from harness.judging.verdicts import worst_of
from harness.pipeline.catalogue import DocumentedModel
from harness.pipeline.pipeline import Pipeline
from harness.records import Verdict


def pinned_params(pipeline: Pipeline, model: DocumentedModel) -> Verdict:
    """Learned parameters, counted one by one.

    Raises:
        MissingSource, StageError: the row cannot be counted.
    """
    expected = model.expected_complexity
    return judge_true("params", pipeline.counts_of(model)[TRUE].params, expected.true_params)


def pinned_macs(pipeline: Pipeline, model: DocumentedModel) -> Verdict:
    """Multiply-accumulates of convolutions and fully connected layers; and what no count shows:
    strides, padding, epsilons, activations, and their order.

    Raises:
        MissingSource, StageError: the row cannot be counted.
    """
    counted, expected = pipeline.counts_of(model)[TRUE], model.expected_complexity
    macs = judge_true("conv+fc MACs", counted.operations, expected.true_macs)
    return worst_of([macs, judge_layers(pipeline.layers_of(model), expected.layers)])
