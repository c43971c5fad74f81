"""Vectors in LaTeX: which are rows, and where a transpose must stand so that what is written can be read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from service.ir.node import Node
from service.render.printer import Written

POSTFIX = 90
TRANSPOSED = 85
_OPERATORS = {"add", "subtract", "multiply", "divide", "power", "kron"}
_RELATION = 30


def in_brackets(written: Written, need: int) -> str:
    """The text, in growing brackets unless its precedence is at least `need`."""
    return written[0] if written[1] >= need else rf"\left({written[0]}\right)"


def flipped(written: Written) -> Written:
    """The transpose."""
    return rf"{{{in_brackets(written, POSTFIX)}}}^{{\top}}", TRANSPOSED


def agreed(node: Node, inputs: Sequence[Written], rows: Mapping[Node, bool]) -> Sequence[Written]:
    """The operands of an operator entry by entry: vectors are rows beside a matrix, and otherwise alike."""
    if node.op.name not in _OPERATORS and node.op.latex.precedence != _RELATION:
        return inputs
    vectors = [child for child in node.inputs if len(child.shape) == 1]
    beside_matrix = any(len(child.shape) > 1 for child in node.inputs)
    as_rows = beside_matrix or (bool(vectors) and all(rows.get(child, False) for child in vectors))
    return [
        flipped(written) if len(child.shape) == 1 and rows.get(child, False) != as_rows else written
        for child, written in zip(node.inputs, inputs, strict=True)
    ]
