"""``update``: resolve and count a page's rows, and draft what ``expected/`` has to say of them."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path

from harness.cli.extract import (
    BAD_INPUT,
    DIFFERENT,
    OK,
    check_page,
    print_omissions,
    write_page,
)
from harness.errors import ExpectationError, HarnessError
from harness.expected.pages import render
from harness.expected.repairing import naming_the_repair
from harness.expected.variants import read_variants
from harness.pages.bounds import MAX_BYTES
from harness.pages.reading import read_page
from harness.pipeline.catalogue import EXPECTED
from harness.records import Page
from harness.resolving.findings import lines
from harness.resolving.merging import Merged, merge
from harness.resolving.running import FILES, FINDINGS, resolved
from harness.resolving.verifying import require_readable
from harness.runtime.atomic import write_text
from harness.runtime.foreign import read_text
from harness.runtime.store import Entry, open_store

_MERGED = ("variants", "complexity", "pipelines")
_EXAMPLES = """examples:
  python -m harness update zoo/vgg/README.md            draft what is missing, keep what is there
  python -m harness update zoo/vgg/README.md --check    say what would change, write nothing
  python -m harness update zoo/*.md --expected /tmp/drafts
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "update",
        help="find the upstream model and the counting rules behind each row of a page",
        description="Find which upstream model stands behind each documented name, and by which\n"
        "counting rule each figure comes about; write both where nothing is written yet. What is\n"
        "kept by hand stays as it is, and where it differs is said. The page itself is extracted,\n"
        "as by `extract`.\n"
        "Exit code 0: everything is known; 1: something is not, or --check would change a file;\n"
        "2: bad input.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("pages", nargs="+", type=Path, metavar="PAGE.md")
    parser.add_argument(
        "--expected", type=Path, default=EXPECTED, metavar="DIR", help="default: %(default)s"
    )
    parser.add_argument("--store", type=Path, metavar="DIR", help="where findings are kept")
    parser.add_argument("--check", action="store_true", help="write nothing")
    parser.add_argument(
        "--lenient", action="store_true", help="list what cannot be understood of a page"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Resolve and count each page, print what was found, and write drafts."""
    code = OK
    for path in arguments.pages:
        try:
            code = max(code, _update(path, arguments))
        except HarnessError as error:
            print(error, file=sys.stderr)
            code = BAD_INPUT
    return code


def _update(path: Path, arguments: argparse.Namespace) -> int:
    page = read_page(path, lenient=arguments.lenient)
    print_omissions(page, path.as_posix())
    try:
        text = read_text(path, most=MAX_BYTES)
    except OSError as error:
        raise HarnessError(f"cannot read {path}: {error.strerror}") from error
    entry = resolved(page, text, open_store(arguments.store))
    found = json.loads(entry.file(FINDINGS).read_text(encoding="utf-8"))
    for line in lines(found, path=path.as_posix()):
        print(line)
    with naming_the_repair(str(path), arguments.expected):
        kept = _kept(arguments.expected / "variants" / f"{page.name}.toml")
        drafted = _drafted(page, entry, arguments.expected)
    _require_readable(path, page, drafted, arguments.expected)
    extracted = _extract(path, page, arguments)
    for draft in drafted:
        draft.write(check=arguments.check)
    changed = any(draft.text is not None for draft in drafted)
    unknown = [
        row
        for row, one in found["rows"].items()
        if (one["unresolved"] or one["uncountable"]) and row not in kept
    ]
    total = len(page.rows) + len(page.failures)
    print(f"{path.as_posix()}: {total - len(unknown)} of {total} models are known")
    return max(extracted, DIFFERENT if unknown or (changed and arguments.check) else OK)


def _extract(path: Path, page: Page, arguments: argparse.Namespace) -> int:
    """Do for the page what ``extract`` does, or ``extract --check``; the exit status."""
    expected: Path = arguments.expected
    out = expected / "pages"
    if not arguments.check:
        return write_page(path, page, out)
    options = ["--expected", str(expected)] + ["--lenient"] * arguments.lenient
    return check_page(path, page, out, accept=["update", str(path), *options])


def _kept(path: Path) -> frozenset[str]:
    """The rows whose upstream model was decided by hand."""
    if not path.exists():
        return frozenset()
    return frozenset(row for row, one in read_variants(path).items() if not one.unresolved)


@dataclass(frozen=True, slots=True)
class _Draft:
    """A file of the page, the folder it is in, and its new text; None where it stays."""

    kind: str
    target: Path
    what: str
    text: str | None = None

    def write(self, *, check: bool) -> None:
        """Say what becomes of the file and, unless this is a ``check``, do it."""
        would = "would be " if check and self.text is not None else ""
        print(f"{self.target.as_posix()}: {would}{self.what}")
        if self.text is not None and not check:
            try:
                self.target.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise HarnessError(f"cannot create {self.target.parent}: {error}") from error
            write_text(self.target, self.text)


def _drafted(page: Page, entry: Entry, expected: Path) -> list[_Draft]:
    """The drafts that are missing, and what kept files lack; tells what is kept otherwise."""
    rows = frozenset({row.id for row in page.rows} | {one.id for one in page.failures})
    drafts = []
    for name in FILES:
        target = expected / name / f"{page.name}.toml"
        draft = entry.file(f"{name}.toml").read_text(encoding="utf-8")
        if not target.exists():
            drafts.append(_Draft(name, target, "drafted", draft))
        elif name in _MERGED:
            merged = merge(target, draft, rows=rows)
            _tell(target, merged)
            if merged.added:
                drafts.append(_Draft(name, target, "extended", merged.text))
        else:
            drafts.append(_Draft(name, target, "kept as it is"))
    return drafts


def _require_readable(path: Path, page: Page, drafted: list[_Draft], expected: Path) -> None:
    """Refuse to write what a run would refuse to read."""
    written = {one.kind: one.text.encode("utf-8") for one in drafted if one.text is not None}
    try:
        require_readable(page, written | {"pages": render(page)}, expected, source=str(path))
    except HarnessError as error:
        raise ExpectationError(f"{path}: nothing is written: {error}") from error


def _tell(target: Path, merged: Merged) -> None:
    """Print what is kept although something else was found."""
    for row in merged.added:
        print(f"{target.as_posix()}: {row}: new")
    for row, key, kept, found in merged.differing:
        print(f"{target.as_posix()}: {row}.{key}: kept {kept!r}, found {found!r}")
    for row in merged.gone:
        print(f"{target.as_posix()}: {row}: no longer on the page; take the entry out")
