"""Powers with a constant exponent, in normal form."""

from __future__ import annotations

import math

from service.ir.coefficient import CONTRACT, scale, split_coefficient
from service.ir.leaves import constant, fill_value
from service.ir.node import Node, make
from service.ir.op import lowered, operations
from service.ir.recursion import contract
from service.ir.sign import is_nonnegative

HALF = 0.5
DIGITS = 9  # a number further than this from 1 stays inside of a power, which might overflow on its own


def split_power(node: Node) -> tuple[Node, float]:
    """Base and exponent of a power with a constant exponent; any other node is its own first power."""
    if node.op.name == "power":
        exponent = fill_value(node.inputs[1])
        if exponent is not None:
            return node.inputs[0], exponent
    return node, 1.0


def raise_to(base: Node, exponent: float) -> Node:
    """`base ** exponent`. Powers merge and numbers move out only where that keeps every restriction of the domain."""
    exponent = float(exponent)
    if exponent == 1:
        return base
    if exponent == 0:
        return constant(1.0, base.shape)
    if fill_value(base) is not None:
        return lowered("power", base, constant(exponent, base.shape))
    inner, power = split_power(base)
    whole = exponent.is_integer()
    keeps_domain = whole and (power.is_integer() or not (power * exponent).is_integer())
    if power != 1 and (keeps_domain or is_nonnegative(inner)) and math.isfinite(power * exponent):
        return raise_to(inner, power * exponent)
    coefficient, core = split_coefficient(base)
    if coefficient != 1 and (whole or coefficient > 0) and abs(exponent * math.log10(abs(coefficient))) < DIGITS:
        return scale(raise_to(core, exponent), coefficient**exponent)
    special = _power_of_special(base, exponent)
    return special or make(operations()["power"], (base, constant(exponent, base.shape)), (), base.shape)


def _power_of_special(base: Node, exponent: float) -> Node | None:
    """Powers of absolute values, of masks, of norms and of their squares."""
    known = operations()
    if exponent % 2 == 0 and base.op is known["abs"]:
        return raise_to(base.inputs[0], exponent)
    if exponent % 2 == 0 and base.op is known["reduce_norm"]:
        return raise_to(sum_of_squares(base), exponent / 2)
    if exponent > 0 and base.op in (known["chosen"], known["passed_over"]):
        return base  # 0 or 1
    root = _norm_of(base) or _size_of(base) if exponent % 1 == HALF else None
    return None if root is None else raise_to(root, 2 * exponent)


def sum_of_squares(norm: Node) -> Node:
    """The square of a Euclidean norm, which has a derivative at 0 too."""
    (x,) = norm.inputs
    labels = range(len(x.shape))
    return contract([(raise_to(x, 2), labels)], labels[: len(norm.shape)])


def _size_of(node: Node) -> Node | None:
    """The absolute value of which a term is the square, if it is an even power: it has a convention at 0."""
    base, exponent = split_power(node)
    return raise_to(lowered("abs", base), exponent / 2) if exponent % 2 == 0 and exponent > 0 else None


def _norm_of(node: Node) -> Node | None:
    """The Euclidean norm of which a term is the square, if it is a sum of squares over axes of one array."""
    if node.op is not CONTRACT or len(node.inputs) != 1 or node.attributes.coefficient != 1:
        return None
    base, exponent = split_power(node.inputs[0])
    (labels,), rank = node.attributes.operands, len(node.shape)
    free = [label for label in labels if label < rank]
    if exponent % 2 or exponent <= 0 or len(set(labels)) != len(labels) or len(free) != rank or rank == len(labels):
        return None
    moved = contract([(raise_to(base, exponent / 2), labels)], sorted(labels))
    return make(operations()["reduce_norm"], (moved,), (("count", len(labels) - rank),), node.shape)
