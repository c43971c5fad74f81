"""Values of a function and its derivatives at a point or over a batch, within bounds, with every doubt reported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from service.errors import DomainError, NotDifferentiableError
from service.execute.blame import Blame, Cause
from service.execute.program import Program
from service.execute.routine import Watch
from service.execute.span import Lost, may_cancel, rounding_errors, run_within_range
from service.ir.node import Node
from service.ir.size import bulk, numbers
from service.ir.walk import topological
from service.rewrite.factors import DENSE, Factors
from service.rewrite.masks import with_masks
from service.tasks.as_written import has_nonfinite, values_as_written
from service.tasks.bounded import Compiled, check_entries, compile_graphs, require_values
from service.tasks.conditions import Conditions
from service.tasks.derivatives import Derivative
from service.tasks.dropped import undefined_as_written
from service.tasks.factored import NamedArrays, assembled, factor_nodes, index_entries, masked_factors
from service.tasks.inputs import Point, spread
from service.tasks.kinks import kinks_at
from service.tasks.messages import Array, Limits, Nonsmooth, Notice
from service.tasks.modes import chosen
from service.tasks.notices import INVERTING, notice_of_lost, notices_of, notices_of_rounding
from service.tasks.timing import stage


@dataclass(frozen=True)
class Manner:
    """How numbers are asked for.

    A value that the user's graphs `written` do not have at an infinite point is not a number; `nonsmooth` refuses
    points without a derivative, if it is `error`; `auto` answers a derivative that has structure by its factors.
    """

    written: Sequence[Node] = ()
    nonsmooth: Nonsmooth = "default"
    auto: bool = False


PLAIN = Manner()


@dataclass(frozen=True)
class Numbers:
    """The values of the outputs and of the derivative blocks, or the factors of these; what must be said about them."""

    values: tuple[Array, ...]
    blocks: tuple[Array | NamedArrays, ...]
    notices: tuple[Notice, ...]
    batch_size: int | None
    takes: Mapping[str, Any] | None = None  # in their place

    @property
    def arrays(self) -> tuple[Array, ...]:
        """The derivatives that are not answered by their factors."""
        return tuple(block for block in self.blocks if not isinstance(block, dict))


@dataclass(frozen=True)
class Graphs:
    """What to evaluate for one block: itself, or its factors."""

    nodes: Sequence[Node]
    factors: Factors | None = None


def graphs_of(block: Derivative, outputs: Sequence[Node], point: Point, *, auto: bool) -> Graphs:
    """The block's factors where it has structure and `auto` asks for them, else the cheaper graph of the block."""
    if not auto or block.structure is DENSE:
        return Graphs([chosen(block, outputs[block.output], point).node])
    factors = block.structure.factors()
    return Graphs(factor_nodes(factors), factors)


@dataclass(frozen=True)
class Evaluation:
    """The values of outputs and derivatives, with the batch axis if there is one, and the program that made them.

    `of` has the number of the output that each derivative is of, `spans` the outputs of the program that it is made of,
    `said` what is said of numbers that are finite.
    """

    program: Program
    point: Point
    values: tuple[Array, ...]
    blocks: tuple[Array | NamedArrays, ...]
    of: tuple[int, ...]
    spans: tuple[range, ...]
    said: tuple[Notice, ...]
    given: bool  # whether an input or a constant is not finite
    dropped: str = ""  # the operation outside of its domain that only the function as written has

    @property
    def arrays(self) -> tuple[Array, ...]:
        """The derivatives that are not answered by their factors."""
        return tuple(block for block in self.blocks if not isinstance(block, dict))

    def notices(self, placed: Sequence[tuple[str, Array]]) -> tuple[Notice, ...]:
        """What must be said of the numbers, under their places in the answer: not finite, or by a convention."""
        return (*self.nonfinite(placed), *self._finite([where for where, _ in placed]))

    def _finite(self, places: Sequence[str]) -> list[Notice]:
        """Kinks and bad conditions under their places, or under the first place of an answer that has others."""
        moved = [notice if notice.where in places else replace(notice, where=places[0]) for notice in self.said]
        return list(dict.fromkeys(moved))

    def nonfinite(self, placed: Sequence[tuple[str, Array]]) -> list[Notice]:
        """What must be said of the numbers, under their places in the answer, that are not finite.

        Raises DomainError where a value does not exist because a matrix has no inverse at the one point asked for.
        """
        broken = [(where, array) for where, array in placed if not np.isfinite(array).all()]
        if not broken:
            return []
        blame = Blame(self.program, self.point.arrays)
        for k, value in enumerate(self.values):
            name = self._undefined(blame, [k]).operation or ""
            if self.point.batch_size is None and np.isnan(value).any() and name in INVERTING:
                message = f"{name}: {INVERTING[name]}, so the answer does not exist at this point"
                raise DomainError(message)
        found = []
        for where, array in broken:
            behind = self._behind(array)
            found += notices_of(where, array, self._undefined(blame, behind), blame.infinite(*behind), given=self.given)
        return found

    def _undefined(self, blame: Blame, behind: Sequence[int]) -> Cause:
        """What made NaN in some outputs of the program, or in the function as it is written."""
        found = blame.undefined(*behind)
        return Cause(self.dropped) if found.operation is None and self.dropped else found

    def _behind(self, array: Array) -> Sequence[int]:
        """The outputs of the program that an array comes from: its own, then the value it is a derivative of."""
        for number, value in enumerate(self.values):
            if value is array:
                return (number,)
        for block, span, of in zip(self.blocks, self.spans, self.of, strict=True):
            if any(other is array for other in (block.values() if isinstance(block, dict) else (block,))):
                return (*span, of)
        return range(len(self.program.outputs))


