"""The questions that are put to a zoo. Each module has rules about one thing."""

from __future__ import annotations

from typing import Final

from harness.lint.findings import LintRule
from harness.lint.rules import (
    accuracies,
    configs,
    counts,
    duplicates,
    files,
    labels,
    links,
    reading,
)

RULES: Final[tuple[LintRule, ...]] = (
    *reading.RULES,
    *duplicates.RULES,
    *accuracies.RULES,
    *counts.RULES,
    *links.RULES,
    *files.RULES,
    *configs.RULES,
    *labels.RULES,
)
"""All rules, in the order of what they look at."""
