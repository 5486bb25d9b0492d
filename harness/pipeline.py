"""The steps of one case, composed: what is in the store is used, what is not is built.

The only module, beside the plugin, that knows all rooms. It holds no framework itself: whatever
needs one runs in the isolated child (``harness.steps``), under a reservation of memory.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from harness import steps
from harness.artifacts import JSON, Entry, Key, Store, open_store
from harness.buildconfig import (
    BuildConfig,
    CenterCrop,
    ProcessOp,
    Quantize,
    Resize,
    read_build_config,
)
from harness.catalogue import Subject
from harness.complexity.counts import Counts
from harness.errors import (
    BuildError,
    CompileError,
    CountError,
    DamagedArtifact,
    ExpectationError,
    ExportError,
    RunError,
    StageError,
)
from harness.exporters.external_data import LARGEST_INLINE_BYTES
from harness.images.preprocessing import digest as pipeline_digest
from harness.images.scenes import VERSION as SCENES_VERSION
from harness.images.sets import EVALUATION_IMAGES, embedded_sets
from harness.isolation import Worker
from harness.memory import Ledger, default_budget_bytes
from harness.sources.variants import Variant
from harness.steps import Images, Route, Weights

Array = npt.NDArray[Any]

GIB = 2**30
HARNESS = Path(__file__).parent

LARGE_PARAMS = 150_000_000  # of a network whose memory is given back before it is run
RECYCLED_BYTES = 8 * GIB  # a child that holds more after a step is replaced
BASE_BYTES = int(1.2 * GIB)  # of a child with both frameworks imported
STEP_COPIES: Mapping[str, float] = {
    "count": 0.0,
    "reference": 2.5,
    "export": 5.0,
    "compile": 4.0,
    "run": 2.6,
}
"""Times the parameters' size that a step needs at its peak, measured on the largest network."""

OVERSIZED_COPIES = 4.0
"""The same where the parameters exceed protobuf's limit: the conversion ends before its last copy
(13.4 GiB measured on 3.1 GiB of parameters)."""

STEP_STAGES = {
    "count": "complexity",
    "reference": "export",
    "export": "export",
    "compile": "int8",
    "run": "export",
}
"""The marker of the tests that need a step."""

STEP_SECONDS = 300.0  # limit of a step whatever its size
STEP_SECONDS_PER_MILLION = 2.5  # and for each million parameters; the slowest take 0.1

Batches = tuple[tuple[int, int], ...]
PROBES: Batches = ((0, 1), (0, 4))
"""Ranges of images that exports are compared on: the first one alone, and among four."""

ALL_BATCHES: Batches = (*PROBES, (4, EVALUATION_IMAGES))
"""The probes, and then the other evaluation images."""

CHILD_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",  # every worker process has a child: more threads would only contend
    "OPENBLAS_NUM_THREADS": "1",
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",  # gigabytes of weights in 2 MiB pages, not 4 KiB
}

CURRENT_OPSET = 19
DOCUMENTED_OPSETS = {"torchvision": 11, "timm": 11, "mmcls": 11, "ppcls": 10}
"""What the zoo's own export commands ask for, by source."""


@dataclass(frozen=True, slots=True)
class Form:
    """One way in which a row is exported."""

    format: Literal["torchscript", "onnx"]
    opset: int = 0
    route: Route = "documented"

    @property
    def id(self) -> str:
        """As it stands in test ids."""
        return self.format if self.format == "torchscript" else f"onnx-opset{self.opset}"

    @property
    def file(self) -> str:
        """The name of the model in its entry."""
        return "model.pt" if self.format == "torchscript" else "model.onnx"


def forms(source: str) -> tuple[Form, ...]:
    """The ways in which rows of a source are exported, what needs the network in memory first."""
    documented = Form("onnx", DOCUMENTED_OPSETS[source])
    if source == "ppcls":
        return compiled_form(source), documented
    return Form("torchscript"), documented, compiled_form(source)


def compiled_form(source: str) -> Form:
    """The form that is compiled: the quantizer needs a newer opset than the documented ones."""
    return Form("onnx", CURRENT_OPSET, "external" if source == "ppcls" else "documented")


def is_large(variant: Variant) -> bool:
    """Whether a network cannot stay in memory beside the steps that do not need it."""
    return (variant.params or 0) > LARGE_PARAMS


def probes(variant: Variant) -> Batches:
    """The batches that exports are compared on: the first image alone, and among several."""
    inside = 4 * (variant.params or 0) <= LARGEST_INLINE_BYTES
    return PROBES if inside else ((0, 1), (0, 2))


def is_repeated(form: Form, variant: Variant) -> bool:
    """Whether a form is exported twice: TorchScript, and the form that is compiled.

    Not where the parameters are too large to be inside the model: it takes minutes.
    """
    if form.format == "torchscript":
        return True
    inside = 4 * (variant.params or 0) <= LARGEST_INLINE_BYTES
    return inside and form == compiled_form(variant.source)


