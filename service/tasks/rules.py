"""The rule that differentiates one operation, told from the kernel terms that it is lowered to."""

from __future__ import annotations

from collections.abc import Collection

from service.ir.coefficient import CONTRACT, parts, split_coefficient
from service.ir.node import Node
from service.ir.power import split_power
from service.ir.reshaping import RESHAPE
from service.ir.total import TOTAL
from service.ir.walk import dependents, topological

NONLINEAR = -1
RULES = {
    "seed": "a trace starts from what is given",
    "linearity": "a linear operation is its own derivative",
    "sum rule": "the derivative of a sum is the sum of the derivatives",
    "product rule": "one factor at a time is differentiated, all others stay in their places",
    "quotient rule": "d(x/y) = (dx*y - x*dy)/y**2",
    "power rule": "d(x**c) = c*x**(c - 1)*dx",
    "chain rule": "the derivative at the inner value times the inner derivative",
    "zero derivative": "constant wherever it has a derivative",
    "sum over paths": "every way on which a change takes effect adds a part",
}


def rule_of(term: Node, operands: Collection[Node], *, is_sum: bool) -> str:
    """The name of the rule for an operation lowered to `term` of variables; with `is_sum`, a sum is called one."""
    degree = _degree(term, operands)
    if degree == 0:
        return "zero derivative"
    if degree == 1:
        return "sum rule" if is_sum and term.op is TOTAL else "linearity"
    if degree != NONLINEAR:
        return "product rule"
    if term.op is CONTRACT and _is_quotient(term, operands):
        return "quotient rule"
    base, exponent = split_power(split_coefficient(term)[1])
    return "power rule" if exponent != 1 and base in operands else "chain rule"


def _degree(term: Node, operands: Collection[Node]) -> int:
    """How many operands a term multiplies: 0 where it depends on none, 1 where it is linear in all together."""
    order = topological([term])
    active = dependents(order, operands)
    degree: dict[Node, int] = dict.fromkeys(operands, 1)
    for node in order:
        if node not in active:
            degree[node] = 0
        elif node not in degree:
            inner = [degree[child] for child in node.inputs]
            known = node.op in (CONTRACT, TOTAL, RESHAPE) and NONLINEAR not in inner
            degree[node] = NONLINEAR if not known else sum(inner) if node.op is CONTRACT else max(inner)
    return degree[term]


def _is_quotient(term: Node, operands: Collection[Node]) -> bool:
    """Whether a product has operands above the line and, to a power, below."""
    factors = [split_power(node) for node, _ in parts(term)[1]]
    above = any(base in operands and exponent > 0 for base, exponent in factors)
    return above and any(base in operands and exponent < 0 for base, exponent in factors)
