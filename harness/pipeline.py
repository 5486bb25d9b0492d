"""The steps of one case, composed: what is in the store is used, what is not is built.

The only module, beside the plugin, that knows all rooms. It holds no framework itself: whatever
needs one runs in the isolated child (``harness.steps``), under a reservation of memory.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from harness import steps
from harness.artifacts import JSON, Entry, Key, Store, open_store
from harness.buildconfig import BuildConfig, Quantize, read_build_config
from harness.catalogue import Subject
from harness.complexity.counts import Counts
from harness.embedded import EmbeddedImages
from harness.errors import (
    BuildError,
    CompileError,
    CountError,
    DamagedArtifact,
    ExpectationError,
    ExportError,
    MissingSource,
    RunError,
    StageError,
)
from harness.forms import (
    ALL_BATCHES,
    Batches,
    Form,
    compiled_form,
    each_once,
    forms,
    is_repeated,
    probes,
)
from harness.identity import code_digest, source_tools, tools
from harness.isolation import Worker
from harness.limits import CHILD_ENVIRONMENT, RECYCLED_BYTES, bytes_for, is_large, seconds_for
from harness.memory import Ledger, default_budget_bytes
from harness.sources.variants import Variant
from harness.steps import Weights

Array = npt.NDArray[Any]
Model = Callable[[], Entry]
"""Asks for a model; asked again, builds what was found damaged anew."""

STEP_STAGES = {
    "count": "complexity",
    "reference": "export",
    "export": "export",
    "compile": "int8",
    "run": "export",
}
"""The marker of the tests that need a step."""


@dataclass(frozen=True, slots=True)
class Reference:
    """The source framework's own logits: float32 on the probes, float64 on the first ones."""

    logits: Array
    logits64: Array
    batches: Batches

    @property
    def probes(self) -> Array:
        """The logits in the order in which the probes are run: the first image twice."""
        return np.concatenate([self.logits[list(batch)] for batch in self.batches])


@dataclass(frozen=True, slots=True)
class Settings:
    """What a run is asked for.

    ``weights``: None for seeded ones, "hub", or a folder. ``memory_bytes``: what all processes of
    this machine may reserve together. ``step_timeout_s``: in place of the limit by size.
    """

    build_config: Path
    store: Path | None = None
    store_limit: str | None = None
    weights: str | None = None
    memory_bytes: int | None = None
    step_timeout_s: float | None = None


