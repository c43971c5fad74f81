"""A function explained: its named nodes, the local partials between them, and the rules applied, in order."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from service.errors import ShapeError
from service.ir.leaves import variable
from service.ir.size import written
from service.tasks.function import fresh, written_shape
from service.tasks.lines import Line, Program, read_lines
from service.tasks.messages import Answer, Notice
from service.tasks.problem import NONE, Directions, Problem, answer, check_sizes
from service.tasks.products import COTANGENT, tangent_names
from service.tasks.steps import Step, Steps, display_shape
from service.tasks.trace import Trace, trace
from service.tasks.traced_numbers import Course, TracedNumbers, traced_numbers
from service.tasks.writing import Writing


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
    left_out: list[Notice] = []
    writing = Writing(found.values, problem.task.forms)
    _write_edges(edges, found, writing, left_out)
    steps = _steps(problem, course, Steps(program, found.numbers, writing), left_out)
    explained = {"outputs": program.outputs, "nodes": nodes, "edges": edges, "steps": steps}
    answered = answer(problem, None if numbers is None else numbers.function, explain=explained)
    return replace(answered, warnings=(*answered.warnings, *left_out))


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
    return [
        {
            "of": edge.of,
            "wrt": edge.wrt,
            "shape": written_shape(edge.local),
            "display": display_shape(found.values[edge.of].shape, found.values[edge.wrt].shape),
            "forms": {},
            "value": None,
        }
        for edge in found.edges
    ]


def _write_edges(edges: list[dict[str, Any]], found: Trace, writing: Writing, left_out: list[Notice]) -> None:
    """The closed form of each local partial, as long as there is room."""
    for place, edge in enumerate(found.edges):
        if writing.forms and writing.is_full(place):
            message = f"the closed forms of the first {place} local partials are written out, of {len(edges)}"
            left_out.append(Notice("too-long", message, "/explain/edges"))
            break
        rows = not found.values[edge.of].shape and len(found.values[edge.wrt].shape) == 1
        edges[place]["forms"] = writing.formula(edge.local, is_row=rows)


def _steps(problem: Problem, course: Course, steps: Steps, left_out: list[Notice]) -> list[Step]:
    """The steps of both modes, as many as there is room for; none without closed forms."""
    if not steps.writing.forms:
        return []
    shapes = problem.function.inputs
    seed = next((variable(name, shape) for name, shape in course.weights.shapes.items()), None)
    tangents = {name: variable(tangent, shapes[name]) for name, tangent in course.moved.items()}
    modes = {"forward": steps.forward(tangents)} if course.moved else {}
    modes |= {"reverse": steps.reverse(problem.names, seed)} if course.reverse else {}
    found = list[Step]()
    for mode, listed in modes.items():
        for count, step in enumerate(listed):
            if steps.writing.is_full(count):
                message = f"the first {count} steps of {mode} mode are listed; there are more"
                left_out.append(Notice("too-long", message, "/explain/steps"))
                break
            found.append(step)
    return found
