"""The ordinary formulas in place of the factors that carry a number convention: for readers, not for numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence

from service.ir.coefficient import CONTRACT, parts
from service.ir.contraction import contract
from service.ir.leaves import FILL
from service.ir.node import Node
from service.ir.power import DIGITS, raise_to, split_power
from service.ir.walk import rebuild, topological
from service.rewrite.rows import READABLE
from service.rewrite.simplify import reconstruct, simplify


def plain(roots: Sequence[Node]) -> list[Node]:
    """Graphs that are equal wherever the ordinary formulas have a value, in normal form again.

    The identities for numbers are left out: they would bring the conventions back.
    """
    if all(node.op.plain is None for node in topological(roots)):
        return list(roots)

    formulas = set[Node]()

    def change(node: Node, inputs: tuple[Node, ...]) -> Node:
        formula = node.op.plain(*inputs, **dict(node.attributes)) if node.op.plain else None
        if formula is None and inputs and inputs[0] in formulas:
            formula = _power_of_product(node, inputs)
        if formula is None:
            return reconstruct(node, inputs)
        formulas.add(formula)
        return formula

    return simplify(rebuild(roots, change), READABLE, formulas)


def _power_of_product(node: Node, inputs: tuple[Node, ...]) -> Node | None:
    """A whole power of a product without sums, factor by factor."""
    exponent, rank = split_power(node)[1], len(node.shape)
    coefficient, factors, sizes = parts(inputs[0])
    if node.op.name != "power" or not exponent.is_integer() or inputs[0].op is not CONTRACT or len(sizes) > rank:
        return None
    numbers = any(factor.op is FILL for factor, _ in factors)
    if numbers or abs(exponent * math.log10(abs(coefficient))) >= DIGITS:
        return None  # a number might overflow or vanish on its own
    powers = [(raise_to(factor, exponent), labels) for factor, labels in factors]
    return contract(powers, range(rank), dict(enumerate(sizes)), coefficient**exponent)