@dataclass
class Workshop:
    """Builds, counts, exports, compiles and runs networks, each thing once."""

    settings: Settings
    worker: Worker = field(
        default_factory=lambda: Worker(
            recycle_above_bytes=RECYCLED_BYTES, environment=CHILD_ENVIRONMENT
        )
    )

    @cached_property
    def store(self) -> Store:
        """Where everything built is kept."""
        return open_store(self.settings.store, limit=self.settings.store_limit)

    @cached_property
    def ledger(self) -> Ledger:
        """Who of this machine's processes holds how much memory."""
        budget = self.settings.memory_bytes or default_budget_bytes()
        return Ledger(self.store.root / "memory.json", budget_bytes=budget)

    @cached_property
    def config(self) -> BuildConfig:
        """How to calibrate and quantize."""
        return read_build_config(self.settings.build_config)

    @property
    def _quantize(self) -> Quantize:
        if self.config.backend.quantize is None:
            raise ExpectationError(
                f"{self.settings.build_config}: backend.quantize: missing, needed for int8"
            )
        return self.config.backend.quantize

    # ── inputs ──

    @cached_property
    def images(self) -> EmbeddedImages:
        """What statistics are taken on, what calibrates, and what judges."""
        return EmbeddedImages(self.config, self.store)

    def weights(self, variant: Variant) -> Weights:
        """Which weights the row is given.

        Raises:
            MissingWeights: the folder has not got them.
            BuildError: the file is not what its name says.
        """
        asked = self.settings.weights
        if asked is None:
            fitted_to = self.images.digest("statistics", self.images.own_size)
            identity = f"seeded:{variant.network}:{fitted_to}"
            return Weights("seeded", identity)
        from harness.sources import hub, weights

        path = hub.download(variant) if asked == "hub" else weights.find(variant, Path(asked))
        weights.check_hash(path, variant)
        return Weights("file", f"file:{weights.digest(path)}", path)

    @property
    def weights_kind(self) -> str:
        """As reports name it: "seeded" or "published"."""
        return "seeded" if self.settings.weights is None else "published"

    # ── steps ──

    def counts(self, variant: Variant, size: int, rules: Sequence[str]) -> dict[str, Counts]:
        """Operations and parameters under each rule."""
        key = Key.of(
            "count",
            inputs={"source": variant.source, "model": variant.model},
            options={"size": size, "rules": sorted(set(rules))},
            tools=source_tools(variant.source)
            | tools("thop", "mmcv-lite")
            | {"code": code_digest("sources", "complexity", "steps.py")},
        )
        entry = self._build(
            "count", key, variant, CountError, steps.count, variant, size, tuple(sorted(set(rules)))
        )
        counted = entry.facts["counts"]
        assert isinstance(counted, dict)
        return {rule: Counts(**values) for rule, values in counted.items()}

    def reference(self, variant: Variant, size: int) -> Reference:
        """What the source framework itself computes."""
        key = self._network_key("reference", variant, size, evaluation=True)
        batches = probes(variant)
        count = 1 + max(map(max, batches))
        arguments = (variant, size, self.weights(variant), self.images.files(size), count)
        entry = self._use("reference", key, variant, BuildError, steps.reference, *arguments)
        return Reference(_array(entry, "logits.npy"), _array(entry, "logits64.npy"), batches)

    def exported(self, variant: Variant, size: int, form: Form) -> Entry:
        """The exported model and what was seen of it; the file may be no model at all.

        A large network is exported in all its forms while it is in memory.
        """
        if is_large(variant):
            for other in forms(variant.source):
                with suppress(StageError):  # told by whoever asks for that form
                    self._exported(variant, size, other)
        return self._exported(variant, size, form)

    def _exported(self, variant: Variant, size: int, form: Form) -> Entry:
        options = {"format": form.format, "opset": form.opset, "route": form.route}
        key = self._network_key("export", variant, size, options=options)
        arguments: tuple[object, ...] = (
            variant,
            size,
            self.weights(variant),
            self.images.files(size),
        )
        step: Callable[..., Any] = steps.export_torchscript
        if form.format == "onnx":
            step = steps.export_onnx
            repeat = is_repeated(form, variant)
            arguments += (form.opset, form.route, repeat)
        return self._build("export", key, variant, ExportError, step, *arguments)

    def outputs(
        self,
        variant: Variant,
        size: int,
        model: Model,
        file: str,
        *,
        batches: Batches = ALL_BATCHES,
    ) -> Array:
        """What a model computes on evaluation images, batch after batch."""
        made = model()
        identity = made.facts.get("canonical_digest") or made.digest(file)
        key = Key.of(
            "run",
            inputs={"model": str(identity), "images": self.images.digest("evaluation", size)},
            options={"batches": [list(batch) for batch in batches], "file": file},
            tools=tools("onnxruntime", "torch") | {"code": code_digest("backends", "steps.py")},
        )
        path = Path() if self.store.get(key) else _undamaged(model, file)
        images = self.images.files(size).evaluation
        entry = self._use("run", key, variant, RunError, steps.run, path, images, batches)
        return _array(entry, "logits.npy")

    def compiled(self, variant: Variant, size: int, model: Model) -> Entry:
        """The int8 model that the embedded backend compiles from an exported one."""
        quantize = self._quantize
        key = Key.of(
            "compile",
            inputs={
                "model": str(model().facts["canonical_digest"]),
                "images": self.images.digest("calibration", size),
            },
            options={"mode": quantize.calibrate_mode, "per_channel": quantize.per_channel},
            tools=tools("onnxruntime", "onnx")
            | {"code": code_digest("backends", "exporters", "steps.py")},
        )
        path = Path() if self.store.get(key) else _undamaged(model, "model.onnx")
        how = (quantize.calibrate_mode, quantize.per_channel)
        arguments = (path, self.images.files(size), *how)
        step = steps.compile_onnxruntime
        return self._build("compile", key, variant, CompileError, step, *arguments)

    # ── what the suites ask of a row ──

    def counts_of(self, subject: Subject) -> dict[str, Counts]:
        """Counts of a row under the rules of its figures, and the true ones."""
        expected = subject.expected_complexity
        rules = {expected.operations.counter, expected.params.counter, "true"}
        return self.counts(subject.variant, subject.size, sorted(rules))

    def compilable(self, subject: Subject) -> Entry:
        """The export that is compiled: the one at the current opset."""
        return self.exported(subject.variant, subject.size, compiled_form(subject.variant.source))

    def probe_outputs(self, subject: Subject, form: Form) -> Array:
        """Logits of the probes by an export: the first image alone, then the first four."""
        variant, size = subject.variant, subject.size
        batches = probes(variant)

        def exported() -> Entry:
            return self.exported(variant, size, form)

        if subject.complexity is None or form != compiled_form(variant.source):
            return self.outputs(variant, size, exported, form.file, batches=batches)
        return self.outputs(variant, size, exported, form.file)[: sum(map(len, batches))]

    def float_outputs(self, subject: Subject) -> Array:
        """The float half of parity: logits of all evaluation images, in the backend."""
        return self._evaluated(subject, lambda: self.compilable(subject))

    def _evaluated(self, subject: Subject, model: Model) -> Array:
        """Logits of every evaluation image once, in their order."""
        return each_once(self.outputs(subject.variant, subject.size, model, "model.onnx"))

    def compiled_row(self, subject: Subject) -> Entry:
        """The row, compiled to int8."""
        return self.compiled(subject.variant, subject.size, lambda: self.compilable(subject))

    def int8_outputs(self, subject: Subject) -> Array:
        """The int8 half of parity."""
        return self._evaluated(subject, lambda: self.compiled_row(subject))

    # ── machinery ──

    def _network_key(
        self,
        step: str,
        variant: Variant,
        size: int,
        *,
        options: Mapping[str, JSON] | None = None,
        evaluation: bool = False,
    ) -> Key:
        inputs = {
            "source": variant.source,
            "model": variant.model,
            "weights": self.weights(variant).identity,
        }
        if evaluation:
            inputs["images"] = self.images.digest("evaluation", size)
        code = code_digest("sources", "exporters", "steps.py")
        return Key.of(
            step,
            inputs=inputs,
            options={"size": size, **(options or {})},
            tools=source_tools(variant.source) | tools("onnx") | {"code": code},
        )

    def _build(
        self,
        step: str,
        key: Key,
        variant: Variant,
        stage: type[StageError],
        function: Callable[..., Any],
        *arguments: object,
    ) -> Entry:
        """The entry of a key, made in the child where it is not in the store.

        Raises:
            MissingSource: no upstream network is known for the row.
        """
        if variant.unresolved:
            raise MissingSource(f"{variant.row}: {variant.unresolved}")

        def produce(folder: Path) -> Mapping[str, JSON]:
            if step in ("run", "compile") and is_large(variant):
                self.worker.recycle()  # frameworks keep freed memory for themselves
            facts: dict[str, JSON] = dict(
                self.run_apart(step, variant, function, folder, *arguments, stage=stage)
            )
            return facts | {
                "peak_bytes": self.worker.last_peak_bytes or 0,
                "cpu_s": round(self.worker.last_cpu_s, 3),
            }

        return self.store.build(key, produce)

    def run_apart(
        self,
        step: str,
        variant: Variant,
        function: Callable[..., Any],
        *arguments: object,
        stage: type[StageError],
        seconds: float | None = None,
        marker: str = "",
    ) -> Any:
        """Call a function in the child, under the memory that a step of the row is reserved.

        ``seconds``: its limit, by default that of a step. ``marker``: of the tests that need it.

        Raises:
            StageError: see :meth:`harness.isolation.Worker.run`.
        """
        with self.ledger.reserve(bytes_for(step, variant), owner=f"{step} {variant.row}"):
            return self.worker.run(
                function,
                *arguments,
                timeout_s=self.settings.step_timeout_s or seconds or seconds_for(variant),
                stage=stage,
                case=variant.row,
                command=f"pytest --row {variant.row} -m {marker or STEP_STAGES[step]}",
            )

    def _use(self, step: str, key: Key, *arguments: Any) -> Entry:
        """As :meth:`_build`, and the files are what was written; a damaged entry is built anew."""
        entry = self._build(step, key, *arguments)
        for name in entry.files:
            try:
                entry.file(name)
            except DamagedArtifact:
                return self._build(step, key, *arguments)
        return entry


def _undamaged(model: Model, file: str) -> Path:
    """A model's file, made anew where it is not what was written."""
    try:
        return model().file(file)
    except DamagedArtifact:
        return model().file(file)


def _array(entry: Entry, name: str) -> Array:
    loaded: Array = np.load(entry.file(name), allow_pickle=False)
    return loaded
