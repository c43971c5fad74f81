"""Which vectors read as rows where mathematics is set: `x^T A` does, `A x` does not.

Vectors have one axis and no orientation in the graph; writing and reading LaTeX must agree on one all the same.
"""

from __future__ import annotations

from collections.abc import Sequence

from service.ir.node import Node

_ENTRYWISE = {"arithmetic", "elementwise"}


def reads_as_row(node: Node, rows: Sequence[bool]) -> bool:
    """Whether a term reads as a row; `rows` tells it of the inputs.

    A transpose turns a vector, a row times a matrix is a row, and so are functions of entries of rows and Kronecker
    products of rows.
    """
    if len(node.shape) != 1 or not node.inputs:
        return False
    if node.op.name == "transpose":
        return not rows[0]
    if node.op.name == "matmul":
        return len(node.inputs[0].shape) == 1
    vectors = [row for child, row in zip(node.inputs, rows, strict=True) if len(child.shape) == 1]
    entrywise = node.op.family in _ENTRYWISE or node.op.name == "kron"
    return entrywise and bool(vectors) and all(vectors)
