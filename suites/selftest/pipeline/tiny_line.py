"""The gate's real steps and checks on the tiny network, one call each."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from harness.backends.backend import Host
from harness.backends.registry import EMBEDDED
from harness.expected.buildconfig import BuildConfig, Quantize
from harness.expected.tolerances import Tolerances
from harness.judging.agreement import float_verdict
from harness.judging.int8 import Compared, baseline_verdict, parity_verdict
from harness.judging.parity import compare
from harness.pipeline import steps
from harness.pipeline.catalogue import DocumentedModel
from harness.pipeline.steps import Images, NetworkSpec, Weights
from harness.pipeline.variant_pipeline import Array, ReferenceLogits
from harness.records import Measurement, Verdict
from harness.sources.forms import ALL_BATCHES, PROBES, Form, require_as_promised

TORCHSCRIPT, OPSET_11, CURRENT = Form("torchscript"), Form("onnx", 11), Form("onnx", 19)


@dataclass(frozen=True)
class Line:
    """What the steps are given, and where they write."""

    folder: Path
    documented: DocumentedModel
    weights: Weights
    images: Images
    tolerances: Tolerances
    config: BuildConfig

    @property
    def spec(self) -> NetworkSpec:
        """The network with its weights."""
        return NetworkSpec(self.documented.variant, self.documented.size, self.weights, self.images)

    def export(self, form: Form = CURRENT, *, repeat: bool = False) -> Mapping[str, Any]:
        """Export; the file is :meth:`model`."""
        room = self._room(form.id)
        with _warnings_as_in_a_child():
            if form.format == "torchscript":
                return steps.export_torchscript(room, self.spec)
            return steps.export_onnx(room, self.spec, form, repeat)

    def require_as_promised(self, form: Form = CURRENT) -> None:
        """Export, and judge what was written."""
        require_as_promised(
            self.export(form), form, self.documented.variant, size=self.documented.size
        )

    def model(self, form: Form = CURRENT) -> Path:
        return self.folder / form.id / form.file

    def reference(self) -> ReferenceLogits:
        """The source framework's own logits."""
        room = self._room("reference")
        steps.reference(room, self.spec, 1 + max(map(max, PROBES)))
        logits, logits64 = np.load(room / "logits.npy"), np.load(room / "logits64.npy")
        return ReferenceLogits(logits, logits64, PROBES)

    def run(self, model: Path) -> Array:
        """Logits of the probes, then of the other evaluation images."""
        room = self._room("run")
        with _warnings_as_in_a_child():
            backend = "torch" if model.suffix == ".pt" else EMBEDDED
            where = (backend, Host(), "fp32", model, self.images.evaluation)
            steps.run(room, *where, ALL_BATCHES, self.config)
        return np.load(room / "logits.npy")

    def float_verdict(self, outputs: Array) -> Verdict:
        """Whether an export's outputs on the probes are those of its source."""
        reference = self.reference()
        probes = outputs[: len(reference.probes)]
        return float_verdict(*reference.compared(probes))

    def compile(self, *, per_channel: bool = True) -> Mapping[str, Any]:
        """Compile the current export to int8; the file is :attr:`compiled`."""
        room = self._room("int8")
        quantize = Quantize("max", per_channel)
        config = replace(self.config, backend=replace(self.config.backend, quantize=quantize))
        what = (EMBEDDED, Host(), "int8", self.model(), self.images.calibration)
        return steps.compile_model(room, *what, config)

    @property
    def compiled(self) -> Path:
        return self.folder / "int8" / "model.onnx"

    def parity_verdict(self, reference: Array, candidate: Array) -> Verdict:
        limits = self.tolerances.limits(self.documented.row, precision="int8")
        return parity_verdict(Compared.of(reference, candidate), limits, precision="int8")

    def moved(self, reference: Array, candidate: Array, accepted: Array) -> Verdict:
        """Whether parity is where ``accepted``, an earlier candidate, had it."""
        decibels = round(compare(reference, accepted).centred_sqnr_db, 2)
        figure = Measurement("centred_sqnr", decibels, "dB")
        return baseline_verdict(Compared.of(reference, candidate), figure, weights="seeded")

    def _room(self, name: str) -> Path:
        room = self.folder / name
        room.mkdir(exist_ok=True)
        return room


@contextmanager
def _warnings_as_in_a_child() -> Iterator[None]:
    """Steps run in a process of their own, where a deprecation in a framework is no error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
