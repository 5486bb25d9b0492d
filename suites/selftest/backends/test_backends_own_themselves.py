"""Nobody but a backend knows which one it is: what depends on a backend is asked of it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import harness
from harness.backends.registry import BACKENDS

ROOT = Path(harness.__file__).parent
LISTED = "backends/registry.py"
FOLDERS = {path.split(".")[2] for path in BACKENDS.values()}
OWN = tuple(f"harness.backends.{folder}." for folder in FOLDERS)
LIBRARIES = {"onnxruntime", "openvino", "torch"}
"""Distributions too: only what is compared or asked for by such a name is a backend."""


def special_cases(code: str) -> Iterator[tuple[int, str]]:
    """Where code names a backend, imports from its folder, or asks what it is; with lines."""
    for node in ast.walk(ast.parse(code)):
        match node:
            case ast.Constant(value=str(name)) if name in BACKENDS and name not in LIBRARIES:
                yield node.lineno, repr(name)
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                room = getattr(node, "module", None)
                for module in (f"{room}.{one.name}" if room else one.name for one in names):
                    if f"{module}.".startswith(OWN):
                        yield node.lineno, f"imports {module}"
            case ast.Compare(left=left, comparators=right):
                sides = [ast.unparse(side) for side in (left, *right)]
                named = any(repr(name) in side for side in sides for name in LIBRARIES)
                asked = any(side.endswith((".input", ".runner")) for side in sides)
                if asked or (named and not any("framework" in side for side in sides)):
                    yield node.lineno, ast.unparse(node)
            case (
                ast.Call(func=ast.Name(id="backend"), args=[ast.Constant(value=name), *_])
                | ast.keyword(arg="backend", value=ast.Constant(value=name))
                | ast.IfExp(body=ast.Constant(value=name))
                | ast.IfExp(orelse=ast.Constant(value=name))
            ):
                if name in BACKENDS:
                    yield node.lineno, ast.unparse(node)
            case ast.Call(func=ast.Name(id="isinstance"), args=[one, _]):
                if ast.unparse(one).endswith(
                    ("target", "backend", ".runner", "supply", "preprocessor")
                ):
                    yield node.lineno, ast.unparse(node)


def own_folder(file: Path) -> bool:
    parts = file.relative_to(ROOT).parts
    return parts[0] == "backends" and parts[1] in FOLDERS


def test_no_module_outside_a_backends_folder_knows_which_one_it_is() -> None:
    found = [
        f"{file.relative_to(ROOT)}:{line}: {what}"
        for file in sorted(ROOT.rglob("*.py"))
        if not own_folder(file) and file != ROOT / LISTED
        for line, what in special_cases(file.read_text(encoding="utf-8"))
    ]
    assert found == []


@pytest.mark.parametrize(
    "code",
    [
        'if "vendor" in gate.backends: x()',
        'if backend != "onnxruntime": x()',
        'target = backend("torch")',
        'target = "torch" if form.format == "torchscript" else EMBEDDED',
        'if target.input == "levels": x()',
        "if target.runner is IN_PROCESS: x()",
        "assert isinstance(target, Vendor)",
        "if isinstance(preprocessor, WholeImages): x()",
        "from harness.backends.vendor.backend import Vendor",
        "from harness.backends import vendor",
        "import harness.backends.onnxruntime.sessions",
    ],
)
def test_a_special_case_would_be_found(code: str) -> None:
    assert list(special_cases(code))


@pytest.mark.parametrize("code", ['tools("onnxruntime")', 'if network.framework == "torch": x()'])
def test_a_library_of_the_same_name_is_none(code: str) -> None:
    assert not list(special_cases(code))
