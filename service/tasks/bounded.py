"""Programs within bounds, which shapes alone tell before any number is computed."""

from __future__ import annotations

from collections.abc import Sequence

from service.errors import InvalidRequestError, LimitError
from service.execute.program import Program, compile_program
from service.ir.leaves import VARIABLE
from service.ir.node import Node
from service.ir.size import Dim, bulk
from service.ir.walk import topological
from service.rewrite.bracketing import bracketed
from service.tasks.inputs import Point
from service.tasks.messages import Limits

BYTES = 8
FEWER = "ask for fewer points, outputs or variables at a time"


def compile_bounded(outputs: Sequence[Node], point: Point, limits: Limits) -> Program:
    """Compile what is asked for, bracketed for numbers, within the bounds."""
    return compile_within(bracketed(outputs, point.batched, point.batch_size or 1), point, limits)


def compile_within(outputs: Sequence[Node], point: Point, limits: Limits) -> Program:
    """Compile graphs as they are, after checking from shapes alone that they stay within the bounds."""
    count = point.batch_size or 1
    for node in outputs:
        check_entries(bulk(node.shape) * count, limits)
    program = compile_program(outputs, point.batched, limits.elements, count=count)
    largest = max(program.shared.largest, program.per_point.largest * count)
    if largest > limits.elements:
        raise LimitError("elements", largest, limits.elements, hint="an intermediate result is too large")
    operations = program.shared.operations + program.per_point.operations * count
    if operations > limits.operations:
        raise LimitError("operations", operations, limits.operations)
    return program


def check_entries(entries: int, limits: Limits, hint: str = FEWER) -> None:
    """Refuse an array of the answer that has too many entries."""
    if entries > limits.elements:
        raise LimitError("elements", entries, limits.elements, hint=hint)


def require_values(outputs: Sequence[Node], point: Point) -> None:
    """Refuse to compute numbers of a variable that has no value, or with a size that no value settles."""
    order = topological(outputs)
    names = [node.attributes for node in order if node.op is VARIABLE]
    for name in names:
        if name not in point.arrays:
            message = f"at has no value for {name}"
            raise InvalidRequestError(message, pointer="/at")
    sizes = {size for node in order for size in (node.attributes, *node.shape) if isinstance(size, Dim)}
    for size in sorted(map(repr, sizes))[:1]:
        message = f"at has no value that tells the size {size}"
        raise InvalidRequestError(message, pointer="/at")
