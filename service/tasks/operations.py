"""The operations of a line, each on variables of its own: what a step differentiates."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from service.diff.forward import push_forward
from service.diff.reverse import jacobian, pull_back
from service.ir.leaves import VARIABLE, variable
from service.ir.node import Node, make
from service.ir.walk import topological
from service.rewrite.simplify import simplify
from service.tasks.function import lower
from service.tasks.lines import Line
from service.tasks.trace import substituted
from service.tasks.writing import Writing


@dataclass(frozen=True)
class Operation:
    """One operation of a line: `result` is the variable it gives, `operands` those it depends on, by place.

    `applied` is the operation as the user wrote it, of variables; `local` its kernel term in `places`, one variable
    for each operand, so that an operand that stands twice is differentiated twice; `positions` counts them from 0.
    """

    line: str
    result: Node
    applied: Node
    local: Node
    places: tuple[Node, ...]
    operands: tuple[Node, ...]
    positions: tuple[int, ...]

    @property
    def name(self) -> str:
        """What the operation is called; a line that is only another name has none."""
        return "alias" if self.applied.op is VARIABLE else self.applied.op.name


@dataclass(frozen=True)
class Calculus:
    """What an operation does to tangents and adjoints, in the names of its operands.

    `tangents` and `adjoints` have a part for each operand; `partials` are in numerator layout.
    """

    partials: tuple[Node, ...]
    tangents: tuple[Node, ...]
    adjoints: tuple[Node, ...]
    differential: Node


def differentiated(operation: Operation, writing: Writing) -> Calculus:
    """The derivatives of one operation."""
    places, local = operation.places, operation.local
    seeds = {place: writing.tangent(node) for place, node in zip(places, operation.operands, strict=True)}
    standing = dict(zip(places, operation.operands, strict=True))

    def named(nodes: Iterable[Node]) -> tuple[Node, ...]:
        return tuple(simplify(substituted(simplify([node]), standing))[0] for node in nodes)

    return Calculus(
        named(jacobian(local, places)),
        named(push_forward([local], {place: seed})[0] for place, seed in seeds.items()),
        named(pull_back(local, writing.adjoint(operation.result), places)),
        *named(push_forward([local], seeds)),
    )


def operations_of(
    line: Line, active: Collection[str], numbers: Mapping[Node, Node], writing: Writing
) -> list[Operation]:
    """The operations of a line that depend on active names, in order."""
    results: dict[Node, Node] = {}
    fixed: dict[Node, Node] = {}
    found = []
    for node in topological([line.body]):
        if node.op is VARIABLE and node.attributes in active:
            results[node] = node
        elif not any(child in results for child in node.inputs):
            fixed[node] = numbers.get(node) or lower(node, tuple(fixed[child] for child in node.inputs))
        else:
            result = line.variable if node is line.body else writing.inner[line.name, node]
            found.append(_operation(line, node, result, results, fixed))
            results[node] = result
    if line.body in results and not found:
        place = variable("place 0", line.shape)
        found.append(Operation(line.name, line.variable, line.body, place, (place,), (line.body,), (0,)))
    return found


def _operation(
    line: Line, node: Node, result: Node, results: Mapping[Node, Node], fixed: Mapping[Node, Node]
) -> Operation:
    places = {k: variable(f"place {k}", child.shape) for k, child in enumerate(node.inputs) if child in results}
    local = lower(node, tuple(places.get(k) or fixed[child] for k, child in enumerate(node.inputs)))
    applied = make(node.op, tuple(results.get(child, child) for child in node.inputs), node.attributes, node.shape)
    operands = tuple(results[node.inputs[k]] for k in places)
    return Operation(line.name, result, applied, simplify([local])[0], tuple(places.values()), operands, tuple(places))
