"""A function line by line: its named nodes, each an expression in the names that occur in its line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from service.frontends.names import placeholder
from service.ir.leaves import VARIABLE, variable
from service.ir.node import Node, make
from service.ir.size import Shape
from service.ir.walk import rebuild, topological
from service.tasks.function import Function, declared_shapes, read_user_graph
from service.tasks.messages import Task

OUTPUT = "output"


@dataclass(frozen=True)
class Line:
    """One named node: `body` is its line, in variables called as the nodes that occur in it, `node` in the inputs."""

    name: str
    node: Node
    body: Node

    @property
    def shape(self) -> Shape:
        """The node's shape."""
        return self.body.shape

    @property
    def variable(self) -> Node:
        """What stands for the node in later lines."""
        return variable(self.name, self.shape)

    @property
    def operands(self) -> list[Node]:
        """The variables of the nodes that occur in the line, in order."""
        return [node for node in topological([self.body]) if node.op is VARIABLE]

    @property
    def names(self) -> tuple[str, ...]:
        """The names that occur in the line, in order."""
        return tuple(node.attributes for node in self.operands)


@dataclass(frozen=True)
class Program:
    """The named nodes of a function: `inputs`, then `lines` in order; `outputs` are the names of its outputs."""

    inputs: Mapping[str, Shape]
    lines: tuple[Line, ...]
    outputs: tuple[str, ...]

    @property
    def variables(self) -> dict[str, Node]:
        """The variable that stands for each named node."""
        named = {name: variable(name, shape) for name, shape in self.inputs.items()}
        return named | {line.name: line.variable for line in self.lines}


def read_lines(task: Task, function: Function, sizes: Mapping[str, int]) -> Program:
    """The lines of a function that was read from a task with numbers for some named sizes.

    The second node of a name is called `x#2`; an output that is more than a name is a node of its own.
    """
    bodies, _, assigned = read_user_graph(task, declared_shapes(task), sizes, by_line=True)
    versions, taken = Counter[str](), Counter(function.inputs.keys())
    standing: dict[Node, Node] = {}
    lines = list[Line]()
    for (name, body), (_, node) in zip(assigned, function.assigned, strict=True):
        versions[name] += 1
        line = Line(_numbered(name, taken), node, _substituted(body, standing))
        standing[placeholder(name, versions[name], body.shape)] = line.variable
        lines.append(line)
    outputs = list[str]()
    for body, node in zip(bodies, function.outputs, strict=True):
        named = standing.get(body, body)
        if named.op is not VARIABLE:
            line = Line(_numbered(OUTPUT, taken), node, _substituted(body, standing))
            lines.append(line)
            named = line.variable
        outputs.append(named.attributes)
    return Program(function.inputs, tuple(lines), tuple(outputs))


def _numbered(name: str, taken: Counter[str]) -> str:
    taken[name] += 1
    return name if taken[name] == 1 else f"{name}#{taken[name]}"


def _substituted(body: Node, standing: Mapping[Node, Node]) -> Node:
    """A user graph with other variables."""

    def change(node: Node, inputs: tuple[Node, ...]) -> Node:
        if node in standing:
            return standing[node]
        return node if inputs == node.inputs else make(node.op, inputs, node.attributes, node.shape)

    return rebuild([body], change)[0]
