"""Sums of terms of one shape, with like terms merged."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Sequence
from operator import attrgetter

from service.ir.coefficient import CONTRACT, scale, split_coefficient
from service.ir.leaves import FILL, constant, fill_value
from service.ir.node import Node, make
from service.ir.op import Op, register
from service.ir.reshaping import RESHAPE, reshape
from service.ir.size import Shape

ROWS = register(Op("rows", "kernel", "terms stacked along a new first axis, for printing only", internal=True))
TOTAL = register(Op("total", "kernel", "the sum of terms of one shape", internal=True))

_DIGEST = attrgetter("digest")


def total(terms: Iterable[Node], shape: Shape) -> Node:
    """The sum of `terms`, all of `shape`; equal terms are merged and zeros dropped."""
    terms = list(terms)
    if terms and all(term.op is RESHAPE and term.inputs[0].shape == terms[0].inputs[0].shape for term in terms):
        inner = terms[0].inputs[0].shape
        return reshape(total((term.inputs[0] for term in terms), inner), shape)
    if len(terms) == 1:
        return _without_coefficient(terms[0])[1]
    offset, apart, alike = 0.0, list[Node](), dict[Hashable, list[Node]]()
    for term in terms:
        if term.op is not FILL:
            key, unwrapped = _without_coefficient(term)
            alike.setdefault(key, []).append(unwrapped)
        elif _is_merged(offset, float(term.attributes)):
            offset += float(term.attributes)
        else:
            apart.append(term)
    kept = apart + [term for group in alike.values() for term in (group if len(group) == 1 else _merged(group))]
    if offset != 0 or not kept:
        kept.append(constant(offset, shape))
    if len(kept) == 1:
        return kept[0]
    return make(TOTAL, tuple(sorted(kept, key=_DIGEST)), None, shape)


def _without_coefficient(term: Node) -> tuple[Hashable, Node]:
    """What like terms have in common, and the term with the number before a product made part of it."""
    if term.op is not CONTRACT:
        return term, term
    coefficient, operands, sizes = term.attributes
    if operands == (tuple(range(len(term.shape))),) and len(sizes) == len(term.shape):
        (core,) = term.inputs
        unwrapped = term if core.op is not CONTRACT else scale(core, coefficient)
        return (core, term) if unwrapped is term else _without_coefficient(unwrapped)
    return (term.inputs, operands, sizes), term


def _merged(terms: Sequence[Node]) -> list[Node]:
    """Like terms as one, or none; those apart whose numbers cannot be added."""
    sum_of_numbers, apart = 0.0, list[Node]()
    core = terms[0]
    for term in terms:
        number, core = split_coefficient(term)
        if _is_merged(sum_of_numbers, number):
            sum_of_numbers += number
        else:
            apart.append(term)
    return [*apart, scale(core, sum_of_numbers)] if sum_of_numbers != 0 else apart


def _is_merged(left: float, right: float) -> bool:
    """Whether two numbers may be added beforehand: not where that overflows, as the whole need not."""
    return not math.isinf(left + right) or math.isinf(left) or math.isinf(right)


def terms_of(node: Node) -> tuple[Node, ...]:
    """The terms of a sum, or the node alone."""
    return node.inputs if node.op is TOTAL else (node,)


def offset_of(node: Node) -> float:
    """The constant term of a sum."""
    return next((value for term in terms_of(node) if (value := fill_value(term)) is not None), 0.0)
