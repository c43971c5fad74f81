"""In which order the partial derivatives of a block are multiplied for its numbers: by the estimated operations.

The graph of a derivative comes from the reverse pass, and its products are ordered by cost wherever no sum stands in
between. Where one does, the graph of the forward pass is cheaper if the variable has fewer entries than the output.
A. Griewank, A. Walther, "Evaluating Derivatives", SIAM 2008, chapter 10.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from service.diff.forward import push_forward
from service.diff.reverse import identity
from service.ir.contraction import permute
from service.ir.leaves import VARIABLE
from service.ir.node import Node
from service.ir.size import numbers
from service.ir.walk import topological
from service.rewrite.factors import DENSE
from service.rewrite.simplify import simplify
from service.tasks.bounded import compile_bounded
from service.tasks.derivatives import Derivative
from service.tasks.inputs import Point
from service.tasks.messages import Limits
from service.tasks.remembered import remembered
from service.tasks.sharing import digests, graphs

REASON = "one symbolic reverse pass per output gives every derivative in closed form, whatever its shape"
UNBOUNDED = Limits(elements=2**62, operations=2**62)


class Choice(NamedTuple):
    """The graph that a block is computed from, the mode that it comes from, and why."""

    node: Node
    mode: str
    reason: str


def chosen(block: Derivative, output: Node, point: Point) -> Choice:
    """The cheaper graph of a block of a derivative of `output`, all sizes being numbers; in doubt the reverse one."""
    if not block.is_jacobian or block.structure is not DENSE:
        return Choice(block.node, "reverse", REASON)
    rows = math.prod(numbers(output.shape))
    columns = math.prod(numbers(block.node.shape)) // max(rows, 1)
    if columns >= rows:
        return Choice(block.node, "reverse", f"the output has {rows:,} entries, the variable {columns:,}")
    forward = _forward(output, block.wrt[0], block.layout)
    if forward is None:
        return Choice(block.node, "reverse", "the output does not depend on the variable")
    costs = {"reverse": _operations(block.node, point), "forward": _operations(forward, point)}
    mode = "forward" if costs["forward"] < costs["reverse"] else "reverse"
    said = " and ".join(f"{cost:,} in {name} mode" for name, cost in costs.items())
    reason = f"by {columns:,} entries the output has {rows:,}: estimated operations are {said}"
    return Choice(forward if mode == "forward" else block.node, mode, reason)


def _forward(output: Node, name: str, layout: str) -> Node | None:
    """The Jacobian by a variable as the forward pass gives it."""
    variable = next((node for node in topological([output]) if node.op is VARIABLE and node.attributes == name), None)
    return None if variable is None else _pushed(output, variable, layout)[0]


def _content(output: Node, variable: Node, layout: str) -> list[object]:
    return [digests([output, variable]), layout]


_SHARED = graphs("forward", _content, lambda output, *_: [output], lambda *_: 1)


@remembered(lambda nodes: len(topological(nodes)), shared=_SHARED)
def _pushed(output: Node, variable: Node, layout: str) -> list[Node]:
    (tangent,) = simplify(push_forward([output], {variable: identity(variable.shape)}))
    axes, rank = range(len(tangent.shape)), len(output.shape)
    return [permute(tangent, [*axes[rank:], *axes[:rank]]) if layout == "denominator" else tangent]


def _operations(node: Node, point: Point) -> int:
    return compile_bounded([node], point, UNBOUNDED).operations(point.count)
