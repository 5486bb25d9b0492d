"""Rows into cases: parametrization, selection, known issues. Imports no framework."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import pytest

from harness import errors
from harness.backends.backend import PRECISIONS, Precision
from harness.backends.registry import EMBEDDED, SAME_MODELS, backend, backend_names
from harness.errors import HarnessError, UnmatchedKnownIssue
from harness.expected.known_issues import match
from harness.pipeline.catalogue import DocumentedModel
from harness.plugin.options import GATE, SMALL, Gate
from harness.records import KnownIssue, Metric, Row
from harness.sources.forms import Form, forms, is_repeated

ACCURACIES, IN_INT8 = (Metric.TOP1, Metric.TOP5), (Metric.INT8_TOP1, Metric.INT8_TOP5)
ISSUE = pytest.StashKey[KnownIssue]()
CASE = pytest.StashKey["Case"]()


@dataclass(frozen=True, slots=True)
class Case:
    """One case of a row: what a test is parametrized with.

    Only what the test asks for is set; ``id`` is the bracket part of the test's id.
    ``inapplicable``: why there is nothing to test, or "".
    """

    model: DocumentedModel
    form: Form | None = None
    backend: str = ""
    precision: Precision | Literal[""] = ""
    metric: Metric | None = None
    inapplicable: str = ""

    @property
    def id(self) -> str:
        """ASCII, and stable when rows are added or moved."""
        metric = str(self.metric) if self.metric else ""
        parts = (self.form.id if self.form else "", self.backend, metric, self.precision)
        return "-".join((self.model.slug, *(part for part in parts if part)))


@dataclass(frozen=True, slots=True)
class PageCase:
    """One page of a zoo: its name in ids, its path, how many rows it has, or why none."""

    name: str
    path: str
    rows: int
    problem: str = ""


def _pages(gate: Gate) -> Iterator[PageCase]:
    """All pages of a zoo, those that could not be read too."""
    if gate.zoos:
        for page in gate.catalogue.pages:
            yield PageCase(page.name, page.path, len(page.rows))
        for unread in gate.catalogue.unread:
            yield PageCase(unread.name, unread.path, 0, unread.reason)


def _rows(gate: Gate) -> Iterator[Case]:
    return (Case(model) for model in gate.catalogue.rows)


def _exports(gate: Gate) -> Iterator[Case]:
    for model in gate.catalogue.models:
        yield from (Case(model, form) for form in forms(model.variant.source))


def _working_exports(gate: Gate) -> Iterator[Case]:
    """Without the conversions that are documented to fail, which leave nothing to look at."""
    failing = {model.id for model in gate.catalogue.failures}
    for case in _exports(gate):
        form = case.form
        assert form is not None
        if case.model.id not in failing or form.route != "documented":
            yield case


def _onnx_exports(gate: Gate) -> Iterator[Case]:
    """Those that say which input they take."""
    for case in _working_exports(gate):
        if case.form is None or case.form.format != "onnx":
            continue
        documented = case.model.documented
        if isinstance(documented, Row) and documented.claim(Metric.INPUT_SIZE):
            yield case


def _repeated(gate: Gate) -> Iterator[Case]:
    for case in _working_exports(gate):
        if case.form is not None and is_repeated(case.form, case.model.variant):
            yield case


def _targets(*precisions: Precision) -> Callable[[Gate], Iterator[Case]]:
    """Every row on each backend, in those of the precisions that it runs in."""

    def cases(gate: Gate) -> Iterator[Case]:
        for model in gate.catalogue.rows:
            for name, offered in gate.backends.items():
                lacks = _lacks(model, name)
                for precision in precisions:
                    if precision in offered:
                        yield Case(model, None, name, precision, inapplicable=lacks)

    return cases


def _floats(gate: Gate) -> Iterator[Case]:
    """fp32 on each backend that has it, and on the embedded one where another needs its fp32."""
    yield from _targets("fp32")(gate)
    if EMBEDDED not in gate.backends and any(
        "fp32" not in offered for offered in gate.backends.values()
    ):
        yield from (Case(one, None, EMBEDDED, "fp32") for one in gate.catalogue.rows)


def _same_models(gate: Gate) -> Iterator[Case]:
    """Backends that run what the embedded one compiles."""
    return (case for case in _targets("int8")(gate) if case.backend in SAME_MODELS)


def _lacks(model: DocumentedModel, name: str) -> str:
    """Why a backend cannot be given a row at all, or ""."""
    offered = {form.format for form in forms(model.variant.source)}
    wanted = backend(name).format
    return "" if wanted in offered else f"{model.variant.source} has no {wanted} for {name}"


def _accuracies(gate: Gate) -> Iterator[Case]:
    """The embedded backend's cases do not name it; of other backends it is what they add."""
    for model in gate.catalogue.rows:
        for metric in (*ACCURACIES, *IN_INT8):
            if not model.row.claim(metric):
                continue
            for name, offered in gate.backends.items():
                named, lacks = name if name != EMBEDDED else "", _lacks(model, name)
                for precision in offered:
                    if precision == "fp32" and named:
                        continue  # agrees with the embedded one, or fails for that
                    if precision != "int8" and metric in IN_INT8:
                        continue
                    yield Case(model, None, named, precision, metric, inapplicable=lacks)


def _documented_int8(gate: Gate) -> Iterator[Case]:
    """Accuracies in int8 that a row documents beside those in float."""
    for model in gate.catalogue.rows:
        for metric in IN_INT8:
            if model.row.claim(metric) and model.row.claim(metric.in_float):
                yield Case(model, metric=metric)


