"""What the numbers of an answer would take, as its graphs tell before any number is computed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from service.ir.node import Node
from service.tasks.as_written import has_nonfinite
from service.tasks.bounded import compile_graphs, require_values
from service.tasks.derivatives import Derivative
from service.tasks.dropped import drops
from service.tasks.inputs import Point
from service.tasks.messages import Limits
from service.tasks.numbers import Manner, check_blocks, graphs_of


@dataclass(frozen=True)
class Takes:
    """So many operations for so many points, of which `rows` are computed at a time.

    `apart`: the points may be computed in parts, each of whole blocks of rows, with the same numbers.
    """

    points: int
    rows: int
    operations: int
    apart: bool


def takes(
    outputs: Sequence[Node], derivatives: Sequence[Derivative], point: Point, limits: Limits, manner: Manner
) -> Takes:
    """What evaluating outputs and derivatives takes. Raises what evaluating them would, for reasons of size."""
    asked = [graphs_of(block, outputs, point, auto=manner.auto) for block in derivatives]
    nodes = [*outputs, *(node for graphs in asked for node in graphs.nodes)]
    require_values(nodes, point)
    check_blocks(derivatives, asked, point, limits)
    program = compile_graphs(nodes, point, limits).program
    count = point.batch_size or 1
    apart = (
        point.batch_size is not None
        and not manner.auto
        and not drops(tuple(manner.written), tuple(outputs))
        and not has_nonfinite(manner.written or outputs, point)
    )
    return Takes(count, program.rows, program.operations(count), apart)
