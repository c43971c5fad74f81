"""What is known of a derivative's zeros, read off its contraction."""

from __future__ import annotations

from service.ir.coefficient import CONTRACT, connected, parts
from service.ir.leaves import DELTA, FILL
from service.ir.node import Node
from service.ir.total import terms_of

MATRIX = 2


def structure_of(node: Node, rows: int) -> str:
    """`zero`, `diagonal`, `kronecker` or `dense`, for a derivative read as a matrix.

    Its first `rows` axes are its rows (those of the output, and of the first variable for a second derivative), the
    others its columns; both must have the same sizes for it to be more than `dense`.
    """
    if node.op is FILL and node.attributes == 0:
        return "zero"
    if not rows or node.shape[:rows] != node.shape[rows:]:
        return "dense"
    if all(_is_diagonal(term, rows) for term in terms_of(node)):
        return "diagonal"
    return "kronecker" if rows == MATRIX and _is_kronecker(node) else "dense"


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
    groups = [{label for _, labels in group for label in labels} for group in connected(parts(node)[1])]
    free = sorted(sorted(label for label in group if label < len(node.shape)) for group in groups)
    return [group for group in free if group] == [[0, 2], [1, 3]]
