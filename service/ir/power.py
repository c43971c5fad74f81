"""Powers with a constant exponent, in normal form."""

from __future__ import annotations

import math

from service.ir.coefficient import scale, split_coefficient
from service.ir.leaves import constant, fill_value
from service.ir.node import Node, make
from service.ir.op import lowered, operations
from service.ir.sign import is_nonnegative

DIGITS = 9  # a number further than this from 1 stays inside of a power, which might overflow on its own


def split_power(node: Node) -> tuple[Node, float]:
    """Base and exponent of a power with a constant exponent; any other node is its own first power."""
    if node.op is operations()["power"]:
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
    if power != 1 and (keeps_domain or is_nonnegative(inner)):
        return raise_to(inner, power * exponent)
    coefficient, core = split_coefficient(base)
    if coefficient != 1 and (whole or coefficient > 0) and abs(exponent * math.log10(abs(coefficient))) < DIGITS:
        return scale(raise_to(core, exponent), coefficient**exponent)
    if base.op is operations()["abs"] and whole and exponent % 2 == 0:
        return raise_to(base.inputs[0], exponent)
    return make(operations()["power"], (base, constant(exponent, base.shape)), (), base.shape)
