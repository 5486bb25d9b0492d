"""``artifacts``: look into the store of built things, check it, make room."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import track
from rich.table import Table

from harness.errors import DamagedArtifact, HarnessError
from harness.images import tensors
from harness.images.tensors.storage import TENSORS
from harness.runtime.store import Key, Store, open_store
from harness.runtime.store.entries import entry_damage, read_manifest
from harness.runtime.store.pruning import Stored, occupied
from harness.runtime.store.quantities import age_text, parse_age, parse_size, size_text

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add_parser(subparsers: Subparsers) -> None:
    """Add ``artifacts`` and its own subcommands to a command line."""
    parser = subparsers.add_parser("artifacts", help="look into the store of built things")
    parser.add_argument("--store", type=Path, metavar="DIR", help="default: ZOO_STORE, else cache")
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("list", help="what is there, most recently used last")
    actions.add_parser("size", help="bytes on disk, shared files counted once")
    actions.add_parser("verify", help="read everything in full; exit 1 if anything is damaged")
    pruning = actions.add_parser("prune", help="remove what was not used for longest")
    _add_choice(pruning, required=True)
    kept = actions.add_parser("tensors", help="preprocessed data sets, which no limit counts")
    _add_choice(kept, required=False)
    parser.set_defaults(run=run)


def _add_choice(parser: argparse.ArgumentParser, *, required: bool) -> None:
    what = parser.add_mutually_exclusive_group(required=required)
    what.add_argument("--limit", metavar="SIZE", help="make room until the rest fits, as in 10GiB")
    what.add_argument("--older-than", metavar="AGE", help="remove what was not used for so long")
    what.add_argument("--all", action="store_true", help="remove everything that is not in use")


def run(args: argparse.Namespace) -> int:
    """Do what the arguments of :func:`add_parser` say; the exit code is 1 where damage is found.

    Raises:
        HarnessError: a size or age cannot be read, or the store cannot be used.
    """
    store = open_store(args.store)
    console = Console(soft_wrap=True, highlight=False)
    if store.root.exists() and not store.root.is_dir():
        raise HarnessError(f"{store.root} is no artifact store: expected a folder")
    match args.action:
        case "list":
            _list(store, console)
        case "size":
            entries = store.entries()
            console.print(f"{size_text(occupied(entries))} in {len(entries)} entries, {store.root}")
        case "verify":
            return _verify(store, console)
        case "prune":
            _prune(store, console, args)
        case "tensors":
            _tensors(store, console, args)
    return 0


def _list(store: Store, console: Console) -> None:
    """A table on a terminal, tab-separated lines elsewhere."""
    rows = [_row(stored) for stored in store.entries()]
    if not console.is_terminal:
        for row in rows:
            print("\t".join(row))  # rich would turn tabs into spaces
        return
    table = Table("step", "key", "made from", "size", "used")
    for row in rows:
        table.add_row(*(cell.replace("[", r"\[") for cell in row))
    console.print(table)


def _row(stored: Stored) -> tuple[str, str, str, str, str]:
    try:
        text = description(read_manifest(stored.path).key)
    except DamagedArtifact:
        text = "(damaged)"
    age = age_text(time.time() - stored.used)
    return stored.step, stored.path.name[:12], text, size_text(stored.size), age


def description(key: Key) -> str:
    """Inputs and options of a key in one line, digests shortened.

    >>> description(Key.of("export", inputs={"net": "ab" * 32}, options={"opset": 17}))
    'net=abababababab opset=17'
    """
    parts: dict[str, Any] = json.loads(key.text)
    named = {**parts["inputs"], **parts["options"]}
    return " ".join(f"{name}={_short(value)}" for name, value in named.items())


def _short(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
    is_digest = len(text) == 64 and not set(text) - set("0123456789abcdef")
    return text[:12] if is_digest else text


def _verify(store: Store, console: Console) -> int:
    entries = store.entries()
    damaged = [
        damage
        for stored in track(entries, "reading", console=console, disable=not console.is_terminal)
        for damage in entry_damage(stored.path)
    ]
    damaged += store.oddities()
    for damage in damaged:
        console.print(damage, markup=False)
    console.print(f"{len(entries)} entries, {len(damaged) or 'no'} damaged files")
    return 1 if damaged else 0


def _tensors(store: Store, console: Console, args: argparse.Namespace) -> None:
    """The caches of tensors below the store; those that are to go are removed first."""
    root = store.root / TENSORS
    removed = []
    if args.older_than:
        removed = tensors.prune(root, older_than_s=parse_age(args.older_than))
    elif args.all or args.limit:
        removed = tensors.prune(root, limit_bytes=0 if args.all else parse_size(args.limit))
    for one in removed:
        console.print(f"removed {one.name} {one.digest[:12]}", markup=False)
    left = tensors.survey(root)
    for one in left:
        whole = f"{one.finished} of {one.count} images"
        size, age = size_text(one.occupied), age_text(time.time() - one.used)
        print("\t".join((one.name, one.digest[:12], whole, size, age)))
    console.print(f"{size_text(sum(one.occupied for one in left))} in {len(left)} caches, {root}")


def _prune(store: Store, console: Console, args: argparse.Namespace) -> None:
    large = {stored.path for stored in store.entries() if stored.large}
    if args.older_than:
        removed = store.prune(older_than_s=parse_age(args.older_than))
    else:
        removed = store.prune(limit_bytes=0 if args.all else parse_size(args.limit))
    kept = store.entries()
    let_go = large & {stored.path for stored in kept if not stored.large}
    console.print(
        f"let the large files of {len(let_go)} entries go, removed {len(removed)} entries; "
        f"{size_text(occupied(kept))} left in {len(kept)} entries"
    )
