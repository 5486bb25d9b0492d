"""``vamp``: a compiled model and image files to logits, each matched to its image."""

from __future__ import annotations

import filecmp
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from harness.backends.session import Load
from harness.backends.vendor import matching
from harness.backends.vendor.cards import Cards
from harness.backends.vendor.diagnosis import RUNNING, cause, failure
from harness.backends.vendor.outputs import read_output
from harness.backends.vendor.processes import Ended, run_tool
from harness.backends.vendor.toolchain import Toolchain
from harness.backends.vendor.workspaces import workspace
from harness.errors import (
    MismatchedOutput,
    MissingDataset,
    PartialOutput,
    RunError,
    WrongOutput,
)
from harness.images.datasets.npz import write_datalist, write_npz

Floats = npt.NDArray[np.float32]
Levels = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class RunnerOutputs:
    """What came of one job.

    Attributes:
        logits: float32 (images, classes), in the order of the images; probabilities where the
            build config ends the graph in a softmax.
        copies: how many images were sent again, and gave the same answer.
        card: the number of the card it ran on.
        seconds: wall time of the runner.
        log: the end of what it printed.
    """

    logits: Floats
    copies: int
    card: int
    seconds: float
    log: str


class Jobs(Protocol):
    """A compiled model that takes image files a list at a time."""

    def answers(self, files: Sequence[Path]) -> RunnerOutputs:
        """Run the images of npz files, as ``harness.images.datasets.npz`` writes them.

        Raises:
            RunError: the runner fails, or what it leaves cannot be matched to the images.
            Unavailable: it cannot run here.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledModel:
    """A compiled model on this machine's cards. Is a :class:`Jobs`.

    Attributes:
        prefix: of its files.
        runtime_file: the run-time preprocessing, a file that ``harness.images.vdsp`` reads.
        timeout_s: seconds for one job on its card.
        card_timeout_s: seconds to wait for a card.
        load: what the runner is asked for.
        input_shape: the runner's ``-s``, (3, height, width), where it is to be given.
        classes: how many logits there have to be; None: as many for each image, whatever number.
        doubled: how many images are sent twice, to see that outputs fit inputs.
        tolerance: how far copies of an image may differ; see ``matching.disagreement``.
        scratch: where workspaces are made; None for the system's temporary folder.
        case: named in errors.
    """

    toolchain: Toolchain
    cards: Cards
    prefix: Path
    runtime_file: Path
    timeout_s: float
    card_timeout_s: float
    load: Load = Load()  # noqa: RUF009 - frozen
    input_shape: tuple[int, int, int] | None = None
    classes: int | None = None
    doubled: int = matching.MOST_DOUBLED
    tolerance: float = 0.0
    scratch: Path | None = None
    case: str = ""

    def answers(self, files: Sequence[Path]) -> RunnerOutputs:
        """Run the images of npz files on a card of its own.

        Raises:
            ValueError: no file is given.
            MissingDataset: a file does not exist.
            Unavailable: no card is free, the runner is not here, may not be used or does not fit,
                or the disk is full.
            RunError: it failed, hung or crashed, or an output is missing, wrong, or another's.
        """
        arrangement = matching.arrange(len(files), doubled=self.doubled)
        with workspace(self.scratch) as folder:
            listed = _placed(files, arrangement, folder / "inputs")
            datalist, outputs = folder / "datalist.txt", folder / "outputs"
            write_datalist(datalist, listed)
            outputs.mkdir()
            with self.cards.lease(timeout_s=self.card_timeout_s, owner=self.case) as card:
                ended = run_tool(
                    self.command(card, datalist, outputs),
                    folder=folder,
                    environment=self.toolchain.environment,
                    timeout_s=self.timeout_s,
                )
                if error := failure(ended, RUNNING, case=self.case):
                    raise error
            answers = self._read(outputs, arrangement, files, ended)
        copies = len(arrangement.images) - len(files)
        logits = matching.answers_by_image(arrangement, answers)
        return RunnerOutputs(logits, copies, card, ended.seconds, ended.log)

    def command(self, card: int, datalist: Path, outputs: Path) -> list[str]:
        """The runner's command line."""
        shape = self.input_shape
        return [
            str(self.toolchain.vamp),
            *("-m", str(self.prefix.absolute())),
            *("--vdsp_params", str(self.runtime_file.absolute())),
            *("-i", str(self.load.instances)),
            *("-p", str(self.load.processes)),
            *("-b", str(self.load.batch)),
            *(() if shape is None else ("-s", f"[{','.join(map(str, shape))}]")),
            *("-d", str(card)),
            *("--datalist", str(datalist)),
            *("--path_output", str(outputs)),
        ]

    def _read(
        self,
        outputs: Path,
        arrangement: matching.Arrangement,
        files: Sequence[Path],
        ended: Ended,
    ) -> Floats:
        """The answers by place: (places, classes)."""
        count = len(arrangement.images)
        paths = sorted(outputs.iterdir())
        if problem := matching.misplaced((path.name for path in paths), count):
            raise cause(ended, RUNNING, case=self.case) or self._told(PartialOutput, problem, ended)
        by_place = {matching.place_of(path.name): path for path in paths}
        told = {"case": self.case, "log": ended.log}
        first = read_output(by_place[0], classes=self.classes, **told)
        answers = np.empty((count, len(first)), np.float32)
        for place in range(count):
            answers[place] = read_output(by_place[place], classes=len(first), **told)
        if problem := matching.disagreement(arrangement, answers, tolerance=self.tolerance):
            raise self._told(MismatchedOutput, problem, ended)
        if (answers == answers[0]).all() and _differ(files):
            raise self._told(WrongOutput, "every image got the same answer", ended)
        return answers

    def _told(self, kind: type[RunError], problem: str, ended: Ended) -> RunError:
        return kind(problem, case=self.case, log=ended.log)


