"""YAML without surprises: one small document, text keys, each once, no aliases, no tags."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from harness.errors import ExpectationError, quoted
from harness.runtime.foreign import read_bytes

LARGEST_FILE = 64 * 1024  # bytes; the vendor's build configs have less than one KiB


def load(path: Path) -> dict[str, Any]:
    """Read a file that holds one mapping.

    PyYAML alone keeps the last of two equal keys without a word, lets a few aliases stand for
    gigabytes, and fails on some tags with a bare KeyError; here all of these are refused.

    Raises:
        ExpectationError: the file is missing, too large, not UTF-8 or not such YAML; names the line
            where there is one.
    """
    try:
        data = read_bytes(path, most=LARGEST_FILE)
    except OSError as error:
        raise ExpectationError(f"cannot read {path}: {error.strerror or error}") from error
    try:
        document = yaml.load(data.decode("utf-8"), Loader=_Loader)
    except UnicodeDecodeError as error:
        raise ExpectationError(f"{path}: not UTF-8 at byte {error.start}") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"{path}:{mark.line + 1}" if mark else path
        raise ExpectationError(f"{where}: not YAML as expected: {error.problem}") from error
    except RecursionError as error:
        raise ExpectationError(f"{path}: nested too deeply") from error
    except (yaml.YAMLError, ValueError) as error:  # the latter from impossible dates and numbers
        problem = " ".join(str(error).split())
        raise ExpectationError(f"{path}: not YAML as expected: {problem}") from error
    if not isinstance(document, dict):
        raise ExpectationError(f"{path}: expected keys and values, got {quoted(document)}")
    return document


class _Loader(yaml.SafeLoader):
    """The safe loader, stricter."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent) or event.tag is not None:
            problem = "aliases and tags are not supported"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=event.start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen = set()
        for key, _ in node.value:
            if key.tag != "tag:yaml.org,2002:str":
                problem = "a key that is no text"
            elif key.value in seen:
                problem = f"key {quoted(key.value)} stands here twice"
            else:
                seen.add(key.value)
                continue
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
        return super().construct_mapping(node, deep)
