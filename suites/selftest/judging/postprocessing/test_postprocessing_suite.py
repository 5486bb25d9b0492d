"""The gate's own checks of post-processing fail on one that is wrong, each for its reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

SUITE = Path(__file__).resolve().parents[3] / "test_postprocessing.py"


@pytest.fixture
def suite() -> ModuleType:
    """The gate's file, as a module of our own that may be spoiled."""
    spec = spec_from_file_location("spoiled_postprocessing", SUITE)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _in_float32(_: ModuleType) -> Callable[..., Any]:
    def wrong(logits: Any) -> Any:
        powers = np.exp(logits.astype(np.float32))
        return powers / powers.sum(axis=1, keepdims=True)

    return wrong


def _none_at_all(_: ModuleType) -> Callable[..., Any]:
    return lambda logits: logits


def _highest_of_equals_first(right: ModuleType) -> Callable[..., Any]:
    def wrong(logits: Any, *, k: int) -> Any:
        mirrored = right.top_k(logits[:, ::-1], k=k)
        return replace(mirrored, ids=logits.shape[1] - 1 - mirrored.ids)

    return wrong


def _last_instead_of_first(right: ModuleType) -> Callable[..., Any]:
    def wrong(logits: Any, *, k: int) -> Any:
        everything = right.top_k(logits, k=logits.shape[1])
        return replace(everything, ids=everything.ids[:, -k:])

    return wrong


def _by_name(right: ModuleType) -> Callable[..., Any]:
    """Calls 517 what 134 is called too."""
    called = np.arange(1000)
    called[517] = 134
    return lambda ranked, truth: right.count_hits(called[np.array(ranked)], called[truth])


@pytest.mark.shows("softmax or ranking is wrong", by="the definition, one number at a time")
@pytest.mark.parametrize(
    ("name", "wrong", "promise"),
    [
        ("softmax", _in_float32, "test_prediction_is_the_softmax_of_the_output"),
        ("softmax", _none_at_all, "test_prediction_is_the_softmax_of_the_output"),
        ("top_k", _highest_of_equals_first, "test_classes_come_in_the_order_of_their_prediction"),
        ("top_k", _last_instead_of_first, "test_the_first_k_are_the_answer"),
        ("count_hits", _by_name, "test_a_hit_is_the_right_class_and_no_namesake"),
    ],
)
def test_the_gate_notices_what_is_wrong(
    suite: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    wrong: Callable[[ModuleType], Callable[..., Any]],
    promise: str,
) -> None:
    check = getattr(suite, promise)
    check()
    right = ModuleType("right")
    vars(right).update(vars(suite))
    monkeypatch.setattr(suite, name, wrong(right))
    with pytest.raises(AssertionError):
        check()
