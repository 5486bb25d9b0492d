"""One backend at its examination: what was compiled, loaded and run so far, each once."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn, Self, TypeVar

import numpy as np
import numpy.typing as npt

from harness.backends.backend import Backend, Host, Precision
from harness.backends.kit import children
from harness.backends.kit.bounds import BOUNDS, Bounds, spacings
from harness.backends.kit.children import ModelOnDisk, Recompiled, Refusal, Residue
from harness.backends.kit.subject import NetworkUnderTest
from harness.backends.session import Session
from harness.errors import MeasureError, NonConformance
from harness.runtime.isolation import CHILD_ENVIRONMENT, Worker

Floats = npt.NDArray[np.float32]
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a backend is held to.

    Attributes:
        bounds: how far outputs may be off, for each precision.
        calls: over how many calls memory must not grow.
        timeout_s: seconds for anything that is done in a child process.
    """

    bounds: Mapping[str, Bounds] = field(default_factory=lambda: BOUNDS)
    calls: int = 50
    timeout_s: float = 300.0


class BackendUnderTest:
    """A backend, a subject, and a folder for what comes of the two.

    What could harm the process (a refusal that is a crash), or needs one of its own (what is left
    behind), is done in two children. They end with :meth:`close` or the ``with`` block.

    Attributes:
        backend: the one examined.
        name: how messages call it.
        subject: what it is examined on.
        terms: what it is held to.
    """

    def __init__(
        self,
        make: Callable[[Host], Backend],
        subject: NetworkUnderTest,
        folder: Path,
        *,
        name: str,
        host: Host | None = None,
        terms: Terms | None = None,
    ) -> None:
        """``make``: makes the backend, here and in a child; a class, or a partial of a function.

        ``folder``: an empty one.
        """
        self._make, self._host = make, host or Host()
        self.backend = make(self._host)
        self.name, self.subject, self.terms = name, subject, terms or Terms()
        self._folder = folder
        self._models: dict[str, Path] = {}
        self._facts: dict[str, Mapping[str, Any]] = {}
        self._sessions: dict[str, Session] = {}
        self._logits: dict[str, Floats] = {}
        self._residues: dict[str, Residue] = {}
        self._recompiled: dict[str, Recompiled] = {}
        self._workers = tuple(self._worker(folder / name) for name in ("one", "other"))
        self._images_file = folder / "images.npy"
        np.save(self._images_file, self.images)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the children."""
        for worker, _ in self._workers:
            worker.close()

    def fail(self, precision: Precision, message: str) -> NoReturn:
        """Say what does not hold.

        Raises:
            NonConformance: always.
        """
        raise NonConformance(f"backend {self.name}, {precision}: {message}")

    @property
    def images(self) -> npt.NDArray[Any]:
        """The subject's images as the backend's sessions are given them, a new copy."""
        subject = self.subject
        return np.array(self.backend.runner.prepare(subject.tensors, subject.config.process_ops))

    # ── in this process ───────────────────────────────────────────────────────────────────────

    def model(self, precision: Precision) -> Path:
        """The compiled model, or the export where it is run as it is."""
        if precision not in self._models:
            exported = self.subject.models[self.backend.format]
            main = self.backend.compiles(precision)
            if main is None:
                return exported
            folder = self._folder / f"compiled-{precision}"
            folder.mkdir()
            build = self.subject.build(exported, precision)
            self._facts[precision] = self.backend.compile(build, folder)
            if not (folder / main).is_file():
                self.fail(precision, f"compiled, and there is no {main}")
            self._models[precision] = folder / main
        return self._models[precision]

    def facts(self, precision: Precision) -> Mapping[str, Any]:
        """What was said of the compilation; nothing where there is none."""
        self.model(precision)
        return self._facts.get(precision, {})

    def new_session(self, precision: Precision) -> Session:
        """Load the model once more."""
        return self.backend.session(self.model(precision), precision=precision)

    def session(self, precision: Precision) -> Session:
        """The session that most checks use."""
        if precision not in self._sessions:
            self._sessions[precision] = self.new_session(precision)
        return self._sessions[precision]

    def logits(self, precision: Precision) -> Floats:
        """What that session said of all images as one batch, the first time: a copy, read-only."""
        if precision not in self._logits:
            logits = np.array(self.session(precision).logits(self.images))
            logits.flags.writeable = False
            self._logits[precision] = logits
        return self._logits[precision]

    def require_near(
        self, left: Floats, right: Floats, precision: Precision, *, bound: float, what: str
    ) -> None:
        """Require two outputs to be the same within a bound in spacings; 0 is bit for bit.

        Raises:
            NonConformance: they are not, or not of one shape.
        """
        if left.shape != right.shape:
            self.fail(precision, f"{what}: shapes {left.shape} and {right.shape}")
        if np.array_equal(left, right):
            return
        off = spacings(
            left.astype(np.float64) - right,
            precision=precision,
            largest=float(np.abs(self.subject.logits64).max()),
        )
        if not off <= bound:
            allowed = f"at most {bound:g} spacings are" if bound else "nothing is"
            self.fail(precision, f"{what}: they differ by {off:.3g} spacings, {allowed} allowed")

    # ── in children ───────────────────────────────────────────────────────────────────────────

    def alone(self, precision: Precision) -> Floats:
        """What a process of its own says of all images."""
        return self._in_child(0, children.run_alone, self._trial(precision))

    def halves(self, precision: Precision) -> tuple[Floats, Floats]:
        """What two processes say one after the other, each of its half of the images."""
        trial = self._trial(precision)
        first, second = (self._in_child(half, children.run_half, trial, half) for half in (0, 1))
        return first, second

    def halves_beside(self, precision: Precision) -> tuple[tuple[Floats, ...], tuple[Floats, ...]]:
        """The same from two processes that run at the same time: several runs of each."""
        trial = self._trial(precision)
        meeting = self._folder / f"meeting-{precision}"
        meeting.mkdir()
        with ThreadPoolExecutor(2) as both:
            first, second = (
                both.submit(self._in_child, half, children.run_half_beside, trial, half, meeting)
                for half in (0, 1)
            )
            return first.result(), second.result()

    def residue(self, precision: Precision) -> Residue:
        """What sessions leave behind."""
        if precision not in self._residues:
            self._residues[precision] = self._in_child(
                0, children.look_after, self._trial(precision), self._scratch(0), self.terms.calls
            )
        return self._residues[precision]

    def recompiled(self, precision: Precision) -> Recompiled | None:
        """What a second compilation gives, in another process; None where nothing is compiled."""
        main = self.backend.compiles(precision)
        if main is None:
            return None
        if precision not in self._recompiled:
            folder = self._folder / f"again-{precision}"
            folder.mkdir()
            export = self.subject.models[self.backend.format]
            self._recompiled[precision] = self._in_child(
                0,
                children.compile_again,
                self._trial(precision),
                self.subject.build(export, precision),
                folder,
                main,
                self._scratch(0),
            )
        return self._recompiled[precision]

    def refusal(self, precision: Precision, fault: children.Fault) -> Refusal:
        """What a child says to something that is wrong.

        Raises:
            NonConformance: the child crashed or hung, or the session was of no use afterwards.
        """
        trial = self._trial(precision)
        damaged = self._folder / f"damaged-{precision}" / trial.model.name
        if not damaged.parent.exists():
            if trial.model in self._models.values():
                shutil.copytree(trial.model.parent, damaged.parent)
            else:
                damaged.parent.mkdir()
                shutil.copy(trial.model, damaged)
            with damaged.open("r+b") as file:
                file.truncate(damaged.stat().st_size // 2)
        build = self.subject.build(self.subject.models[self.backend.format], precision)
        try:
            return self._in_child(1, children.refuse, trial, fault, damaged, build)
        except MeasureError as error:
            self.fail(precision, f"{fault.replace('_', ' ')}: {error.message}")

    def _trial(self, precision: Precision) -> ModelOnDisk:
        return ModelOnDisk(
            make=self._make,
            host=self._host,
            model=self.model(precision),
            precision=precision,
            images=self._images_file,
        )

    def _in_child(self, who: int, function: Callable[..., T], *args: object) -> T:
        worker, _ = self._workers[who]
        return worker.run(
            function, *args, timeout_s=self.terms.timeout_s, stage=MeasureError, case=self.name
        )

    def _scratch(self, who: int) -> Path:
        return self._workers[who][1]

    @staticmethod
    def _worker(scratch: Path) -> tuple[Worker, Path]:
        """A child that keeps temporary files in a folder of its own."""
        temporary = scratch / "tmp"
        temporary.mkdir(parents=True)
        environment = {**CHILD_ENVIRONMENT, "TMPDIR": str(temporary)}
        return Worker(environment=environment), scratch
