"""What is known of a derivative's zeros, and the factors that say the same in fewer numbers.

A derivative is read as a matrix, its first axes being the rows and the others the columns, each flattened row by row.
"""

from __future__ import annotations

import math

from service.ir.leaves import fill_value
from service.ir.node import Node
from service.ir.reshaping import RESHAPE
from service.ir.size import count, names
from service.rewrite.factors import DENSE, ZERO, Matrix, Structure, block_diagonal, diagonal, sparse
from service.rewrite.separation import kronecker, low_rank
from service.rewrite.support import counted, support_of
from service.rewrite.terms import opened_terms

# In the order of preference between those that take equally many numbers.
CANDIDATES = (kronecker, block_diagonal, low_rank, sparse)


def structure_of(node: Node, rows: int) -> Structure:
    """The structure whose factors hold the fewest numbers, if these are no more than the entries, else `dense`.

    A scalar's derivative and one by a scalar are vectors, and as such `zero` or `dense`. Sizes that are only names
    count as large.
    """
    if fill_value(node) == 0:
        return ZERO
    matrix = _matrix(node, rows)
    if matrix is None:
        return DENSE
    if not matrix.terms:
        return ZERO
    simple = diagonal(matrix)  # with as few numbers as can be
    if simple is not None:
        return simple
    found = [structure for candidate in CANDIDATES if (structure := candidate(matrix)) is not None]
    best = min(found, key=lambda structure: structure.numbers, default=DENSE)
    return best if best.numbers <= matrix.height * matrix.width else DENSE


def _matrix(node: Node, rows: int) -> Matrix | None:
    """The derivative as a sum of terms with supports; None if it has no entries or only one row or column.

    A reshape around it is taken off where it leaves rows rows and columns columns.
    """
    columns, axes = node.shape[rows:], len(node.shape)
    height, width = (math.prod(map(counted, part)) for part in (node.shape[:rows], columns))
    if height * width == 0 or 1 in (height, width):
        return None
    if node.op is RESHAPE:
        split = _split(node.inputs[0], node, rows)
        node, rows = (node, rows) if split is None else (node.inputs[0], split)
    found = [(term, support_of(term, len(node.shape))) for term in opened_terms(node, rows)]
    terms = tuple((term, support) for term, support in found if support is not None)
    if len(terms) < len(found) and any(names(size) for size in node.shape):
        return None  # what is zero for large sizes need not be for small ones
    return Matrix(terms, node.shape, rows, columns, height, width, axes)


def _split(inner: Node, node: Node, rows: int) -> int | None:
    """How many axes of what is reshaped hold the entries of the first `rows` axes."""
    target = count(node.shape[:rows])
    return next((k for k in range(len(inner.shape) + 1) if count(inner.shape[:k]) == target), None)
