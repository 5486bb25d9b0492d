"""The one small protocol behind which all backends stand side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

import numpy.typing as npt

from harness.backends.session import Session
from harness.expected.buildconfig import BuildConfig, ProcessOp

if TYPE_CHECKING:
    from harness.images.tensors import Preprocessor, Supply

Precision = Literal["fp32", "fp16", "bf16", "int8"]
PRECISIONS: tuple[Precision, ...] = ("fp32", "fp16", "bf16", "int8")
Images = npt.NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """What of this machine backends use. No result depends on it, so no key holds it; but answers
    that a device gives by ``run_time``, whose identity has that file's content.

    Attributes:
        tools: where the vendor's tools are; None for the path.
        environment: set for the vendor's tools, in addition to what this process has.
        cards: numbers of the cards that cases may use.
        cards_folder: where the locks of cards lie; one for all processes of the machine.
        card_timeout_s: seconds to wait for a card.
        timeout_s: seconds for one compilation or one run by an outside tool.
        doubled: images of a job of the vendor's runner that it is given twice, to see that outputs
            fit inputs; all where there are fewer. At least 3.
        threads: of a session on the processor.
        run_time: the file by which a device prepares whole images, in place of the one that was
            written with the model.
    """

    tools: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    cards: tuple[int, ...] = (0,)
    cards_folder: Path | None = None
    card_timeout_s: float = 3600.0
    timeout_s: float = 1800.0
    doubled: int = 64
    threads: int = 1
    run_time: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """A model to be compiled.

    Attributes:
        model: the exported file, in the backend's ``format``.
        precision: one of the backend's.
        config: how to calibrate and quantize, and the preprocessing.
        calibration: an ``.npy`` file of preprocessed images, float32 (n, 3, height, width), RGB.
    """

    model: Path
    precision: Precision
    config: BuildConfig
    calibration: Path


class Runner(Protocol):
    """What runs the sessions of a backend: this process, or a program that it starts, on a device.
    It takes preprocessed images, float32 (n, 3, height, width), or what it makes of them."""

    @property
    def jobs(self) -> bool:
        """Whether each call is a job that has to start, so that one with many images is better."""

    @property
    def waits_s(self) -> float:
        """Seconds that a step may wait for it beyond its own limit: it has limits itself."""

    @property
    def resizes(self) -> bool:
        """Whether its device prepares whole images by a run-time file, ``Host.run_time``."""

    def prepare(self, images: Images, ops: Sequence[ProcessOp], /) -> Images:
        """Images of its supply, or others that these operators made, as sessions are given them.

        Raises:
            PreprocessError: these operators did not make them.
        """

    def supply(self, preprocessor: Preprocessor) -> Supply:
        """How image files become what it takes: by this preprocessor, or in its own way."""

    def cards(self) -> Mapping[int, str]:
        """The cards that jobs run on, by number; of each why it is set aside, or "".

        Raises:
            Unavailable: they cannot be asked.
        """


class InProcess:
    """Sessions compute in this process, on preprocessed images as they are. Is a ``Runner``."""

    jobs = resizes = False
    waits_s = 0.0

    def prepare(self, images: Images, _: Sequence[ProcessOp], /) -> Images:
        """Nothing is to be done."""
        return images

    def supply(self, preprocessor: Preprocessor) -> Supply:
        """The preprocessor's tensors."""
        from harness.images.tensors import Preprocessed

        return Preprocessed(preprocessor)

    def cards(self) -> Mapping[int, str]:
        """None."""
        return {}


IN_PROCESS: Final = InProcess()


class Backend(Protocol):
    """Compiles exported models and runs them. Its module imports no framework by itself."""

    @property
    def format(self) -> Literal["onnx", "torchscript"]:
        """Which export it takes."""

    @property
    def precisions(self) -> tuple[Precision, ...]:
        """What it can run in."""

    @property
    def runner(self) -> Runner:
        """What runs its sessions, and makes what they are given: mostly :data:`IN_PROCESS`."""

    @property
    def code(self) -> tuple[str, ...]:
        """The suite's own modules that take part, as
        ``harness.runtime.identity.code_digest`` takes them; none for a backend that another
        package adds."""

    def compiles(self, precision: Precision) -> str | None:
        """The main file that ``compile`` leaves; None where the export is run as it is."""

    def tools(self) -> Mapping[str, str]:
        """Names and versions of what compiles and runs here, which results depend on.

        Raises:
            MissingBackend: it cannot be used on this machine, and why.
        """

    def compile(self, build: Build, folder: Path) -> Mapping[str, Any]:
        """Compile a model into an empty folder, and say what was seen of it, in JSON's types.

        ``heavy``: how many convolutions and matrix products it has; ``unquantized``: the names of
        those that are not int8 in the file; ``executed``: how often each operator stands in what is
        really executed, ``floating``: those of the heavy ones that run in floating point;
        ``parameters``: scales, zero points and codes beside what they should follow from, as
        :mod:`harness.judging.quantization` takes them. What a backend cannot know it leaves out.

        Raises:
            CompileError: it fails.
            Unavailable: it cannot compile here.
        """

    def session(self, model: Path, *, precision: Precision) -> Session:
        """Load a compiled model (its main file), or an export that is run as it is.

        Raises:
            RunError: it cannot be loaded.
            Unavailable: it cannot run here.
        """
