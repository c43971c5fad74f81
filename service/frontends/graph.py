"""The graph format: a JSON object, already decoded, into the same nodes that a text gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from service.errors import FluxionError, InvalidRequestError, ParseError, UnknownNameError, nearest, quote
from service.frontends.bounds import NODES, Limits, check_count
from service.frontends.builder import Builder
from service.frontends.constants import read_constant, read_entries
from service.frontends.fields import Fields, as_list, as_name
from service.frontends.graph_attributes import Attributes
from service.frontends.names import placeholder
from service.frontends.sizes import declared_shape
from service.ir.leaves import variable
from service.ir.node import Node
from service.ir.op import Op, find, spellings
from service.ir.size import Shape

__all__ = ["GraphReading", "read_graph"]

VERSION = 1
CONSTANT = "constant"
GRAPH = Fields("a graph", required=("nodes", "outputs"), optional=("version", "inputs", "constants"))
INPUT = Fields("an input", required=("name", "shape"), optional=("assume",))
NODE = Fields("a node", required=("name", "op"), optional=("inputs", "attributes"))
NAMED_CONSTANT = Fields("a constant", required=("name", "shape", "data"))


@dataclass(frozen=True)
class GraphReading:
    """A graph as nodes: its outputs, its inputs with their shapes in order, used or not, its constants and nodes."""

    outputs: tuple[Node, ...]
    inputs: tuple[tuple[str, Shape], ...]
    assigned: tuple[tuple[str, Node], ...]


def read_graph(
    graph: Mapping[str, Any],
    limits: Limits,
    sizes: Mapping[str, int] | None = None,
    pointer: str = "/graph",
    *,
    by_line: bool = False,
) -> GraphReading:
    """The nodes of a graph; `sizes` gives numbers to named sizes, `pointer` is where the graph stands.

    With `by_line`, every node is read on its own: a constant or node among its inputs is a placeholder variable.
    """
    return _Graph(limits, sizes or {}, pointer, by_line=by_line).read(graph)


class _Graph:
    """One graph while it is read; `known` has every name from its declaration on."""

    def __init__(self, limits: Limits, sizes: Mapping[str, int], pointer: str, *, by_line: bool) -> None:
        self.limits = limits
        self.sizes = sizes
        self.pointer = pointer
        self.by_line = by_line
        self.builder = Builder(limits)
        self.attributes = Attributes(self.builder, sizes)
        self.known: dict[str, Node] = {}
        self.inputs: dict[str, Shape] = {}
        self.assigned: list[tuple[str, Node]] = []

    def read(self, graph: Mapping[str, Any]) -> GraphReading:
        fields = GRAPH.read(graph, self.pointer)
        version = fields.get("version", VERSION)
        if version is True or version != VERSION:
            message = f"the only version of the graph format is {VERSION}"
            raise InvalidRequestError(message, pointer=f"{self.pointer}/version")
        parts = ("inputs", "constants", "nodes")
        listed = {part: as_list(fields.get(part, []), f"{self.pointer}/{part}") for part in parts}
        check_count(NODES, sum(map(len, listed.values())), self.limits.nodes, pointer=self.pointer)
        self._each("inputs", listed["inputs"], self._input)
        self._each("constants", listed["constants"], self._constant)
        self._each("nodes", listed["nodes"], self._node)
        return GraphReading(self._outputs(fields["outputs"]), tuple(self.inputs.items()), tuple(self.assigned))

    def _each(self, what: str, items: Sequence[Any], read: Callable[[Any, str], None]) -> None:
        for place, item in enumerate(items):
            pointer = f"{self.pointer}/{what}/{place}"
            try:
                read(item, pointer)
            except FluxionError as error:
                error.pointer = error.pointer or pointer
                name = item.get("name") if isinstance(item, Mapping) else None
                if isinstance(name, str):
                    error.detail = f"{what.removesuffix('s')} {quote(name)}: {error.detail}"
                    error.args = (error.detail,)
                raise

    def _declare(self, name: str, node: Node, pointer: str) -> None:
        if name in self.known:
            message = "the name is taken: inputs, constants and nodes share one set of names"
            raise ParseError(message, pointer=f"{pointer}/name")
        self.known[name] = self.builder.keep(node)

    def _assign(self, name: str, node: Node, pointer: str) -> None:
        self._declare(name, node, pointer)
        self.assigned.append((name, node))
        if self.by_line:
            self.known[name] = placeholder(name, 1, node.shape)

    def _input(self, item: Any, pointer: str) -> None:
        fields = INPUT.read(item, pointer)
        name = as_name(fields["name"], f"{pointer}/name")
        shape = self._shape(fields["shape"], f"{pointer}/shape")
        self._declare(name, variable(name, shape), pointer)
        self.inputs[name] = shape

    def _shape(self, value: Any, pointer: str) -> Shape:
        try:
            return declared_shape(as_list(value, pointer), self.sizes, self.limits)
        except FluxionError as error:
            error.pointer = error.pointer or pointer
            raise

    def _constant(self, item: Any, pointer: str) -> None:
        fields = NAMED_CONSTANT.read(item, pointer)
        name = as_name(fields["name"], f"{pointer}/name")
        shape = self._shape(fields["shape"], f"{pointer}/shape")
        self._assign(name, read_entries(shape, fields["data"], self.limits, f"{pointer}/data"), pointer)

    def _node(self, item: Any, pointer: str) -> None:
        fields = NODE.read(item, pointer)
        name = as_name(fields["name"], f"{pointer}/name")
        inputs = self._inputs(fields.get("inputs", []), name, pointer)
        given = fields.get("attributes", {})
        if not isinstance(given, Mapping):
            message = "attributes are an object of names and values, such as {'axis': 0}"
            raise InvalidRequestError(message, pointer=f"{pointer}/attributes")
        if fields["op"] == CONSTANT:
            if inputs:
                message = "a constant has no inputs"
                raise ParseError(message, pointer=f"{pointer}/inputs")
            node = read_constant(given, self.limits, self.attributes.size, f"{pointer}/attributes")
        else:
            op = self._operation(fields["op"], pointer)
            _check_inputs(op, len(inputs), f"{pointer}/inputs")
            node = self.builder.apply(op, inputs, self.attributes.read(op, given, inputs, f"{pointer}/attributes"))
        self._assign(name, node, pointer)

    def _operation(self, name: Any, pointer: str) -> Op:
        op = find(name) if isinstance(name, str) else None
        if op is None:
            shown = quote(name) if isinstance(name, str) else "this"
            close = nearest(name, [*spellings(), CONSTANT]) if isinstance(name, str) else ""
            message = f"{shown} is not a known operation{close}"
            raise UnknownNameError(message, pointer=f"{pointer}/op")
        return op

    def _inputs(self, names: Any, name: str, pointer: str) -> list[Node]:
        listed = as_list(names, f"{pointer}/inputs")
        check_count(NODES, len(listed), self.limits.nodes, pointer=f"{pointer}/inputs")
        return [self._earlier(given, name, f"{pointer}/inputs/{place}") for place, given in enumerate(listed)]

    def _earlier(self, given: Any, name: str | None, pointer: str) -> Node:
        node = self.known.get(given) if isinstance(given, str) else None
        if node is None:
            shown = quote(given) if isinstance(given, str) else "what is not a text"
            if given == name:
                message = "a node cannot be its own input"
                raise ParseError(message, pointer=pointer)
            close = nearest(given, list(self.known)[:1000]) if isinstance(given, str) else ""
            earlier = ", nor is it declared earlier: nodes are listed inputs first" if name else ""
            message = f"{shown} is no input, constant or node{earlier}{close}"
            raise UnknownNameError(message, pointer=pointer)
        return node

    def _outputs(self, names: Any) -> tuple[Node, ...]:
        pointer = f"{self.pointer}/outputs"
        listed = as_list(names, pointer)
        if not listed:
            message = "a graph has at least one output"
            raise ParseError(message, pointer=pointer)
        check_count(NODES, len(listed), self.limits.nodes, pointer=pointer)
        return tuple(self._earlier(given, None, f"{pointer}/{place}") for place, given in enumerate(listed))


def _check_inputs(op: Op, count: int, pointer: str) -> None:
    """Refuse a number of inputs that the operation does not take."""
    parameters = [parameter for parameter in op.parameters if parameter.is_input]
    if any(parameter.kind != "array" for parameter in parameters):
        if not count:
            message = f"{op.name} takes at least one input"
            raise ParseError(message, pointer=pointer)
    elif count != len(parameters):
        wanted = f"{len(parameters)} inputs ({', '.join(p.name for p in parameters)})" if parameters else "no inputs"
        message = f"{op.name} takes {wanted}, got {count}"
        raise ParseError(message, pointer=pointer)
