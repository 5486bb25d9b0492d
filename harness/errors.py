"""Every way to fail, in the order of the pipeline.

``HarnessError`` is what the command line turns into one line, or one for each fault of a page, and
an exit code; the two assertion classes are what a test fails with. Nothing else is raised on
purpose.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

LONGEST_QUOTE: Final = 120
"""Characters of somebody's input that an error repeats: more than a line of a terminal shows."""

LONGEST_LINE: Final = 4000
"""Characters of one line of an error, whatever it is made of; a path may have 4096 bytes."""


LONGEST_REASON: Final = 400
"""Characters of somebody else's error that are repeated as the reason of a row."""

MOST_OTHERS: Final = 200
"""Further faults of a page that one error lists."""


def quoted(value: object) -> str:
    """A value of somebody's input as errors repeat it: escaped, and its beginning if it is long.

    >>> quoted("top1"), quoted(224)
    ("'top1'", '224')
    >>> quoted("9" * 10**6)[-40:]
    "999999999999…' (of 1,000,000 characters)"
    """
    if isinstance(value, str | bytes):
        if len(value) <= LONGEST_QUOTE:
            return repr(value)
        told = "characters" if isinstance(value, str) else "bytes"
        start = repr(value[:LONGEST_QUOTE])
        return f"{start[:-1]}…{start[-1]} (of {len(value):,} {told})"
    if isinstance(value, int) and value.bit_length() > LONGEST_QUOTE:
        return f"a whole number of {value.bit_length():,} bits"
    if isinstance(value, dict | list | tuple) and not is_short(value):
        return f"a {type(value).__name__} of {len(value):,}"
    text = repr(value)
    return text if len(text) <= LONGEST_QUOTE else f"{text[:LONGEST_QUOTE]}…"


def one_line(error: BaseException) -> str:
    """What was raised, in one bounded line; of errors that are not ours, the type first.

    >>> one_line(ValueError("no such\\n\\nlayer")), one_line(KeyError())
    ('ValueError: no such layer', 'KeyError')
    """
    name = type(error).__name__
    try:
        text = " ".join(str(error).split())
    except Exception:  # somebody else's error that cannot even be printed
        text = ""
    if not text.isprintable():
        text = repr(text)[1:-1]
    if len(text) > LONGEST_REASON:
        text = f"{text[:LONGEST_REASON]}… (of {len(text):,} characters)"
    told = text if isinstance(error, HarnessError) else ": ".join(filter(None, (name, text)))
    return told or name


def is_short(value: object, depth: int = 3) -> bool:
    """Whether a value, and what it holds, can be written out in a few words."""
    if isinstance(value, dict):
        value = [*value, *value.values()] if len(value) <= 8 else None
    if isinstance(value, list | tuple):
        return depth > 0 and len(value) <= 8 and all(is_short(one, depth - 1) for one in value)
    if isinstance(value, int):
        return value.bit_length() <= LONGEST_QUOTE
    return value is not None and len(str(value)) <= LONGEST_QUOTE


def bounded_lines(text: str) -> str:
    """Text whose overlong lines keep their beginning and their end.

    >>> len(bounded_lines("x" * 10**6)) < 2 * LONGEST_LINE
    True
    """
    if len(text) <= LONGEST_LINE:
        return text
    return "\n".join(map(_bounded, text.split("\n")))


def _bounded(line: str) -> str:
    if len(line) <= LONGEST_LINE:
        return line
    half = LONGEST_LINE // 2
    return f"{line[:half]} … ({len(line) - 2 * half:,} characters left out) … {line[-half:]}"


OPTIMIZED = (
    "python -O and PYTHONOPTIMIZE switch off assertions, those of the libraries that are judged "
    "included: run without them"
)
"""Why nothing is judged by such an interpreter."""


class HarnessError(Exception):
    """Something the harness refuses or cannot do, said in words for the person running it."""

    def __init__(self, message: object = "") -> None:
        super().__init__(bounded_lines(str(message)))


# ── the page ──────────────────────────────────────────────────────────────────────────────────


class PageError(HarnessError):
    """A page cannot be read. Carries file and line, and what else is wrong with the page."""

    def __init__(
        self, message: str, *, path: str, line: int | None = None, others: tuple[str, ...] = ()
    ) -> None:
        self.path = path
        self.line = line
        where = path if line is None else f"{path}:{line}"
        self.message = message
        self.others = others
        super().__init__("\n".join((f"{where}: {message}", *others)))

    def with_others(self, others: Iterable[PageError], *, hint: str = "") -> PageError:
        """The same error, which tells of others too, a line each; ``hint``: what helps."""
        told = tuple(map(str, others))
        if len(told) > MOST_OTHERS:
            more = f"{self.path}: and {len(told) - MOST_OTHERS:,} more"
            told = (*told[:MOST_OTHERS], more)
        message = f"{self.message}; {hint}" if hint else self.message
        return _rebuild_page_error(type(self), message, self.path, self.line, told)

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild_page_error, (type(self), self.message, self.path, self.line, self.others))


def _rebuild_page_error(
    kind: type[PageError], message: str, path: str, line: int | None, others: tuple[str, ...]
) -> PageError:
    return kind(message, path=path, line=line, others=others)


class MalformedTable(PageError):
    """A table row or cell is not what its header promises."""


class NoModelTable(MalformedTable):
    """A file documents no models at all."""


class UnknownColumn(PageError):
    """A column header or unit cannot be understood."""


class OtherTask(UnknownColumn):
    """A page documents models of another task than classification."""


class DuplicateRow(PageError):
    """Two rows would share an id."""


