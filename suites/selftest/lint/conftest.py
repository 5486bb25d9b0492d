"""Small pages with something wrong, the files beside them, and what is found there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.lint.findings import Finding
from harness.lint.known import Knowledge
from harness.lint.rules import RULES
from harness.lint.running import lint
from harness.lint.zoo import read_zoo

ROOT = Path(__file__).resolve().parents[3]
REAL = ROOT / "../shared"


@dataclass(frozen=True)
class Found:
    """What one rule finds, as ``file:line:column``, message and suggestion."""

    findings: tuple[Finding, ...]
    folder: Path

    def of(self, rule: str) -> list[Finding]:
        return [finding for finding in self.findings if finding.rule.id == rule]

    def told(self, rule: str) -> list[tuple[str, str]]:
        return [(self.place(one), one.fault.suggestion) for one in self.of(rule)]

    def place(self, finding: Finding) -> str:
        return str(finding.fault.place).removeprefix(f"{self.folder.as_posix()}/")

    @property
    def rules(self) -> set[str]:
        return {finding.rule.id for finding in self.findings}


Linting = Callable[..., Found]


@pytest.fixture
def linting(tmp_path: Path) -> Linting:
    """Writes files, the pages among them under ``pages``, and puts all rules to them."""

    def lint_files(
        pages: str | Mapping[str, str],
        files: Mapping[str, str] | None = None,
        knowledge: Knowledge | None = None,
    ) -> Found:
        texts = {"zoo/README.md": pages} if isinstance(pages, str) else dict(pages)
        for name, text in (texts | dict(files or {})).items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        zoo = read_zoo([tmp_path / name for name in texts], know=lambda _: knowledge or Knowledge())
        return Found(lint(zoo, RULES), tmp_path)

    return lint_files


@pytest.fixture
def real() -> Path:
    """The real zoo and what is published of it, or a skip where they are not at hand."""
    if not (REAL / "zoo/resnext.md").is_file():
        pytest.skip("the real zoo is not on this machine")
    return REAL
