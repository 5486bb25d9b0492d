"""What PaddleClas offers: the architectures of its model zoo, read from its files."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from harness.errors import MissingSource
from harness.expected.variants import Variant
from harness.records import Row
from harness.sources.choices import Choice, Preferred

_FOLDERS: Final = ("model_zoo", "legendary_models")  # as the adapter looks for them
_LIST: Final = "IMN_MODEL_SERIES"  # in paddleclas.py: every model with published weights
_SIZE: Final = re.compile(r"(?<=_)[2-5]\d\d$")  # pixels, as in DeiT_base_patch16_384
_FIXED, _DISTILLED = "Fix_", "_ssld"  # other weights of the same network, by their names


class PaddleClas:
    """The models of the installed PaddleClas. Neither it nor Paddle is imported."""

    title = f"PaddleClas {version('paddleclas')}"

    def names(self) -> Mapping[str, str]:
        """The functions that build networks; what PaddleClas lists as other weights of one; and
        the distilled weights that a function takes by its argument ``use_ssld``."""
        known = {name: name for name, (_, address) in _functions().items() if address}
        others = {name: name for name in _listed() if _function(name) in _functions()}
        distilled = (f"{name}{_DISTILLED}" for name in _taking("use_ssld") if name in known)
        return known | others | {name: name for name in distilled}

    def renamed(self) -> Mapping[str, str]:
        """PaddleClas keeps no such list."""
        return {}

    def registry(self) -> Iterable[tuple[str, str]]:
        """None: a name stands for several."""
        return ()

    def choices(self, name: str) -> tuple[Choice, ...]:
        """The one set of weights of a name."""
        function = name if name in _functions() else _function(name)
        module, url = _functions()[function]
        own = url.rpartition("/")[2] if name == function else ""
        file = own or f"{name}_pretrained.pdparams"
        size = _SIZE.search(function)
        return (Choice(f"{module}.{function}", function, file, int(size[0]) if size else None),)

    def preferred(self, row: Row, choices: tuple[Choice, ...]) -> Preferred | None:  # noqa: ARG002
        """None: there is never more than one."""
        return None


def _function(listed: str) -> str:
    return listed.removeprefix(_FIXED).removesuffix(_DISTILLED)


@cache
def _functions() -> Mapping[str, tuple[str, str]]:
    """Function name to its module, and to the address of its weights.

    Where a module gives none, as for ``SE_HRNet_W64_C``, and PaddleClas lists weights of it: "".
    """
    found: dict[str, tuple[str, str]] = {}
    for module, tree in _modules():
        functions = {
            one.name for one in tree.body if isinstance(one, ast.FunctionDef | ast.ClassDef)
        }
        for name, url in _addresses(tree):
            if name in functions:
                found.setdefault(name, (module, url))
        for name in sorted(functions & {_function(one) for one in _listed()}):
            found.setdefault(name, (module, ""))
    return found


@cache
def _taking(argument: str) -> frozenset[str]:
    """The functions that take an argument of this name."""
    return frozenset(
        one.name
        for _, tree in _modules()
        for one in tree.body
        if isinstance(one, ast.FunctionDef) and argument in (arg.arg for arg in one.args.args)
    )


@cache
def _modules() -> tuple[tuple[str, ast.Module], ...]:
    """PaddleClas' modules of architectures, by name."""
    backbone = _root() / "ppcls" / "arch" / "backbone"
    paths = (path for folder in _FOLDERS for path in sorted((backbone / folder).glob("*.py")))
    return tuple((path.stem, ast.parse(path.read_text(encoding="utf-8"))) for path in paths)


def _addresses(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """The entries of a module's ``MODEL_URLS``."""
    for statement in tree.body:
        if not isinstance(statement, ast.Assign) or not _assigns(statement, "MODEL_URLS"):
            continue
        if isinstance(statement.value, ast.Dict):
            for key, value in zip(statement.value.keys, statement.value.values, strict=True):
                if isinstance(key, ast.Constant) and isinstance(value, ast.Constant):
                    yield str(key.value), str(value.value)


@cache
def _listed() -> tuple[str, ...]:
    """The names in PaddleClas' own list of models."""
    path = _root() / "paddleclas.py"
    if not path.is_file():
        return ()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    values = [
        one.value for one in tree.body if isinstance(one, ast.Assign) and _assigns(one, _LIST)
    ]
    return tuple(
        str(part.value)
        for value in values
        if isinstance(value, ast.Dict)
        for names in value.values
        for part in ast.walk(names)
        if isinstance(part, ast.Constant)
    )


def _assigns(statement: ast.Assign, name: str) -> bool:
    return any(isinstance(one, ast.Name) and one.id == name for one in statement.targets)


def _root() -> Path:
    spec = find_spec("paddleclas")
    if spec is None or spec.origin is None:
        raise MissingSource("PaddleClas is not installed: pip install --no-deps paddleclas")
    return Path(spec.origin).parent


def weights_url(variant: Variant) -> str | None:
    """Where the published weights of a variant are; None where PaddleClas names no address."""
    from harness.sources.ppcls.networks import architectures

    module, _, name = variant.model.partition(".")
    url = architectures(module).MODEL_URLS.get(name)
    if not url:
        return None
    # Other weights of the class lie beside these: distilled ones, for one, with _ssld.
    return f"{str(url).rpartition('/')[0]}/{variant.weights}"