def evaluate(
    outputs: Sequence[Node],
    derivatives: Sequence[Derivative],
    point: Point,
    limits: Limits,
    manner: Manner = PLAIN,
) -> Evaluation:
    """Evaluate outputs and derivatives in one program. Where a value is not a number, so are its derivatives.

    Raises NotDifferentiableError at a kink, a tie or a jump where `manner` refuses these.
    """
    asked = [graphs_of(block, outputs, point, auto=manner.auto) for block in derivatives]
    nodes = [*outputs, *(node for graphs in asked for node in graphs.nodes)]
    require_values(nodes, point)
    check_blocks(derivatives, asked, point, limits)
    conditions = Conditions()
    compiled, results, lost = _run(nodes, point, limits, conditions)
    values = results[: len(outputs)]
    given = has_nonfinite(manner.written or outputs, point)
    if given and manner.written:
        for place, value in enumerate(values_as_written(manner.written, point, limits)):
            values[place] = np.where(np.isnan(value), np.nan, values[place])
    undefined = undefined_as_written(manner.written, outputs, point, limits)
    for place, mask in enumerate(undefined.masks):
        values[place] = np.where(mask, np.nan, values[place])
    spans = _spans(asked, len(outputs))
    blocks = [
        _block(block, graphs, results[span.start : span.stop], values[block.output], point)
        for block, graphs, span in zip(derivatives, asked, spans, strict=True)
    ]
    kinks = kinks_at(outputs, derivatives, point, limits)
    if manner.nonsmooth == "error" and kinks:
        raise NotDifferentiableError(kinks[0].message)
    places = _of_nodes(len(outputs), asked)
    said = [*kinks, *conditions.notices(list(zip(places, compiled.nodes, strict=True)))]
    said += [notice_of_lost(one.operation, places[one.output]) for one in lost]
    if may_cancel(compiled.program, point.batch_size or 1):
        said += notices_of_rounding(rounding_errors(compiled.program, point.arrays, results), results, places)
    of = tuple(block.output for block in derivatives)
    return Evaluation(
        compiled.program, point, tuple(values), tuple(blocks), of, spans, tuple(said), given, undefined.operation
    )


def _spans(asked: Sequence[Graphs], start: int) -> tuple[range, ...]:
    """Which outputs of the program each block is made of."""
    spans = []
    for graphs in asked:
        spans.append(range(start, start + len(graphs.nodes)))
        start += len(graphs.nodes)
    return tuple(spans)


def _block(
    block: Derivative, graphs: Graphs, results: Sequence[Array], value: Array, point: Point
) -> Array | NamedArrays:
    lead = 0 if point.batch_size is None else 1
    if graphs.factors is None:
        return _masked(results[0], value, lead, block.layout)
    return masked_factors(block, assembled(block, graphs.factors, results), value, lead)


def _run(nodes: Sequence[Node], point: Point, limits: Limits, watch: Watch) -> tuple[Compiled, list[Array], list[Lost]]:
    """The program and its results; where these are not finite, of the graph with its masks spelled out."""
    compiled, count = compile_graphs(nodes, point, limits), point.batch_size or 1
    watched = watch if compiled.inverts else None
    with stage("evaluate"):
        results, lost = run_within_range(compiled.program, point.arrays, count, watched, threads=limits.threads)
    if not all(np.isfinite(value).all() for value in results):
        careful = with_masks(compiled.nodes)
        if any(node.op.strong for node in topological(careful)):
            compiled = compile_graphs(careful, point, limits, with_masks=True)
            results, lost = run_within_range(compiled.program, point.arrays, count, threads=limits.threads)
    whole = [_whole(value, point, numbers(node.shape)) for value, node in zip(results, nodes, strict=True)]
    return compiled, whole, lost


def compute_numbers(
    outputs: Sequence[Node],
    derivatives: Sequence[Derivative],
    point: Point,
    limits: Limits,
    manner: Manner = PLAIN,
) -> Numbers:
    """The numbers of an answer that has `value` (or `values`) and `derivatives`."""
    found = evaluate(outputs, derivatives, point, limits, manner)
    places = list(zip(_of_values(len(outputs)), found.values, strict=True))
    for k, (block, numbers_of_it) in enumerate(zip(derivatives, found.blocks, strict=True)):
        places += _parts(f"/derivatives/{k}", numbers_of_it, found.values[block.output])
    return Numbers(found.values, found.blocks, found.notices(places), point.batch_size)


def _of_values(outputs: int) -> list[str]:
    """Where the values of so many outputs stand in an answer."""
    return ["/value"] if outputs == 1 else [f"/values/{k}" for k in range(outputs)]


def _of_nodes(outputs: int, asked: Sequence[Graphs]) -> list[str]:
    """Where what each graph is evaluated for stands in an answer."""
    blocks = [f"/derivatives/{k}/value" for k, graphs in enumerate(asked) for _ in graphs.nodes]
    return [*_of_values(outputs), *blocks]


def _parts(block: str, found: Array | NamedArrays, value: Array) -> list[tuple[str, Array]]:
    """What an answer has of a block, with its place in it; a zero of no factors is none where the value is none."""
    if not isinstance(found, dict):
        return [(f"{block}/value", found)]
    named = [(f"{block}/factors/{name}", array) for name, array in found.items()]
    return named or [(f"{block}/factors", np.where(np.isnan(value), np.nan, 0.0))]


def check_blocks(derivatives: Sequence[Derivative], asked: Sequence[Graphs], point: Point, limits: Limits) -> None:
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