class LostRow(PageError):
    """A row of a page was neither read nor listed as left out: the reader itself is at fault."""


# ── what is expected ──────────────────────────────────────────────────────────────────────────


class ExpectationError(HarnessError):
    """A file under ``expected/`` cannot be used as it is."""


class UnknownKey(ExpectationError):
    """An expectation names a key, row or rule that does not exist."""


class UnmatchedKnownIssue(ExpectationError):
    """A known issue matches no case."""


class ExpiredKnownIssue(ExpectationError):
    """A known issue is older than it was allowed to become."""


# ── what is not here ──────────────────────────────────────────────────────────────────────────


class Unavailable(HarnessError):
    """Something that a measurement needs is not on this machine. Never a pass."""


class MissingSource(Unavailable):
    """A source library is not installed, or does not know the model."""


class MissingWeights(Unavailable):
    """A weights file is absent."""


class MissingDataset(Unavailable):
    """A data set is absent."""


class MissingBackend(Unavailable):
    """A backend is not installed on this machine."""


class MissingLicence(Unavailable):
    """A tool is installed here and says that it may not be used."""


class UnfitVersion(Unavailable):
    """Tools, driver or compiled model are of versions that do not go together."""


class NoOpset(Unavailable):
    """An exporter writes an operator of the network from a later opset on."""


class NoCard(Unavailable):
    """No accelerator card became free in time, or all of them are set aside."""


class NotEnoughMemory(Unavailable):
    """A step needs more memory than this machine has or may use."""


class NotEnoughDisk(Unavailable):
    """A step ran out of disk."""


# ── where it ran ──────────────────────────────────────────────────────────────────────────────


class LostHost(HarnessError):
    """Hosts of a cluster were lost under a step, or cannot take it; nothing is known of the row."""


# ── what broke ────────────────────────────────────────────────────────────────────────────────


class StageError(HarnessError):
    """A step of the pipeline failed: says which, on what, and how to repeat it.

    Attributes:
        stage: the step's name, as known issues name it.
        case: the row or artifact it worked on.
        command: a shell command that repeats just this, or "".
        log: the tail of what the step printed, or "".
    """

    stage = "stage"

    def __init__(self, message: str, *, case: str = "", command: str = "", log: str = "") -> None:
        self.case = case
        self.command = command
        self.log = log
        self.message = message
        lines = [f"{self.stage} failed: {message}" + (f" [{case}]" if case else "")]
        if log.strip():
            lines += ["log:", *(f"  | {line}" for line in log.strip().splitlines()[-20:])]
        if command:
            lines.append(f"repeat: {command}")
        super().__init__("\n".join(lines))

    def repeated_by(self, command: str, *, case: str = "") -> StageError:
        """The same error with the command that repeats it, and with the place of its case.

        ``case``: where that is, its row first. What a tool calls the case stays beside it.
        """
        row = case.partition(",")[0]
        told = case if self.case in ("", row) else ", ".join(filter(None, (self.case, case)))
        return _rebuild(type(self), self.message, told, command, self.log)

    def again(self) -> StageError:
        """The same error, to be raised once more."""
        return _rebuild(type(self), self.message, self.case, self.command, self.log)

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.message, self.case, self.command, self.log))


def _rebuild(kind: type[StageError], message: str, case: str, command: str, log: str) -> StageError:
    return kind(message, case=case, command=command, log=log)


class BuildError(StageError):
    """A row could not be turned into a network, or its weights do not fit."""

    stage = "build"


class CountError(StageError):
    """A counter failed."""

    stage = "count"


class ExportError(StageError):
    """An exporter failed, or what it left behind is not a complete, valid model."""

    stage = "export"


class PreprocessError(StageError):
    """Image files could not be turned into tensors at all; single bad files are no error."""

    stage = "preprocess"


class CalibrationError(StageError):
    """A calibration set cannot be used."""

    stage = "calibrate"


class CompileError(StageError):
    """A backend could not compile an exported model."""

    stage = "compile"


class CompileHang(CompileError):
    """A compiler did not finish in time and was killed."""


class CompileCrash(CompileError):
    """A compiler was ended by a signal."""


class PartialCompilation(CompileError):
    """A compiler says that all went well, and files of the compiled model are missing or empty."""


class RunError(StageError):
    """A compiled or exported model could not be run."""

    stage = "run"


class RunHang(RunError):
    """A runner did not finish in time and was killed."""


class RunCrash(RunError):
    """A runner was ended by a signal."""


class OutOfDeviceMemory(RunError):
    """A model, at the load asked for, does not fit into its card's memory."""


class DeadCard(RunError):
    """A card was lost while a model ran on it."""


class PartialOutput(RunError):
    """A runner says that all went well, and outputs are missing, too many or under other names."""


class WrongOutput(RunError):
    """An output is no logits of one image: its file, shape, type or values."""


class MismatchedOutput(RunError):
    """An image that was sent more than once got different answers: outputs do not fit inputs."""


class MeasureError(StageError):
    """A figure could not be computed from what was run."""

    stage = "measure"


class ImageError(HarnessError):
    """An image, or a file that should be one, cannot be used: names the file and what is wrong."""


class DamagedArtifact(HarnessError):
    """An entry of the artifact store is not what it was when it was written."""


class EvictedArtifact(DamagedArtifact):
    """A large file of an entry was evicted to make room; building anew brings it back."""


# ── what does not hold ────────────────────────────────────────────────────────────────────────


class NonConformance(AssertionError):
    """A measurement does not conform to a claim or to a tolerance."""


class Regression(AssertionError):
    """A measurement has moved away from the accepted baseline, in either direction."""