PAGE = "page_case"
"""The argument of a test that is about pages."""
CASES: dict[str, Callable[[Gate], Iterator[Case]]] = {
    "row_case": _rows,
    "export_case": _exports,
    "working_export_case": _working_exports,
    "onnx_case": _onnx_exports,
    "repeated_case": _repeated,
    "fp32_case": _floats,
    "half_case": _targets("fp16", "bf16"),
    "speed_case": _targets(*PRECISIONS),
    "same_model_case": _same_models,
    "int8_case": _targets("int8"),
    "accuracy_case": _accuracies,
    "documented_int8_case": _documented_int8,
}
"""What a test is parametrized over, by the name of the argument that it takes."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Parametrize a test over the cases that its argument names."""
    if PAGE in metafunc.fixturenames:
        pages = list(_pages(metafunc.config.stash[GATE]))
        metafunc.parametrize(PAGE, pages, ids=[page.name for page in pages])
    for argument, cases in CASES.items():
        if argument in metafunc.fixturenames:
            made = list(cases(metafunc.config.stash[GATE]))
            metafunc.parametrize(argument, made, ids=[case.id for case in made])


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark known issues, then leave out what was not asked for and put heavy rows first."""
    gate = config.stash[GATE]
    for item in items:
        case = _case(item)
        if case is not None:
            item.stash[CASE] = case
    narrowed = any("::" in argument for argument in config.args)
    _mark_known_issues(gate, items, narrowed=narrowed)
    chosen = {model.id for model in gate.selected}
    kept = [item for item in items if _is_selected(item, gate, chosen)]
    if len(kept) < len(items):
        chosen_items = set(kept)
        config.hook.pytest_deselected(items=[one for one in items if one not in chosen_items])
    order = {model.id: model for model in gate.catalogue.models}
    items[:] = sorted(kept, key=lambda item: _weight(item, order))


def _case(item: pytest.Item) -> Case | None:
    return next((value for value in _given(item) if isinstance(value, Case)), None)


def page_of(item: pytest.Item) -> PageCase | None:
    """The page that a test is about, or None."""
    return next((value for value in _given(item) if isinstance(value, PageCase)), None)


def _given(item: pytest.Item) -> Iterable[object]:
    callspec = getattr(item, "callspec", None)
    return callspec.params.values() if callspec else ()


def _is_selected(item: pytest.Item, gate: Gate, chosen: set[str]) -> bool:
    case = item.stash.get(CASE, None)
    if gate.survey and not _is_quick(item, case):
        return False
    arguments = getattr(item, "fixturenames", ())
    if PAGE in arguments:
        page = page_of(item)
        narrowed = item.config.getoption("--row") or item.config.getoption("--source")
        changed = page and (gate.touched is None or page.name in gate.touched.pages)
        return bool(changed) and not narrowed
    if case is None:  # about no row, or about none of the cases that there could be
        alone = gate.touched is not None and not gate.touched.everything
        return not alone and not set(CASES) & set(arguments)
    if item.get_closest_marker("throughput") and not gate.throughput:
        return False
    return case.model.id in chosen and (not case.precision or case.precision in gate.precisions)


def _is_quick(item: pytest.Item, case: Case | None) -> bool:
    """Whether a case belongs to a survey."""
    if item.get_closest_marker("page") or item.get_closest_marker("complexity"):
        return True
    params = case.model.variant.params if case else None
    return bool(item.get_closest_marker("export") and params and params < SMALL)


def _weight(item: pytest.Item, order: dict[str, DocumentedModel]) -> tuple[int, str]:
    """Heavy first; rows of one network side by side; a row's cases in the order of the files."""
    case = item.stash.get(CASE, None)
    if case is None:
        return (0, "")
    return (-(order[case.model.id].variant.params or 0), case.model.id)


def _elsewhere(issue: KnownIssue, gate: Gate) -> bool:
    """Whether an issue is about a backend that was not asked for."""
    target = issue.case.removesuffix("]").rpartition("-")[0]  # without the precision
    named = max((one for one in backend_names() if target.endswith(f"-{one}")), default="", key=len)
    return bool(named) and named not in gate.backends


def _mark_known_issues(gate: Gate, items: list[pytest.Item], *, narrowed: bool) -> None:
    """Turn each known issue into a strict xfail of the case that it names.

    An issue about a test that was not collected is left alone: nothing can be said of it. So is,
    where the command line names single tests (``narrowed``), one that matches none of them.

    Raises:
        pytest.UsageError: an issue has expired, matches no case, or two match one.
    """
    collected = {item.nodeid: item for item in items if item.stash.get(CASE, None) is not None}
    files = {nodeid.partition("[")[0] for nodeid in collected}
    try:
        about = [
            issue
            for issue in gate.standards.known_issues
            if issue.case.partition("[")[0] in files and not _elsewhere(issue, gate)
        ]
        matched: dict[str, KnownIssue] = {}
        for issue in about:
            try:
                matched |= match([issue], collected)
            except UnmatchedKnownIssue:
                if not narrowed:
                    raise
        if not narrowed:
            match(about, collected)  # and none is named twice
    except HarnessError as error:
        raise pytest.UsageError(str(error)) from error
    for nodeid, issue in matched.items():
        collected[nodeid].stash[ISSUE] = issue
        collected[nodeid].add_marker(
            pytest.mark.xfail(raises=getattr(errors, issue.error), strict=True, reason=issue.reason)
        )
