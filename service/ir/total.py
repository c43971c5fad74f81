"""Sums of terms of one shape, with like terms merged."""

from __future__ import annotations

import math
from collections.abc import Iterable

from service.ir.coefficient import scale, split_coefficient
from service.ir.leaves import FILL, constant, fill_value
from service.ir.node import Node, make
from service.ir.op import Op, register
from service.ir.reshaping import RESHAPE, reshape
from service.ir.size import Shape

ROWS = register(Op("rows", "kernel", "terms stacked along a new first axis, for printing only", internal=True))
TOTAL = register(Op("total", "kernel", "the sum of terms of one shape", internal=True))


def total(terms: Iterable[Node], shape: Shape) -> Node:
    """The sum of `terms`, all of `shape`; equal terms are merged and zeros dropped."""
    terms = list(terms)
    if terms and all(term.op is RESHAPE and term.inputs[0].shape == terms[0].inputs[0].shape for term in terms):
        inner = terms[0].inputs[0].shape
        return reshape(total((term.inputs[0] for term in terms), inner), shape)
    offset, coefficients, apart = 0.0, dict[Node, float](), list[Node]()
    for term in terms:
        if term.op is FILL and _is_merged(offset, float(term.attributes)):
            offset += float(term.attributes)
            continue
        coefficient, core = split_coefficient(term)
        if term.op is FILL or not _is_merged(coefficients.get(core, 0.0), coefficient):
            apart.append(term)
            continue
        coefficients[core] = coefficients.get(core, 0.0) + coefficient
    kept = apart + [scale(core, coefficient) for core, coefficient in coefficients.items() if coefficient != 0]
    if offset != 0 or not kept:
        kept.append(constant(offset, shape))
    if len(kept) == 1:
        return kept[0]
    return make(TOTAL, tuple(sorted(kept, key=lambda term: term.digest)), None, shape)


def _is_merged(left: float, right: float) -> bool:
    """Whether two numbers may be added beforehand: not where that overflows, as the whole need not."""
    return not math.isinf(left + right) or math.isinf(left) or math.isinf(right)


def terms_of(node: Node) -> tuple[Node, ...]:
    """The terms of a sum, or the node alone."""
    return node.inputs if node.op is TOTAL else (node,)


def offset_of(node: Node) -> float:
    """The constant term of a sum."""
    return next((value for term in terms_of(node) if (value := fill_value(term)) is not None), 0.0)
