"""What came of a small run of the plugin, on test files written for the occasion."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from harness.reporting.results import CaseOutcome, CaseResult, Run
from harness.reporting.runlog import read

ROW = "resnext/timm/resnext50_32x4d"
SLUG = "resnext-timm-resnext50_32x4d"
OTHER = "resnext/mmcls/resnext50_32x4d"
OTHER_SLUG = "resnext-mmcls-resnext50_32x4d"


@dataclass(frozen=True)
class SmallRun:
    """Exit code, what was printed, and the run log."""

    code: int
    printed: str
    log_path: Path

    @property
    def ids(self) -> list[str]:
        """The ids that ``--collect-only -q`` printed, without their file."""
        lines = [line.partition("::")[2] for line in self.printed.splitlines()]
        return [line for line in lines if line.endswith("]")]

    @property
    def errors(self) -> list[str]:
        """The lines that say why there was no run."""
        return [line for line in self.printed.splitlines() if line.startswith("ERROR: ")]

    @property
    def log(self) -> Run:
        """The run log, whole or not."""
        return read(self.log_path, allow_incomplete=True)

    @property
    def results(self) -> dict[str, CaseResult]:
        """What the log says of each case, by its id without the file."""
        return {one.case.partition("::")[2]: one for one in self.log.results}

    @property
    def outcomes(self) -> dict[str, CaseOutcome]:
        """The same, in one word."""
        return {case: result.outcome for case, result in self.results.items()}


class RunGate(Protocol):
    """Runs files under the plugin."""

    def __call__(
        self, *options: str, row: str = ..., apart: bool = ..., **files: str
    ) -> SmallRun: ...


def spoil(path: Path, old: str, new: str) -> None:
    """Replace a text, which has to be there, by another one."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
