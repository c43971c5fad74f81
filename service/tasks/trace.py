"""The kernel graphs of a trace: value, tangent and adjoint of every named node, and the local partials between them.

Values and tangents, and the adjoints of the inputs, come from the whole function, as every other endpoint has them.
Local partials and the adjoints within go from line to line: the adjoint of a node is the sum of what each line in
which its name occurs passes back (Griewank and Walther, "Evaluating Derivatives", section 3.2).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from service.diff.forward import push_forward
from service.diff.reverse import jacobian, pull_back
from service.errors import LimitError
from service.ir.leaves import FILL, constant, variable
from service.ir.node import Node
from service.ir.total import total
from service.ir.walk import rebuild
from service.rewrite.simplify import reconstruct, simplify
from service.tasks.function import Function, lower
from service.tasks.lines import Line, Program


@dataclass(frozen=True)
class Edge:
    """The partial of line `of` by the node `wrt`, all other names held fixed: the line's axes, then the node's.

    `local` is in variables called as the nodes, and so is `passed`, what the line adds to the adjoint of `wrt`, in
    which the line's own adjoint is `adjoint_of(line)`. `node` is the partial in the function's inputs.
    """

    of: str
    wrt: str
    local: Node
    passed: Node
    node: Node


@dataclass(frozen=True)
class Trace:
    """Kernel graphs in the function's inputs, those of the nodes by name; `numbers` are the nodes that are known."""

    values: Mapping[str, Node]
    edges: tuple[Edge, ...]
    numbers: Mapping[Node, Node]


def trace(program: Program, function: Function, most_edges: int) -> Trace:
    """Values and local partials. Raises LimitError for more partials than `most_edges`."""
    count = sum(len(line.operands) for line in program.lines)
    if count > most_edges:
        raise LimitError("edges", count, most_edges)
    values = _values(program, function)
    standing = {node: values[name] for name, node in program.variables.items()}
    numbers = {node: standing[node] for node in program.variables.values() if standing[node].op is FILL}
    edges = [edge for line in program.lines for edge in _edges_of(line, numbers, standing)]
    return Trace(values, tuple(edges), numbers)


def _values(program: Program, function: Function) -> dict[str, Node]:
    values = {name: variable(name, shape) for name, shape in program.inputs.items()}
    nodes = simplify(rebuild([line.node for line in program.lines], lower))
    values |= {line.name: node for line, node in zip(program.lines, nodes, strict=True)}
    return values | dict(zip(program.outputs, function.kernel, strict=True))


def _edges_of(line: Line, numbers: Mapping[Node, Node], standing: Mapping[Node, Node]) -> list[Edge]:
    """The partials of one line. A name with a number for its value is one, unless the partial is by this name."""
    operands = line.operands
    groups = [([x for x in operands if x not in numbers], numbers), ([x for x in operands if x in numbers], {})]
    found: dict[Node, tuple[Node, Node]] = {}
    for by, fixed in groups:
        if by:
            body = _lowered(line.body, fixed)
            local, passed = simplify(jacobian(body, by)), simplify(pull_back(body, adjoint_of(line), by))
            found |= dict(zip(by, zip(local, passed, strict=True), strict=True))
    nodes = substituted([found[x][0] for x in operands], standing)
    return [Edge(line.name, x.attributes, *found[x], node) for x, node in zip(operands, nodes, strict=True)]


def _lowered(body: Node, fixed: Mapping[Node, Node]) -> Node:
    """The kernel graph of a line with numbers for some names."""
    return simplify(rebuild([body], lambda node, inputs: fixed.get(node) or lower(node, inputs)))[0]


def adjoint_of(line: Line) -> Node:
    """What stands for the adjoint of a line."""
    return variable(f"adjoint {line.name}", line.shape)


def substituted(nodes: Sequence[Node], standing: Mapping[Node, Node]) -> list[Node]:
    """Kernel graphs with nodes in place of variables."""
    return rebuild(nodes, lambda node, inputs: standing.get(node) or reconstruct(node, inputs))


def tangents(found: Trace, seeds: Mapping[Node, Node]) -> list[Node]:
    """The tangent of every node, in order, from those of some inputs."""
    return simplify(push_forward(list(found.values.values()), seeds))


def adjoints(program: Program, function: Function, found: Trace, seed: Node | None) -> list[Node]:
    """The adjoint of every node, in order, from that of each output: `seed`, or ones."""
    seeds = [constant(1.0, output.shape) if seed is None else seed for output in function.kernel]
    inputs = [variable(name, shape) for name, shape in program.inputs.items()]
    from_outputs = [pull_back(output, one, inputs) for output, one in zip(function.kernel, seeds, strict=True)]
    whole = [total(parts, node.shape) for node, *parts in zip(inputs, *from_outputs, strict=True)]
    return simplify([*whole, *_within(program, found, seeds)])


def _within(program: Program, found: Trace, seeds: Sequence[Node]) -> list[Node]:
    """The adjoints of the lines, from the last to the first."""
    standing = {node: found.values[name] for name, node in program.variables.items()}
    gathered: dict[str, list[Node]] = {name: [] for name in program.variables}
    for name, seed in zip(program.outputs, seeds, strict=True):
        gathered[name].append(seed)
    passed: dict[str, list[Edge]] = {}
    for edge in found.edges:
        passed.setdefault(edge.of, []).append(edge)
    result: dict[str, Node] = {}
    for line in reversed(program.lines):
        result[line.name] = standing[adjoint_of(line)] = total(gathered[line.name], line.shape)
        edges = passed.get(line.name, [])
        for edge, node in zip(edges, substituted([edge.passed for edge in edges], standing), strict=True):
            gathered[edge.wrt].append(node)
    return [result[line.name] for line in program.lines]