@dataclass(frozen=True, slots=True)
class Reference:
    """The source framework's own logits: float32 on the probes, float64 on the first ones."""

    logits: Array
    logits64: Array
    batches: Batches

    @property
    def probes(self) -> Array:
        """The logits in the order in which the probes are run: the first image twice."""
        return np.concatenate([self.logits[start:stop] for start, stop in self.batches])


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

    def __post_init__(self) -> None:
        self._image_entries: dict[int, Entry] = {}

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

    def _images_entry(self, size: int) -> Entry:
        if size not in self._image_entries:
            self._image_entries[size] = self._make_images_entry(size)
        return self._image_entries[size]

    def _make_images_entry(self, size: int) -> Entry:
        config = sized(self.config, size)
        key = Key.of(
            "images",
            inputs={"pipeline": pipeline_digest(config.process_ops)},
            options={"scenes": SCENES_VERSION, "calibration": config.calibration_images},
            tools=_tools("numpy", "pillow") | {"code": code_digest("images")},
        )

        def produce(folder: Path) -> Mapping[str, JSON]:
            sets = embedded_sets(config)
            facts: dict[str, JSON] = {}
            for name in ("statistics", "calibration", "evaluation"):
                images = getattr(sets, name)
                np.save(folder / f"{name}.npy", images.images)
                facts[name] = images.digest
            return facts

        return self.store.use(key, produce)

    def images(self, size: int) -> Images:
        """The embedded images, preprocessed for an input of this size.

        Seeded weights are fitted at the build config's own size, whatever size a row takes, so
        that rows of one network have the same ones.
        """
        entry = self._images_entry(size)
        return Images(
            statistics=self._images_entry(self._own_size).file("statistics.npy"),
            calibration=entry.file("calibration.npy"),
            evaluation=entry.file("evaluation.npy"),
        )

    @property
    def _own_size(self) -> int:
        return self.config.frontend.input_shape[-1]

    def _images_digest(self, name: str, size: int) -> str:
        return str(self._images_entry(size).facts[name])

    def weights(self, variant: Variant) -> Weights:
        """Which weights the row is given.

        Raises:
            MissingWeights: the folder has not got them.
            BuildError: the file is not what its name says.
        """
        asked = self.settings.weights
        if asked is None:
            fitted_to = self._images_digest("statistics", self._own_size)
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
            tools=_source_tools(variant.source)
            | _tools("thop", "mmcv-lite")
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
        count = max(stop for _, stop in batches)
        arguments = (variant, size, self.weights(variant), self.images(size), count)
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
        arguments: tuple[object, ...] = (variant, size, self.weights(variant), self.images(size))
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
        model: Entry,
        file: str,
        *,
        batches: Batches = ALL_BATCHES,
    ) -> Array:
        """What a model computes on evaluation images, batch after batch."""
        identity = model.facts.get("canonical_digest") or model.digest(file)
        key = Key.of(
            "run",
            inputs={"model": str(identity), "images": self._images_digest("evaluation", size)},
            options={"batches": [list(batch) for batch in batches], "file": file},
            tools=_tools("onnxruntime", "torch") | {"code": code_digest("backends", "steps.py")},
        )
        found = self.store.get(key)
        path = Path() if found else self._file(model, file)
        entry = self._use(
            "run", key, variant, RunError, steps.run, path, self.images(size).evaluation, batches
        )
        return _array(entry, "logits.npy")

    def compiled(self, variant: Variant, size: int, model: Entry) -> Entry:
        """The int8 model that the embedded backend compiles from an exported one."""
        quantize = self._quantize
        key = Key.of(
            "compile",
            inputs={
                "model": str(model.facts["canonical_digest"]),
                "images": self._images_digest("calibration", size),
            },
            options={"mode": quantize.calibrate_mode, "per_channel": quantize.per_channel},
            tools=_tools("onnxruntime", "onnx")
            | {"code": code_digest("backends", "exporters", "steps.py")},
        )
        path = Path() if self.store.get(key) else self._file(model, "model.onnx")
        return self._build(
            "compile",
            key,
            variant,
            CompileError,
            steps.compile_onnxruntime,
            path,
            self.images(size),
            quantize.calibrate_mode,
            quantize.per_channel,
        )

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
        exported = self.exported(variant, size, form)
        batches = probes(variant)
        if subject.complexity is None or form != compiled_form(variant.source):
            return self.outputs(variant, size, exported, form.file, batches=batches)
        count = sum(stop - start for start, stop in batches)
        return self.outputs(variant, size, exported, form.file)[:count]

    def float_outputs(self, subject: Subject) -> Array:
        """The float half of parity: logits of all evaluation images, in the backend."""
        return self._evaluated(subject, self.compilable(subject))

    def _evaluated(self, subject: Subject, model: Entry) -> Array:
        """Logits of every evaluation image once, in their order."""
        start, stop = PROBES[0]
        return self.outputs(subject.variant, subject.size, model, "model.onnx")[stop - start :]

    def compiled_row(self, subject: Subject) -> Entry:
        """The row, compiled to int8."""
        return self.compiled(subject.variant, subject.size, self.compilable(subject))

    def int8_outputs(self, subject: Subject) -> Array:
        """The int8 half of parity."""
        return self._evaluated(subject, self.compiled_row(subject))

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
            inputs["images"] = self._images_digest("evaluation", size)
        code = code_digest("sources", "exporters", "steps.py")
        return Key.of(
            step,
            inputs=inputs,
            options={"size": size, **(options or {})},
            tools=_source_tools(variant.source) | _tools("onnx") | {"code": code},
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
        """The entry of a key, made in the child where it is not in the store."""

        def produce(folder: Path) -> Mapping[str, JSON]:
            if step in ("run", "compile") and is_large(variant):
                self.worker.recycle()  # frameworks keep freed memory for themselves
            with self.ledger.reserve(self.bytes_for(step, variant), owner=f"{step} {variant.row}"):
                facts: dict[str, JSON] = dict(
                    self.worker.run(
                        function,
                        folder,
                        *arguments,
                        timeout_s=self._limit_s(variant),
                        stage=stage,
                        case=variant.row,
                        command=f"pytest --row {variant.row} -m {STEP_STAGES[step]}",
                    )
                )
            return facts | {
                "peak_bytes": self.worker.last_peak_bytes or 0,
                "cpu_s": round(self.worker.last_cpu_s, 3),
            }

        return self.store.build(key, produce)

    def _use(self, step: str, key: Key, *arguments: Any) -> Entry:
        """As :meth:`_build`, and the files are what was written; a damaged entry is built anew."""
        entry = self._build(step, key, *arguments)
        for name in entry.files:
            try:
                entry.file(name)
            except DamagedArtifact:
                return self._build(step, key, *arguments)
        return entry

    def _file(self, model: Entry, file: str) -> Path:
        return model.file(file)

    def bytes_for(self, step: str, variant: Variant) -> int:
        """What a step is reserved, in bytes."""
        size = 4 * (variant.params or 0)  # float32
        copies = STEP_COPIES[step]
        if size > LARGEST_INLINE_BYTES:
            copies = min(copies, OVERSIZED_COPIES)
        return BASE_BYTES + int(copies * size)

    def _limit_s(self, variant: Variant) -> float:
        if self.settings.step_timeout_s is not None:
            return self.settings.step_timeout_s
        return STEP_SECONDS + STEP_SECONDS_PER_MILLION * (variant.params or 0) / 1e6


def sized(config: BuildConfig, size: int) -> BuildConfig:
    """A build config for another input size, its resize and crop in proportion."""
    own = config.frontend.input_shape[-1]
    if size == own or config.dataset is None:
        return config

    def scaled(op: ProcessOp) -> ProcessOp:
        if isinstance(op, Resize | CenterCrop):
            sides: Any = tuple(round(side * size / own) for side in op.size)
            return replace(op, size=sides)
        return op

    ops = tuple(scaled(op) for op in config.dataset.process_ops)
    shape = (*config.frontend.input_shape[:2], size, size)
    return replace(
        config,
        frontend=replace(config.frontend, input_shape=shape),
        dataset=replace(config.dataset, process_ops=ops),
    )


@cache
def code_digest(*parts: str) -> str:
    """Identity of the harness's own code in these packages or modules: it made what is stored."""
    whole = hashlib.sha256()
    for part in parts:
        path = HARNESS / part
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            whole.update(file.relative_to(HARNESS).as_posix().encode())
            whole.update(file.read_bytes())
    return whole.hexdigest()[:16]


def _array(entry: Entry, name: str) -> Array:
    loaded: Array = np.load(entry.file(name), allow_pickle=False)
    return loaded


def _source_tools(source: str) -> dict[str, str]:
    """Versions of what a network of this source, and its seeded weights, are made with."""
    own = {
        "torchvision": ("torchvision",),
        "timm": (),
        "mmcls": ("mmpretrain", "mmengine", "mmcv-lite"),
        "ppcls": ("paddlepaddle", "paddleclas", "paddle2onnx"),
    }
    return _tools("torch", "timm", "numpy", *own[source])


def tool_versions() -> dict[str, str]:
    """Versions of everything that takes part in a run."""
    return _tools(
        "torch",
        "torchvision",
        "timm",
        "mmpretrain",
        "mmcv-lite",
        "paddlepaddle",
        "paddleclas",
        "paddle2onnx",
        "thop",
        "onnx",
        "onnxruntime",
        "numpy",
        "pytest",
        "pytest-xdist",
    )


def _tools(*names: str) -> dict[str, str]:
    return {name: _version(name) for name in names}


@cache
def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