@dataclass(frozen=True, slots=True)
class LevelsSession:
    """Runs images in memory through jobs; as a session, but of levels, as the device prepares."""

    jobs: Jobs
    scratch: Path | None = None

    def logits(self, images: Sequence[Levels] | npt.NDArray[Any]) -> Floats:
        """Run images, each uint8 (3, height, width), RGB, as one job: float32 (n, classes).

        They may be one array, or of different sizes where the run-time file resizes them.

        Raises:
            RunError: these are no images; or as :meth:`Jobs.answers`.
            Unavailable: as :meth:`Jobs.answers`.
        """
        if not len(images):
            raise RunError("no image, expected one at least")
        for image in images:
            given = np.asarray(image)
            if given.dtype != np.uint8 or given.ndim != 3 or len(given) != 3 or not given.size:
                raise RunError(
                    f"{given.dtype} {given.shape}, expected levels: uint8 (3, height, width)"
                )
        with workspace(self.scratch) as folder:
            files = [folder / matching.name_of(index) for index in range(len(images))]
            for file, image in zip(files, images, strict=True):
                write_npz(file, image)
            return self.jobs.answers(files).logits


def _placed(
    files: Sequence[Path], arrangement: matching.Arrangement, folder: Path
) -> tuple[Path, ...]:
    """Links to the files under the names of their places.

    Raises:
        MissingDataset: a file does not exist.
    """
    missing = next((file for file in files if not file.is_file()), None)
    if missing is not None:
        raise MissingDataset(f"{missing} does not exist")
    folder.mkdir()
    links = []
    for place, image in enumerate(arrangement.images):
        link = folder / matching.name_of(place)
        link.symlink_to(files[image].absolute())
        links.append(link)
    return tuple(links)


def _differ(files: Sequence[Path]) -> bool:
    """Whether not all files have the same content."""
    return any(not filecmp.cmp(files[0], other, shallow=False) for other in files[1:])
