"""The counting rules by name, and the one function that applies them.

An adapter is imported when its rule is first used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, cast

from harness.counting.counts import Counts
from harness.counting.layers import CountedNetwork, read_once
from harness.errors import CountError, HarnessError, Unavailable, UnknownKey
from harness.runtime import entry_points

Framework = Literal["torch", "paddle"]


@dataclass(frozen=True, slots=True)
class CountingRule:
    """A way of counting.

    ``counter`` is ``module:attribute``. Over ``"layers"`` it is called as ``counter(network)``,
    over ``"module"`` as ``counter(module, input_shape=…)``; it returns ``Counts``. ``counts`` is
    what it means by an operation: a multiply-accumulate, or half of one. ``learned``: whether its
    parameters are all that the network learns, which nothing has to be run for.
    """

    counter: str
    over: Literal["layers", "module"]
    frameworks: frozenset[Framework]
    counts: Literal["macs", "flops"] = "macs"
    learned: bool = False


TRUE = "true"
"""The rule that counts what a network really holds and multiplies, read off its layers."""

_ANY: frozenset[Framework] = frozenset(("torch", "paddle"))
_TORCH: frozenset[Framework] = frozenset(("torch",))
_PADDLE: frozenset[Framework] = frozenset(("paddle",))

RULES: Mapping[str, CountingRule] = MappingProxyType(
    {
        "thop": CountingRule("harness.counting.thop_counter:count_thop", "module", _TORCH),
        "thop-norms": CountingRule(
            "harness.counting.thop_counter:count_thop_with_norms", "module", _TORCH
        ),
        "mmcv-features": CountingRule(
            "harness.counting.mmcv_counter:count_mmcv_features", "module", _TORCH
        ),
        "mmcv": CountingRule("harness.counting.mmcv_counter:count_mmcv", "module", _TORCH),
        "mmengine": CountingRule(
            "harness.counting.traced_counters:count_mmengine", "module", _TORCH, learned=True
        ),
        "fvcore": CountingRule(
            "harness.counting.traced_counters:count_fvcore", "module", _TORCH, learned=True
        ),
        "torch-flops": CountingRule(
            "harness.counting.torch_flop_counter:count_torch_flops",
            "module",
            _TORCH,
            "flops",
            learned=True,
        ),
        "paddle-flops": CountingRule(
            "harness.counting.paddle_flops:count_paddle_flops", "module", _PADDLE
        ),
        "paddle-flops-pools": CountingRule(
            "harness.counting.paddle_flops:count_with_plain_pools", "module", _PADDLE
        ),
        "paddle-model-stat": CountingRule(
            "harness.counting.paddle_model_stat:count_model_stat", "layers", _ANY, "flops"
        ),
        TRUE: CountingRule("harness.counting.true_count:count_true", "layers", _ANY, learned=True),
        "deployed": CountingRule(
            "harness.counting.deployed_counter:count_deployed", "module", _TORCH
        ),
        "mmcv-deployed": CountingRule(
            "harness.counting.deployed_counter:count_mmcv_deployed", "module", _TORCH
        ),
    }
)
"""The suite's own rules; :func:`rule_names` has those of other packages too."""

_READERS: Mapping[Framework, str] = MappingProxyType(
    {
        "torch": "harness.counting.torch_layers:read_network",
        "paddle": "harness.counting.paddle_layers:read_network",
    }
)


def rule_names() -> tuple[str, ...]:
    """The suite's own rules, then those of installed packages; imports none of them.

    Raises:
        ExpectationError: a package adds a name that is taken.
    """
    own = {name: rule.counter for name, rule in RULES.items()}
    return tuple(entry_points.joined(entry_points.COUNTING_RULES, own))


def rule_named(name: str) -> CountingRule:
    """A rule by its name.

    Raises:
        UnknownKey: there is no such rule.
        Unavailable: the package that adds it cannot be imported.
        CountError: what it adds is no ``Rule``.
    """
    known = rule_names()
    if name in RULES:
        return RULES[name]
    if name not in known:
        raise UnknownKey(f"no counting rule {name!r}, expected one of {', '.join(known)}")
    target = entry_points.added(entry_points.COUNTING_RULES)[name]
    rule = entry_points.load(target)
    if not isinstance(rule, CountingRule):
        raise CountError(f"rule {name!r}: {target} is a {type(rule).__name__}, expected a Rule")
    return rule


def applicable(framework: Framework) -> tuple[str, ...]:
    """Names of the rules that can count a network of this framework.

    >>> applicable("paddle")[:3]
    ('paddle-flops', 'paddle-flops-pools', 'paddle-model-stat')
    """
    return tuple(name for name in rule_names() if framework in rule_named(name).frameworks)


def together(rule: str, framework: Framework) -> tuple[str, ...]:
    """The rules that one reading of a network serves as well as this one, itself among them.

    >>> together("true", "torch"), together("thop", "torch")
    (('paddle-model-stat', 'true'), ('thop',))
    """
    own = RULES.get(rule)
    if own is None or (framework == "torch" and own.over == "module"):
        return (rule,)
    return tuple(
        sorted(
            name
            for name, other in RULES.items()
            if framework in other.frameworks and (framework == "paddle" or other.over == "layers")
        )
    )


def count(
    module: object, framework: Framework, *, input_shape: tuple[int, int, int], rule: str
) -> Counts:
    """Count one network under one rule, for one image.

    Args:
        module: a ``torch.nn.Module`` (on any device, ``meta`` included) or a
            ``paddle.nn.Layer``, in eval mode. No arithmetic is done, and it is left as it was.
        framework: which of the two it is.
        input_shape: channels, height, width.
        rule: a name in ``RULES``.

    Raises:
        UnknownKey: there is no such rule.
        Unavailable: the rule's library is not installed, or not in the version it is named after.
        CountError: the rule does not apply to the framework, the network is in training mode,
            or counting fails.
    """
    chosen = _rule(rule, framework)
    if getattr(module, "training", False):
        raise CountError("the network is in training mode, expected eval mode")
    try:
        if chosen.over == "layers":
            network = read_network(module, framework, input_shape=input_shape)
            return cast(Counts, entry_points.load(chosen.counter)(network))
        counter = entry_points.load(chosen.counter)
        return cast(Counts, counter(module, input_shape=input_shape))
    except HarnessError:
        raise
    except ModuleNotFoundError as error:  # imported by the counter when it is called
        raise Unavailable(f"rule {rule!r} needs {error.name}, which is not installed") from error
    except Exception as error:  # whatever a third-party counter raises on this network
        raise CountError(f"rule {rule!r}: {type(error).__name__}: {error}") from error


def read_network(
    module: object, framework: Framework, *, input_shape: tuple[int, int, int]
) -> CountedNetwork:
    """List the layers that a network runs on one image, without running any arithmetic.

    Raises:
        Unavailable: the framework is not installed.
        CountError: the network runs an operator that the reader does not know.
    """
    read = entry_points.load(_READERS[framework])
    return cast(
        CountedNetwork,
        read_once("layers", module, input_shape, lambda: read(module, input_shape=input_shape)),
    )


def _rule(name: str, framework: Framework) -> CountingRule:
    rule = rule_named(name)
    if framework not in rule.frameworks:
        expected = " or ".join(sorted(rule.frameworks))
        raise CountError(f"rule {name!r} counts {expected} networks, not {framework}")
    return rule
