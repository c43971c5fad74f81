"""What is known of a derivative's zeros, read off its contraction."""

from __future__ import annotations

from service.ir.coefficient import CONTRACT, parts
from service.ir.leaves import DELTA, FILL
from service.ir.node import Node
from service.ir.total import terms_of

MATRIX = 2


def structure_of(node: Node, rank: int) -> str:
    """`zero`, `diagonal`, `kronecker` or `dense`, for a derivative in numerator layout of an output of `rank` axes.

    A Hessian of a scalar is read as the derivative of its gradient.
    """
    if node.op is FILL and node.attributes == 0:
        return "zero"
    half = rank or len(node.shape) // 2
    if not half or len(node.shape) != 2 * half:
        return "dense"
    if all(_is_diagonal(term, half) for term in terms_of(node)):
        return "diagonal"
    return "kronecker" if half == MATRIX and _is_kronecker(node) else "dense"


def _is_diagonal(term: Node, half: int) -> bool:
    """Whether a delta ties every output axis to the variable axis in the same place."""
    if term.op is DELTA:
        return True
    tied = {labels for child, labels in parts(term)[1] if child.op is DELTA}
    return {(k, half + k) for k in range(half)} <= tied


def _is_kronecker(node: Node) -> bool:
    """Whether rows (axes 0 and 2) and columns (axes 1 and 3) are set by separate factors."""
    if node.op is not CONTRACT:
        return False
    groups: list[set[int]] = []
    for _, labels in parts(node)[1]:
        touching = [group for group in groups if group & set(labels)]
        groups = [group for group in groups if group not in touching] + [set(labels).union(*touching)]
    free = sorted(sorted(label for label in group if label < len(node.shape)) for group in groups if group)
    return [group for group in free if group] == [[0, 2], [1, 3]]
