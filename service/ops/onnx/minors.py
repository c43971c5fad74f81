"""Signed minors of matrices: the derivatives of a determinant, exact at singular matrices too."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations, product

from service.ir.node import Node
from service.ops.onnx.matrices import BY_STEPS, det_of, rows_of
from service.ops.onnx.sheet import INT64, Sheet, Value, lacking, op, where

MOST_ENTRIES = 2**16  # of all minors together
MINORS = f"{BY_STEPS}, and up to {MOST_ENTRIES} entries in all minors"


def cofactor(node: Node, x: Value) -> Value:
    """Entry (i1, j1, ..., ir, jr): the determinant without rows i and columns j, signed; 0 where one is there twice."""
    n, order = rows_of(node), dict(node.attributes)["order"]
    kept = n - order
    subsets = list(combinations(range(n), order))
    entries = max((len(subsets) * kept) ** 2, n ** (2 * order))
    if entries > MOST_ENTRIES:
        raise lacking(node)
    lead, sheet = len(node.inputs[0].shape) - 2, x.sheet
    found = _minors(x, n, subsets, lead) if kept else sheet.filled(1.0, (*node.shape[:lead], 1, 1))
    places, signs = _ordered(subsets, n, order)
    index = sheet.integers(places)
    spread = op("Gather", op("Gather", found, index, axis=lead), index, axis=lead + 1)
    sign = sheet.numbers(signs)
    signed = op("Unsqueeze", sign, sheet.integers([1])) * sign
    entries_of = op("Reshape", where(signed.is_(0.0), 0.0, spread * signed),
                    sheet.shape((*node.shape[:lead], *(n,) * (2 * order))), allowzero=1)  # fmt: skip
    turned = [lead + k + side * order for k in range(order) for side in (0, 1)]
    return op("Transpose", entries_of, perm=(*range(lead), *turned))


def _minors(x: Value, n: int, subsets: Sequence[tuple[int, ...]], lead: int) -> Value:
    """The determinants without each subset of rows and each of columns: two axes more than the leading ones."""
    rest = [[k for k in range(n) if k not in gone] for gone in subsets]
    index = _index(x.sheet, rest)
    rows = op("Gather", x, index, axis=lead)  # (..., subset, kept, n)
    both = op("Gather", rows, index, axis=lead + 2)  # (..., subset, kept, subset, kept)
    perm = (*range(lead), lead, lead + 2, lead + 1, lead + 3)
    return det_of(op("Transpose", both, perm=perm), len(rest[0]))


def _index(sheet: Sheet, rows: Sequence[Sequence[int]]) -> Value:
    content = b"".join(entry.to_bytes(8, "little", signed=True) for row in rows for entry in row)
    return sheet.constant(content, (len(rows), len(rows[0])), INT64)


def _ordered(subsets: Sequence[tuple[int, ...]], n: int, order: int) -> tuple[list[int], list[float]]:
    """For each tuple of indices, which subset it is, and the sign that its order and its places make; 0 for none."""
    number = {subset: k for k, subset in enumerate(subsets)}
    places, signs = list[int](), list[float]()
    for chosen in product(range(n), repeat=order):
        subset = tuple(sorted(chosen))
        places.append(number.get(subset, 0))
        swaps = sum(a > b for a, b in combinations(chosen, 2)) + sum(chosen)
        signs.append(math.copysign(1.0, -(swaps % 2)) if swaps % 2 else 1.0)
        signs[-1] *= subset in number
    return places, signs
