"""The user's graph as a JSON object that reads back as the same nodes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count
from typing import Any

from service.errors import UnsupportedOperationError
from service.frontends.constants import write_constant, write_size, write_spread
from service.frontends.graph import CONSTANT, VERSION
from service.frontends.sizes import size_names
from service.ir.leaves import VARIABLE
from service.ir.node import Node
from service.ir.op import Parameter, find
from service.ir.size import Dim, Shape
from service.ir.walk import topological
from service.ops.signature import is_default

__all__ = ["write_graph"]


def write_graph(
    outputs: Sequence[Node], inputs: Iterable[tuple[str, Shape]], known: Mapping[Node, str] | None = None
) -> dict[str, Any]:
    """The graph format's object for a user's graph; `inputs` are all declared ones in order, used or not.

    Nodes have the names that are `known`, different ones, or numbers.
    """
    inputs, known = tuple(inputs), known or {}
    taken = {name for name, _ in inputs} | size_names(shape for _, shape in inputs) | set(known.values())
    node_names, constant_names = (_fresh_names(letter, taken) for letter in "nc")
    names: dict[Node, str] = {}
    constants: list[dict[str, Any]] = []
    nodes: list[dict[str, Any]] = []
    for node in topological(outputs):
        data = write_constant(node)
        if node.op is VARIABLE:
            names[node] = str(node.attributes)
        elif data is not None:
            names[node] = known.get(node) or next(constant_names)
            constants.append({"name": names[node], **data})
        else:
            names[node] = known.get(node) or next(node_names)
            nodes.append({"name": names[node], **_node(node, names)})
    return {
        "version": VERSION,
        "inputs": [{"name": name, "shape": [write_size(entry) for entry in shape]} for name, shape in inputs],
        "constants": constants,
        "nodes": nodes,
        "outputs": [names[node] for node in outputs],
    }


def _fresh_names(letter: str, taken: set[str]) -> Iterator[str]:
    return (name for number in count(1) if (name := f"{letter}{number}") not in taken)


def _node(node: Node, names: dict[Node, str]) -> dict[str, Any]:
    spread = write_spread(node)
    if spread is not None:
        return {"op": CONSTANT, "attributes": spread}
    if find(node.op.name) is not node.op:
        message = f"{node.op.name} is internal and has no place in a written graph"
        raise UnsupportedOperationError(message)
    written = {"op": node.op.name, "inputs": [names[child] for child in node.inputs]}
    parameters = {parameter.name: parameter for parameter in node.op.parameters}
    given = {
        name: _attribute(parameters[name], value)
        for name, value in node.attributes
        if parameters[name].required or not is_default(node, parameters[name])
    }
    return written | {"attributes": given} if given else written


def _attribute(parameter: Parameter, value: Any) -> Any:
    if parameter.kind == "index":
        return [_index_item(item) for item in value]
    if isinstance(value, tuple):
        return [_attribute(parameter, entry) for entry in value]
    return write_size(value) if isinstance(value, Dim) else value


def _index_item(item: Any) -> Any:
    if isinstance(item, tuple):
        return dict(zip(("start", "stop", "step"), map(_index_item, item), strict=True))
    return write_size(item) if isinstance(item, Dim) else item
