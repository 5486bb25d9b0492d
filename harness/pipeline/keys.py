"""The keys of what the steps make: everything that a result depends on, and no path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.backends.backend import Backend, Precision
from harness.expected.buildconfig import BuildConfig
from harness.expected.variants import Variant
from harness.runtime.entry_points import COUNTING_RULES, packages
from harness.runtime.identity import code_digest, tools
from harness.runtime.store import JSON, Entry, Key
from harness.sources import REFERENCE_TOOLS, library_versions, source_tools
from harness.sources.forms import Batches

STEP_TOOLS = ("thop", "onnx", "onnxruntime", "openvino", "nncf", "mlcommons-loadgen")
"""What takes part in steps besides the source libraries."""


def step_tools() -> dict[str, str]:
    """Versions of everything that steps run."""
    return library_versions() | tools(*STEP_TOOLS)


def count_key(variant: Variant, size: int, rules: Sequence[str]) -> Key:
    """Of counts under these rules."""
    code = code_digest("sources", "counting", "pipeline/steps/counting.py")
    added = [one for rule in rules for one in packages(COUNTING_RULES, rule)]
    counters = tools("thop", "mmcv-lite", "mmengine", "fvcore", *added)
    return Key.of(
        "count",
        inputs={"source": variant.source, "model": variant.model},
        options={"size": size, "rules": list(rules)},
        tools=source_tools(variant.source) | counters | {"code": code},
    )


def published_key(variant: Variant) -> Key:
    """Of what the package of a variant's source publishes."""
    code = code_digest(
        *("sources", "expected/percentages.py", "expected/buildconfig/strict_yaml.py"),
        *("judging/published.py", "pipeline/steps/publishing.py"),
    )
    return Key.of(
        "published",
        inputs={"source": variant.source, "model": variant.model, "weights": variant.weights},
        options={},
        tools=source_tools(variant.source) | {"code": code},
    )


def fit_key(network: str, weights: str) -> Key:
    """Of what seeded weights of this identity owe to the images that they are fitted to."""
    code = code_digest("sources", "pipeline/steps/networks.py")
    return Key.of(
        "fit",
        inputs={"network": network, "weights": weights},
        tools=tools(*REFERENCE_TOOLS, "numpy") | {"code": code},
    )


def reference_key(variant: Variant, size: int, weights: str, evaluation: str) -> Key:
    """Of what a network computes in its own framework on images of this digest."""
    return Key.of(
        "reference",
        inputs={**_network(variant, weights), "images": evaluation},
        options={"size": size},
        tools=_network_tools(variant, "pipeline/steps/referring.py"),
    )


def export_key(variant: Variant, size: int, weights: str, options: Mapping[str, JSON]) -> Key:
    """Of an exported model."""
    return Key.of(
        "export",
        inputs=_network(variant, weights),
        options={"size": size, **options},
        tools=_network_tools(variant, "pipeline/steps/exporting.py"),
    )


def compile_key(
    name: str,
    target: Backend,
    precision: Precision,
    *,
    model: str,
    calibration: str,
    config: BuildConfig,
) -> Key:
    """Of a compiled model: ``model`` and ``calibration`` are identities.

    Raises:
        MissingBackend: the backend is not here.
    """
    quantize = config.backend.quantize
    return Key.of(
        "compile",
        inputs={"model": model, "images": calibration},
        options={
            "backend": name,
            "precision": precision,
            "mode": quantize.calibrate_mode if quantize else None,
            "per_channel": quantize.per_channel if quantize else None,
            "cluster_mode": config.backend.cluster_mode,
            "extra_ops": config.extra_ops,
            "shape": list(config.frontend.input_shape),
        },
        tools=_backend_tools(target),
    )


def run_key(
    name: str,
    target: Backend,
    precision: Precision,
    *,
    model: str,
    file: str,
    evaluation: str,
    batches: Batches,
) -> Key:
    """Of what a model computes on batches of the evaluation images.

    Raises:
        MissingBackend: the backend is not here.
    """
    return Key.of(
        "run",
        inputs={"model": model, "images": evaluation},
        options={
            "backend": name,
            "precision": precision,
            "file": file,
            "batches": [list(batch) for batch in batches],
        },
        tools=_backend_tools(target),
    )


def model_identity(entry: Entry) -> str:
    """What a model is: of an export what it computes, where that is known; else its files."""
    told = entry.facts.get("canonical_digest")
    if told:
        return str(told)
    return "+".join(f"{name}:{entry.digest(name)}" for name in entry.files)


def _network(variant: Variant, weights: str) -> dict[str, str]:
    return {"source": variant.source, "model": variant.model, "weights": weights}


def _network_tools(variant: Variant, module: str) -> dict[str, str]:
    code = code_digest("sources", "exporting", "pipeline/steps/networks.py", module)
    return source_tools(variant.source) | tools("onnx") | {"code": code}


def _backend_tools(target: Backend) -> dict[str, str]:
    code = code_digest("pipeline/steps/targets.py", "backends/backend.py", *target.code)
    return {**target.tools(), "code": code}
