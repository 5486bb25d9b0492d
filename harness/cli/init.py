"""The ``init`` command: a first ``zoo.toml`` for a folder of pages."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Final

from harness.errors import HarnessError
from harness.reporting.outline import counted
from harness.resolving.zoofile import NAME, ZooFolder
from harness.resolving.zoos import FoundPages, find_pages
from harness.runtime import atomic
from harness.runtime.foreign import real_path

if TYPE_CHECKING:
    from argparse import _SubParsersAction

MOST_SHOWN: Final = 20
"""Pages that cannot be read and are told one by one; the rest are counted."""

TEMPLATE: Final = """\
# What belongs to this zoo, and how its runs are made: `pytest --zoo=DIR` reads this file.
# What stands on the command line goes before it. Paths are from this folder.

# Which files are pages, by their paths from here; `*` stands for any characters, `/` too.
# Files without a table of models that classify are none anyway. {found}
pages = ["*"]
leave_out = []

# Any option of the suite in `pytest --help`, without its dashes. The most usual ones:
[options]
# expected = "expected"              # what is known of rows, tolerances, known issues
# backend = ["onnxruntime"]          # what the zoo is compiled for, and run on
# require-backend = ["vendor"]       # fail where it cannot be used
# vendor-tools = "bin"               # where vamc and vamp are
# cards = "0,1"                      # the cards that cases may use
# weights = "weights"                # published weights by their names, or "hub"
# build-config = "build.yaml"        # how to calibrate and quantize
# imagenet = "imagenet/val"          # labelled images: accuracy is measured, with weights
# calibration = "calibration.toml"   # photographs that int8 is calibrated on, and
# calibration-images = "calib"       # where they lie
# require = ["page", "complexity"]   # stages in which "not measured" fails
# history = "history"                # past runs, each of which is kept
"""


def add_parser(subparsers: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``init`` to the command line; the parsed arguments carry ``run``."""
    parser = subparsers.add_parser(
        "init",
        help="write a first zoo.toml into a folder of pages",
        description=f"Look which pages a folder has, and write {NAME} into it, which says what\n"
        "belongs to the zoo. A file that is there already stays as it is, which is an error.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="a folder with pages")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the file, and say what was found and what can be done next.

    Raises:
        HarnessError: there is no such folder or no page in it, or the file is there already.
    """
    folder: Path = arguments.folder
    path = folder / NAME
    if path.exists() or path.is_symlink():
        raise HarnessError(f"{path} is there already; nothing was written")
    found = find_pages([], [ZooFolder(real_path(folder))])
    rows = sum(len(page.rows) for page in found.pages.values())
    told = (
        f"{counted(len(found.pages), 'page')} with {counted(rows, 'row')}, "
        f"{counted(found.modelless, 'other file')}"
    )
    atomic.write_text(path, TEMPLATE.format(found=f"Found: {told}."))
    print(f"{path}: {told}")
    for line in _unread(found):
        print(line)
    zoo = shlex.quote(f"--zoo={folder}")
    print(f"next: pytest {zoo} -m 'page or complexity' -n auto")
    return 0


def _unread(found: FoundPages) -> list[str]:
    lines = [f"cannot be read: {one.reason.splitlines()[0]}" for one in found.unread]
    rest = len(lines) - MOST_SHOWN
    return lines[:MOST_SHOWN] + [f"and {rest} more that cannot be read"] * (rest > 0)
