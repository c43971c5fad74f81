"""The numbers of a trace: every named node, and every local partial that fits into an answer, in one program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from service.errors import LimitError
from service.ir.leaves import variable
from service.ir.node import Node
from service.ir.size import bulk
from service.tasks.derivatives import Derivative
from service.tasks.inputs import is_concrete
from service.tasks.lines import Program
from service.tasks.messages import Array, Notice
from service.tasks.numbers import Numbers, compute_numbers
from service.tasks.problem import NONE, Directions, Problem
from service.tasks.products import seeds
from service.tasks.trace import Trace, adjoints, tangents

HINT = "ask for fewer points, or trace fewer lines"


@dataclass(frozen=True)
class Course:
    """What a trace goes along: tangents of the inputs in `moved`, in forward mode, and weights of the outputs."""

    moved: Mapping[str, str] = field(default_factory=dict)
    tangents: Directions = NONE
    weights: Directions = NONE
    reverse: bool = True


@dataclass(frozen=True)
class TracedNumbers:
    """The function's numbers with all that must be said of any, and those of its trace by JSON pointer."""

    function: Numbers
    found: Mapping[str, Array]


@dataclass
class _Wanted:
    """What is computed, by JSON pointer; `absent` says why a number is not."""

    values: dict[str, Node] = field(default_factory=dict)
    derivatives: dict[str, Derivative] = field(default_factory=dict)
    absent: list[Notice] = field(default_factory=list)

    @property
    def entries(self) -> int:
        """How many numbers one point has."""
        return sum(bulk(node.shape) for node in [*self.values.values(), *(d.node for d in self.derivatives.values())])


def traced_numbers(problem: Problem, course: Course, program: Program, found: Trace) -> TracedNumbers | None:
    """The numbers of a trace; None where there is no point and one is needed.

    `program` and `found` are those of the function with numbers for sizes. Raises LimitError where the nodes have too
    many entries; partials that are too large beside them are left out with a notice.
    """
    if problem.task.at is None and (program.inputs or not is_concrete(problem.concrete.inputs)):
        return None
    point = problem.point
    for further in (course.tangents, course.weights):
        point = further.added_to(point)
    wanted, kernel = _Wanted(), problem.concrete.kernel
    wanted.values |= {"/value" if len(kernel) == 1 else f"/values/{k}": node for k, node in enumerate(kernel)}
    lines = _want_nodes(wanted, problem, course, program, found)
    _want_edges(wanted, found, lines, problem.task.limits.elements // max(point.batch_size or 1, 1))
    numbers = compute_numbers(
        list(wanted.values.values()), list(wanted.derivatives.values()), point, problem.task.limits
    )
    return _read(wanted, numbers, len(kernel))


def _want_nodes(wanted: _Wanted, problem: Problem, course: Course, program: Program, found: Trace) -> Mapping[str, int]:
    """Ask for value, tangent and adjoint of every node; the place of each node's value."""
    moved = tangents(found, seeds(problem.concrete, course.moved)) if course.moved else [None] * len(found.values)
    seed = next((variable(name, shape) for name, shape in course.weights.shapes.items()), None)
    passed = adjoints(program, problem.concrete, found, seed) if course.reverse else [None] * len(found.values)
    used = {name for line in program.lines for name in line.names} | set(program.outputs)
    places: dict[str, int] = {}
    for place, (name, value, tangent, adjoint) in enumerate(
        zip(found.values, found.values.values(), moved, passed, strict=True)
    ):
        pointer = f"/explain/nodes/{place}"
        if name not in used and name in program.inputs and name not in problem.point.arrays:
            message = f"at has no value for {name}, which the function does not use"
            wanted.absent.append(Notice("no-value", message, f"{pointer}/value"))
            continue
        places[name] = len(wanted.values)
        wanted.values[f"{pointer}/value"] = value
        if tangent is not None:
            wanted.derivatives[f"{pointer}/tangent"] = Derivative(places[name], (), tangent)
        if adjoint is not None:
            wanted.derivatives[f"{pointer}/adjoint"] = Derivative(0, (), adjoint, layout="variable")
    return places


def _want_edges(wanted: _Wanted, found: Trace, places: Mapping[str, int], most: int) -> None:
    """Ask for local partials, in order, as long as they fit."""
    room = most - wanted.entries
    if room < 0:
        raise LimitError("elements", f"{most - room} at each point", most, hint=HINT)
    for place, edge in enumerate(found.edges):
        pointer, entries = f"/explain/edges/{place}/value", bulk(edge.node.shape)
        if entries > room:
            message = f"the {entries} entries of this partial are too many beside the others"
            wanted.absent.append(Notice("too-large", message, pointer))
            continue
        room -= entries
        wanted.derivatives[pointer] = Derivative(places[edge.of], (), edge.node)


def _read(wanted: _Wanted, numbers: Numbers, outputs: int) -> TracedNumbers:
    """The numbers under their pointers, and every notice with its pointer."""
    pointers = {f"/values/{k}": pointer for k, pointer in enumerate(wanted.values)}
    pointers |= {f"/derivatives/{k}/value": pointer for k, pointer in enumerate(wanted.derivatives)}
    notices = [replace(notice, where=pointers[notice.where]) for notice in numbers.notices]
    found = dict(zip([*wanted.values, *wanted.derivatives], [*numbers.values, *numbers.arrays], strict=True))
    _withdraw(found, numbers, outputs, notices)
    function = replace(numbers, values=numbers.values[:outputs], blocks=(), notices=(*notices, *wanted.absent))
    return TracedNumbers(function, found)


def _withdraw(found: dict[str, Array], numbers: Numbers, outputs: int, notices: list[Notice]) -> None:
    """The adjoints of several outputs are no numbers where any output is none."""
    lead = 0 if numbers.batch_size is None else 1
    for value in numbers.values[1:outputs]:
        gone = np.isnan(value).any(axis=tuple(range(lead, value.ndim)))
        if not gone.any():
            continue
        for pointer, array in found.items():
            if pointer.endswith("/adjoint"):
                found[pointer] = np.where(gone.reshape((*gone.shape, *(1,) * (array.ndim - lead))), np.nan, array)
                notices.append(Notice("domain", "an output is not defined at this point", pointer))
