"""Reading a request's function, as text or as a graph, into user and kernel graphs."""

from __future__ import annotations

import json
from collections.abc import Collection, Hashable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from service.errors import InvalidRequestError, ShapeError, UnknownNameError, nearest, quote
from service.frontends.graph import read_graph
from service.frontends.identity import function_id
from service.frontends.sizes import bind, declared_shape, size_names
from service.frontends.text import Scope, read_text
from service.frontends.words import check_name
from service.ir.node import Node
from service.ir.packed import read_nodes, read_value, write_nodes, write_value
from service.ir.size import Shape, written
from service.ir.walk import rebuild, topological
from service.rewrite.simplify import simplify
from service.tasks.messages import Array, Task
from service.tasks.remembered import remembered
from service.tasks.sharing import Entry, digests

LEAST_TEXT = 64  # characters that take longer to read than a store to ask

Assigned = tuple[tuple[str, Node], ...]


@dataclass(frozen=True, eq=False)
class Function:
    """A function as the user wrote it and as kernel terms; `inputs` are its variables in order of first use.

    `assigned` has the user's own names with their nodes, in order.
    """

    outputs: tuple[Node, ...]
    kernel: tuple[Node, ...]
    inputs: Mapping[str, Shape]
    assigned: Assigned = ()

    @cached_property
    def function_id(self) -> str:
        """The content hash that every spelling of the function shares."""
        return function_id(self.outputs, self.inputs.items())

    @cached_property
    def content(self) -> list[Any]:
        """What derivatives depend on, as data for keys: the kernel graphs, and the inputs in order."""
        return [digests(self.kernel), content_of(self.inputs)]


def content_of(shapes: Mapping[str, Shape]) -> list[list[str]]:
    """Names with their shapes, in order, as data for keys."""
    return [[name, repr(shape)] for name, shape in shapes.items()]


def _reading(task: Task, shapes: Mapping[str, Shape] | None, sizes: Mapping[str, int]) -> Hashable:
    given = _shapes_of(task.at) if shapes is None else shapes
    graph = None if task.graph is None else json.dumps(task.graph)
    spelled = (task.expression, task.syntax, graph, task.limits)
    return (*spelled, shapes is None, tuple(given.items()), tuple(sizes.items()))


def _content(task: Task, shapes: Mapping[str, Shape] | None, sizes: Mapping[str, int]) -> list[Any]:
    given = _shapes_of(task.at) if shapes is None else shapes
    bounds = asdict(task.limits) | {"threads": 1}  # which change no reading
    return [task.expression, task.syntax, task.graph, bounds, shapes is None, content_of(given), [*sizes.items()]]


def _is_long(task: Task, *_: object) -> bool:
    return len(task.expression or "") >= LEAST_TEXT or task.graph is not None


def _write(function: Function, *_: object) -> dict[str, Any]:
    names, nodes = [name for name, _ in function.assigned], [node for _, node in function.assigned]
    inputs = [[name, [write_value(entry) for entry in shape]] for name, shape in function.inputs.items()]
    roots = write_nodes([*function.outputs, *function.kernel, *nodes])
    return {"graphs": roots, "outputs": len(function.outputs), "inputs": inputs, "assigned": names}


def _read(data: Mapping[str, Any], *_: object) -> Function:
    nodes, outputs = read_nodes(data["graphs"]), data["outputs"]
    inputs = {name: tuple(map(read_value, shape)) for name, shape in data["inputs"]}
    assigned = zip(data["assigned"], nodes[2 * outputs :], strict=True)
    return Function(tuple(nodes[:outputs]), tuple(nodes[outputs : 2 * outputs]), inputs, tuple(assigned))


_SHARED = Entry("function", _content, _write, _read, _is_long)


@remembered(lambda function: len(topological([*function.outputs, *function.kernel])), _reading, _SHARED)
def read_function(task: Task, shapes: Mapping[str, Shape] | None, sizes: Mapping[str, int]) -> Function:
    """The task's function; `shapes` are the declared ones, `sizes` numbers for named sizes."""
    outputs, inputs, assigned = read_user_graph(task, shapes, sizes)
    return Function(outputs, tuple(simplify(rebuild(outputs, lower))), inputs, assigned)


def read_user_graph(
    task: Task, shapes: Mapping[str, Shape] | None, sizes: Mapping[str, int], *, by_line: bool = False
) -> tuple[tuple[Node, ...], dict[str, Shape], Assigned]:
    """Outputs, inputs and assigned names; with `by_line`, in terms of placeholders for the names assigned before."""
    if task.graph is not None:
        reading = read_graph(task.graph, task.limits, sizes, by_line=by_line)
        return reading.outputs, dict(reading.inputs), reading.assigned
    if task.expression is None:
        message = "one of expression and graph must be given"
        raise InvalidRequestError(message)
    given = _shapes_of(task.at) if shapes is None else shapes
    scope = Scope(given, sizes, open_to_scalars=shapes is None, by_line=by_line)
    text = read_text(task.expression, scope, task.limits, task.syntax)
    inputs = dict(text.variables)
    for name, shape in (shapes or {}).items():
        inputs.setdefault(name, bind(shape, sizes))
    return (text.output,), inputs, text.assigned


def lower(node: Node, inputs: tuple[Node, ...]) -> Node:
    """The kernel term of one user operation on kernel inputs; leaves stay."""
    return node if node.op.lower is None else node.op.lower(*inputs, **dict(node.attributes))


def _shapes_of(at: Mapping[str, Array] | None) -> dict[str, Shape]:
    return {name: value.shape for name, value in (at or {}).items()}


def declared_shapes(task: Task) -> dict[str, Shape] | None:
    """The shapes of the declared variables, or None where the request declares none."""
    if task.graph is not None:
        found = dict(read_graph(task.graph, task.limits, {}).inputs)
        _check_declarations(task, found)
        return found
    if task.variables is None:
        return None
    for name in task.variables:
        check_name(name)
    shapes = {name: declared_shape(item.shape, {}, task.limits) for name, item in task.variables.items()}
    for name in size_names(shapes.values()) & shapes.keys():
        message = f"{name} is declared as a variable and as a size"
        raise InvalidRequestError(message, pointer=f"/variables/{name}")
    return shapes


def _check_declarations(task: Task, found: Mapping[str, Shape]) -> None:
    """What is said of a graph's variables beside it agrees with it: either of two shapes might be the one meant."""
    for name, item in (task.variables or {}).items():
        if name not in found:
            message = f"{quote(name)} is not a variable of the function{nearest(name, found)}"
            raise UnknownNameError(message, pointer=f"/variables/{name}")
        declared = declared_shape(item.shape, {}, task.limits)
        if declared != found[name]:
            message = (
                f"{name} is declared with shape {written(declared)}, the function's has shape {written(found[name])}"
            )
            raise ShapeError(message, pointer=f"/variables/{name}/shape")


def written_shape(node: Node) -> tuple[int | str, ...]:
    """A node's shape as an answer shows it."""
    return shown(node.shape)


def shown(shape: Shape) -> tuple[int | str, ...]:
    """A shape as an answer shows it: named sizes as text."""
    return tuple(n if isinstance(n, int) else repr(n) for n in shape)


def fresh(name: str, taken: Collection[str]) -> str:
    """The name, or a longer one where something has it already."""
    while name in taken:
        name += "_"
    return name
