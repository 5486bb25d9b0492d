"""The order and the names that a computation has of itself, whatever its file says.

Nodes stand in the order of a depth-first walk back from the outputs, inputs from left to right;
values are numbered as that order first mentions them. What no output depends on is dropped. All
changes are made in place: weights are moved, never copied.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, MutableSequence, Sequence
from dataclasses import dataclass, field
from itertools import chain, count

from onnx import FunctionProto, GraphProto, NodeProto

from harness.errors import ExportError
from harness.exporting.onnx_files import subgraphs


def arrange_graph(graph: GraphProto) -> None:
    """Order and rename a model's graph: inputs ``input_0`` …, outputs ``output_0`` ….

    An output that is also an input keeps its name as an input.

    Raises:
        ExportError: a value is read but never defined, defined twice, or depends on itself.
    """
    fixed = {value.name: f"output_{place}" for place, value in enumerate(graph.output)}
    fixed |= {value.name: f"input_{place}" for place, value in enumerate(graph.input)}
    _sort(graph.node, [value.name for value in graph.output])
    _rename_graph(graph, _Scope(count(), fixed=fixed))


def arrange_function(function: FunctionProto) -> None:
    """Order and rename what is inside a local function; its own name is kept.

    A runtime may have a kernel for a function of that name, so it is no mere label.

    Raises:
        ExportError: as in :func:`arrange_graph`.
    """
    scope = _Scope(count())
    _sort(function.node, function.output)
    function.input[:] = [scope.define(name) for name in function.input]
    _rename_nodes(function.node, scope)
    function.output[:] = [scope.read(name) for name in function.output]


@dataclass(slots=True)
class _Scope:
    """The names seen so far in one graph or function, old to new, in order of first mention.

    Attributes:
        numbers: where new names are numbered from, one count for a graph and all below it.
        fixed: new names that are decided already.
        weights: initializers, which are named when first read.
        outer: the scope around it.
    """

    numbers: Iterator[int]
    fixed: Mapping[str, str] = field(default_factory=dict)
    weights: frozenset[str] = frozenset()
    outer: _Scope | None = None
    names: dict[str, str] = field(default_factory=dict)

    def define(self, name: str) -> str:
        """Name a value where it comes into being; the empty name is no value."""
        if name in self.names or name in self.weights:
            raise ExportError(f"value {name!r} is defined twice")
        return self._give(name, "v") if name else ""

    def read(self, name: str) -> str:
        """The new name of a value that is defined here or further out."""
        if not name or name in self.names:
            return self.names.get(name, "")
        if name in self.weights:
            return self._give(name, "w")
        if self.outer is None:
            raise ExportError(f"value {name!r} is read but never defined")
        return self.outer.read(name)

    def _give(self, name: str, prefix: str) -> str:
        self.names[name] = self.fixed.get(name) or f"{prefix}{next(self.numbers)}"
        return self.names[name]


def _rename_graph(graph: GraphProto, scope: _Scope) -> None:
    for value in graph.input:
        value.name = scope.define(value.name)
    scope.weights = frozenset(tensor.name for tensor in graph.initializer) - scope.names.keys()
    _rename_nodes(graph.node, scope)
    for value in graph.output:
        value.name = scope.read(value.name)
    _keep_used_weights(graph, scope.names)
    _rename_annotations(graph, scope)


def _rename_nodes(nodes: Iterable[NodeProto], scope: _Scope) -> None:
    for place, node in enumerate(nodes):
        node.name = f"n{place}"
        node.input[:] = [scope.read(name) for name in node.input]
        for graph in subgraphs(node):
            _rename_graph(graph, _Scope(scope.numbers, outer=scope))
        node.output[:] = [scope.define(name) for name in node.output]


def _keep_used_weights(graph: GraphProto, names: Mapping[str, str]) -> None:
    rank = {name: place for place, name in enumerate(names)}
    graph.initializer.sort(key=lambda tensor: rank.get(tensor.name, len(rank)))
    used = sum(tensor.name in rank for tensor in graph.initializer)
    del graph.initializer[used:]
    for tensor in graph.initializer:
        tensor.name = names[tensor.name]


def _rename_annotations(graph: GraphProto, scope: _Scope) -> None:
    known = [note for note in graph.quantization_annotation if note.tensor_name in scope.names]
    del graph.quantization_annotation[:]
    graph.quantization_annotation.extend(known)
    for note in graph.quantization_annotation:
        note.tensor_name = scope.read(note.tensor_name)
        for pair in note.quant_parameter_tensor_names:
            pair.value = scope.read(pair.value)
        note.quant_parameter_tensor_names.sort(key=lambda pair: pair.key)
    graph.quantization_annotation.sort(key=lambda note: note.tensor_name)


def _sort(nodes: MutableSequence[NodeProto], outputs: Iterable[str]) -> None:
    """Bring nodes into canonical order, by the names they still have, and drop the unused."""
    producers: dict[str, int] = {}
    for place, node in enumerate(nodes):
        node.attribute.sort(key=lambda attribute: attribute.name)
        for graph in subgraphs(node):
            _sort(graph.node, [value.name for value in graph.output])
        for name in filter(None, node.output):
            if name in producers:
                raise ExportError(f"value {name!r} is defined twice")
            producers[name] = place
    reads = [[producers[name] for name in _reads(node) if name in producers] for node in nodes]
    order = _walk_back(reads, [producers[name] for name in outputs if name in producers])
    rank = {place: position for position, place in enumerate(order)}
    for place, node in enumerate(nodes):
        node.name = str(rank.get(place, len(rank)))
    nodes.sort(key=lambda node: int(node.name))  # type: ignore[attr-defined]
    del nodes[len(order) :]


def _reads(node: NodeProto) -> Iterator[str]:
    """The values a node depends on, those that its subgraphs take from outside among them."""
    yield from node.input
    for graph in subgraphs(node):
        inside = {value.name for value in graph.input}
        inside |= {tensor.name for tensor in graph.initializer}
        inside |= {name for inner in graph.node for name in inner.output}
        wanted = chain.from_iterable(_reads(inner) for inner in graph.node)
        outputs = (value.name for value in graph.output)
        yield from (name for name in chain(wanted, outputs) if name not in inside)


def _walk_back(reads: Sequence[Sequence[int]], roots: Sequence[int]) -> list[int]:
    """Places in depth-first post-order, without recursion: networks are deeper than stacks."""
    done: dict[int, None] = {}
    entered: set[int] = set()
    pending = list(reversed(roots))
    while pending:
        place = pending[-1]
        unmet = [other for other in reads[place] if other not in done]
        if unmet and place not in done:
            if place in entered:
                raise ExportError(f"node {place} of the graph depends on its own result")
            entered.add(place)
            pending += reversed(unmet)
        else:
            done[place] = None
            pending.pop()
    return list(done)
