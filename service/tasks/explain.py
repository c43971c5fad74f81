"""A function explained: its named nodes, the local partials between them, and the rules applied, in order."""

from __future__ import annotations

from typing import Any

from service.errors import ShapeError
from service.ir.size import written
from service.tasks.function import written_shape
from service.tasks.lines import Line, Program, read_lines
from service.tasks.messages import Answer
from service.tasks.problem import NONE, Directions, Problem, answer, check_sizes
from service.tasks.products import COTANGENT, fresh, tangent_names
from service.tasks.trace import Trace, trace
from service.tasks.traced_numbers import Course, TracedNumbers, traced_numbers


def explain(problem: Problem) -> Answer:
    """Every named node with its value, tangent and adjoint, every local partial between them, and the steps.

    Raises InvalidRequestError for forward mode without tangents, ShapeError for a cotangent that does not fit.
    """
    course = _course(problem)
    program = read_lines(problem.task, problem.function, {})
    found = trace(program, problem.function, problem.task.limits.nodes)
    numbers = _numbers(problem, course, program, found)
    nodes, edges = _nodes(program, found), _edges(found)
    for pointer, value in ({} if numbers is None else numbers.found).items():
        _, *path = pointer.split("/")
        if path[0] == "explain":
            (nodes if path[1] == "nodes" else edges)[int(path[2])][path[3]] = value
    explained = {"nodes": nodes, "edges": edges, "steps": []}
    return answer(problem, None if numbers is None else numbers.function, explain=explained)


def _course(problem: Problem) -> Course:
    """`both` goes without forward mode where there are numbers and no tangents."""
    task = problem.task
    reverse = task.mode != "forward"
    weights = _weights(problem) if reverse else NONE
    if task.mode == "reverse" or (task.mode == "both" and task.tangents is None and task.at is not None):
        return Course(weights=weights)
    moved, directions = tangent_names(problem)
    return Course(moved, directions, weights, reverse)


def _weights(problem: Problem) -> Directions:
    """The cotangent, one for all outputs."""
    shapes = list(dict.fromkeys(output.shape for output in problem.function.kernel))
    if problem.task.cotangent is None:
        return NONE
    if len(shapes) > 1:
        message = f"one cotangent for several outputs needs them of one shape, got {' and '.join(map(written, shapes))}"
        raise ShapeError(message, pointer="/cotangent")
    name = fresh(COTANGENT, problem.function.inputs)
    return Directions("cotangent", {name: shapes[0]}, {name: problem.task.cotangent})


def _numbers(problem: Problem, course: Course, program: Program, found: Trace) -> TracedNumbers | None:
    """The numbers, from the lines with numbers for the named sizes that the point settles."""
    if problem.concrete is problem.function:
        return traced_numbers(problem, course, program, found)
    concrete = read_lines(problem.task, problem.concrete, problem.point.sizes)
    for line, numeric in zip(program.lines, concrete.lines, strict=True):
        check_sizes(line.body, numeric.body, problem.point)
    return traced_numbers(problem, course, concrete, trace(concrete, problem.concrete, problem.task.limits.nodes))


def _nodes(program: Program, found: Trace) -> list[dict[str, Any]]:
    lines = {line.name: line for line in program.lines}
    return [_node(name, lines.get(name), written_shape(value)) for name, value in found.values.items()]


def _node(name: str, line: Line | None, shape: tuple[int | str, ...]) -> dict[str, Any]:
    return {
        "name": name,
        "op": "input" if line is None else _operation(line),
        "inputs": [] if line is None else line.names,
        "shape": shape,
        "value": None,
        "tangent": None,
        "adjoint": None,
    }


def _operation(line: Line) -> str:
    """The outermost operation of a line; a line may also be a number, an array of numbers or another name."""
    if line.body.op.family != "leaf":
        return line.body.op.name
    return "alias" if line.names else "constant"


def _edges(found: Trace) -> list[dict[str, Any]]:
    return [{"of": edge.of, "wrt": edge.wrt, "shape": written_shape(edge.local), "value": None} for edge in found.edges]
