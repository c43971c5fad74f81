"""Values of a function and its derivatives at a point or over a batch, within bounds, with every doubt reported."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from service.errors import DomainError, InvalidRequestError, LimitError
from service.execute.program import NonFinite, Program, compile_program
from service.ir.leaves import VARIABLE
from service.ir.node import Node
from service.ir.size import Dim, bulk, numbers
from service.ir.walk import topological
from service.rewrite.factors import DENSE, Factors
from service.tasks.derivatives import Derivative
from service.tasks.factored import NamedArrays, assembled, factor_nodes, index_entries, masked_factors
from service.tasks.inputs import Point, spread
from service.tasks.messages import Array, Limits, Notice

BYTES = 8
FEWER = "ask for fewer points, outputs or variables at a time"


@dataclass(frozen=True)
class Numbers:
    """The values of the outputs and of the derivative blocks, or the factors of these; what must be said about them."""

    values: tuple[Array, ...]
    blocks: tuple[Array | NamedArrays, ...]
    notices: tuple[Notice, ...]
    batch_size: int | None

    @property
    def arrays(self) -> tuple[Array, ...]:
        """The derivatives that are not answered by their factors."""
        return tuple(block for block in self.blocks if not isinstance(block, dict))


def compile_bounded(outputs: Sequence[Node], point: Point, limits: Limits) -> Program:
    """Compile what is asked for, after checking from shapes alone that it stays within the bounds."""
    count = point.batch_size or 1
    for node in outputs:
        check_entries(bulk(node.shape) * count, limits)
    program = compile_program(outputs, point.batched, limits.elements)
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


@dataclass(frozen=True)
class Graphs:
    """What to evaluate for one block: itself, or its factors."""

    nodes: Sequence[Node]
    factors: Factors | None = None


def graphs_of(block: Derivative, *, auto: bool) -> Graphs:
    """The block's factors where it has structure and `auto` asks for them, else the block."""
    if not auto or block.structure is DENSE:
        return Graphs([block.node])
    factors = block.structure.factors()
    return Graphs(factor_nodes(factors), factors)


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


@dataclass(frozen=True)
class Evaluation:
    """The values of outputs and derivatives, with the batch axis if there is one, and the program that made them."""

    program: Program
    point: Point
    values: tuple[Array, ...]
    blocks: tuple[Array | NamedArrays, ...]

    @property
    def arrays(self) -> tuple[Array, ...]:
        """The derivatives that are not answered by their factors."""
        return tuple(block for block in self.blocks if not isinstance(block, dict))

    def notices(self, placed: Sequence[tuple[str, Array]]) -> tuple[Notice, ...]:
        """What must be said of the numbers, under their places in the answer, that are not finite.

        Raises DomainError where that is because a matrix has no inverse at the one point asked for.
        """
        broken = [(where, array) for where, array in placed if not np.isfinite(array).all()]
        if not broken:
            return ()
        cause = self.program.explain_nonfinite(self.point.arrays)
        if cause.undefined == SINGULAR and self.point.batch_size is None:
            message = "inv: the matrix is singular to working precision, so the answer does not exist at this point"
            raise DomainError(message)
        return tuple(notice for where, array in broken for notice in _notices_of(where, array, cause))


def evaluate(
    outputs: Sequence[Node], derivatives: Sequence[Derivative], point: Point, limits: Limits, *, auto: bool = False
) -> Evaluation:
    """Evaluate outputs and derivatives in one program. Where a value is not a number, so are its derivatives.

    With `auto` a derivative that has structure is answered by its factors, and never formed.
    """
    asked = [graphs_of(block, auto=auto) for block in derivatives]
    nodes = [*outputs, *(node for graphs in asked for node in graphs.nodes)]
    require_values(nodes, point)
    _check_blocks(derivatives, asked, point, limits)
    program = compile_bounded(nodes, point, limits)
    results = iter(
        _whole(value, point, numbers(node.shape)) for value, node in zip(program.run(point.arrays), nodes, strict=True)
    )
    values = [next(results) for _ in outputs]
    lead = 0 if point.batch_size is None else 1
    blocks: list[Array | NamedArrays] = []
    for block, graphs in zip(derivatives, asked, strict=True):
        arrays, value = [next(results) for _ in graphs.nodes], values[block.output]
        if graphs.factors is None:
            blocks.append(_masked(arrays[0], value, lead, block.layout))
        else:
            blocks.append(masked_factors(block, assembled(block, graphs.factors, arrays), value, lead))
    return Evaluation(program, point, tuple(values), tuple(blocks))


