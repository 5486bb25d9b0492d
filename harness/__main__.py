"""The same steps from a shell: ``python -m harness COMMAND``."""

from __future__ import annotations

import argparse
import importlib
import os
import shlex
import sys
from collections.abc import Sequence

from harness.errors import OPTIMIZED, HarnessError, StageError

COMMANDS = (
    "harness.cli.init",
    "harness.cli.survey",
    "harness.cli.extract",
    "harness.cli.diff",
    "harness.cli.compare_zoos",
    "harness.cli.lint",
    "harness.cli.catalogue",
    "harness.cli.explain",
    "harness.cli.update",
    "harness.cli.export",
    "harness.cli.layers",
    "harness.cli.imagenet",
    "harness.cli.artifacts",
    "harness.cli.baseline",
    "harness.cli.ablation",
    "harness.cli.accuracy",
    "harness.cli.report",
    "harness.cli.compare",
    "harness.cli.history",
)
"""Modules with ``add_parser(subparsers)`` and ``run(arguments) -> exit status``."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; an error is one line on stderr and exit status 2."""
    if sys.flags.optimize:
        print(f"error: {OPTIMIZED}", file=sys.stderr)
        return 2
    parser = argparse.ArgumentParser(
        prog="python -m harness", description="Conformance suite for model zoos."
    )
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for module in COMMANDS:
        importlib.import_module(module).add_parser(subparsers)
    parsed = parser.parse_args(arguments)
    try:
        return int(parsed.run(parsed))
    except StageError as error:
        given = sys.argv[1:] if arguments is None else arguments
        command = shlex.join(("python", "-m", "harness", *given))
        print(f"error: {error.repeated_by(command)}", file=sys.stderr)
        return 2
    except HarnessError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


if __name__ == "__main__":
    sys.exit(main())