def compute_numbers(
    outputs: Sequence[Node], derivatives: Sequence[Derivative], point: Point, limits: Limits, *, auto: bool = False
) -> Numbers:
    """The numbers of an answer that has `value` (or `values`) and `derivatives`; `auto` as for `evaluate`."""
    found = evaluate(outputs, derivatives, point, limits, auto=auto)
    places = [("/value" if len(outputs) == 1 else f"/values/{k}", value) for k, value in enumerate(found.values)]
    for k, (block, numbers_of_it) in enumerate(zip(derivatives, found.blocks, strict=True)):
        places += _places(f"/derivatives/{k}", numbers_of_it, found.values[block.output])
    return Numbers(found.values, found.blocks, found.notices(places), point.batch_size)


def _places(block: str, found: Array | NamedArrays, value: Array) -> list[tuple[str, Array]]:
    """What an answer has of a block, with its place in it; a zero of no factors is none where the value is none."""
    if not isinstance(found, dict):
        return [(f"{block}/value", found)]
    named = [(f"{block}/factors/{name}", array) for name, array in found.items()]
    return named or [(f"{block}/factors", np.where(np.isnan(value), np.nan, 0.0))]


def _check_blocks(derivatives: Sequence[Derivative], asked: Sequence[Graphs], point: Point, limits: Limits) -> None:
    """Refuse blocks that are too large; of one that has factors, the hint is to ask for these."""
    count = point.batch_size or 1
    for block, graphs in zip(derivatives, asked, strict=True):
        if graphs.factors is not None:
            check_entries(index_entries(graphs.factors, len(block.node.shape)), limits)
        elif block.structure is DENSE:
            check_entries(bulk(block.node.shape) * count, limits)
        else:
            name = block.structure.name
            hint = f'the derivative is {name}: "structure": "auto" answers it by its factors'
            check_entries(bulk(block.node.shape) * count, limits, hint)


def _whole(value: Array, point: Point, shape: tuple[int, ...]) -> Array:
    """The value with its batch axis; one that has not the shape its graph promises is a defect, never an answer."""
    result = spread(value, point.batch_size, shape)
    if result.shape[result.ndim - len(shape) :] != shape or result.ndim != len(shape) + (point.batch_size is not None):
        message = f"a value of shape {result.shape} where the graph promises {shape}"
        raise AssertionError(message)
    return result


def _masked(block: Array, value: Array, lead: int, layout: str) -> Array:
    """A derivative of what is not a number is not a number, whatever its formula says there."""
    if not np.isnan(value).any():
        return block
    if layout == "variable":
        gone = np.isnan(value).any(axis=tuple(range(lead, value.ndim)))
        return np.where(gone.reshape((*gone.shape, *(1,) * (block.ndim - lead))), np.nan, block)
    axes = block.ndim - value.ndim
    shape = (
        (*value.shape, *(1,) * axes)
        if layout == "numerator"
        else (*value.shape[:lead], *(1,) * axes, *value.shape[lead:])
    )
    return np.where(np.isnan(value).reshape(shape), np.nan, block)


SINGULAR = "inv"
SPOKEN = {"contract": "a product", "total": "a sum", "power": "a power"}
GROWING = {"contract", "total", "exp", "expm1", "sinh", "cosh"}  # infinite beyond float64 and nowhere else


def _notices_of(where: str, array: Array, cause: NonFinite) -> list[Notice]:
    """One notice for the entries that are no number, one for the infinite ones."""
    found = []
    undefined, infinite = int(np.isnan(array).sum()), int(np.isinf(array).sum())
    if undefined:
        code, why = _undefined(cause)
        found.append(Notice(code, f"{undefined} of {array.size} numbers do not exist: {why}", where))
    if infinite:
        code, why = _infinite(cause)
        found.append(Notice(code, f"{infinite} of {array.size} numbers are infinite: {why}", where))
    return found


def _undefined(cause: NonFinite) -> tuple[str, str]:
    if cause.undefined is None:
        return "nonfinite-input", "an input or a constant is no number"
    if cause.undefined == SINGULAR:
        return "singular", "a matrix is singular at this point"
    return "domain", f"{SPOKEN.get(cause.undefined, cause.undefined)} is not defined at this point"


def _infinite(cause: NonFinite) -> tuple[str, str]:
    name = cause.infinite
    if name is None:
        return "nonfinite-input", "an input or a constant is infinite"
    if name in GROWING or (name == "power" and not cause.at_zero):
        return "overflow", f"{SPOKEN.get(name, name)} is too large for a float64 at this point"
    return "pole", f"{SPOKEN.get(name, name)} has a pole at this point"
