"""What is seen at a glance of a term's sign: it is of squares, exponentials, or inputs assumed to be positive."""

from __future__ import annotations

from collections.abc import Callable

from service.ir.coefficient import CONTRACT
from service.ir.leaves import FILL, VARIABLE, facts_of, fill_value
from service.ir.node import Node

GLANCE = 8  # terms looked at in one sum or product, half as many a level further down
UNKNOWN, NONNEGATIVE, POSITIVE = range(3)

# Whatever their arguments, these have values of one sign.
_ALWAYS = {
    **dict.fromkeys(("exp", "cosh", "sigmoid", "softplus", "erfc", "reduce_softmax"), POSITIVE),
    **dict.fromkeys(("abs", "relu", "hypot", "reduce_norm", "delta", "unit", "selector", "size"), NONNEGATIVE),
    **dict.fromkeys(("less", "less_equal", "greater", "greater_equal", "equal", "not_equal"), NONNEGATIVE),
}
# These have the sign of their argument, wherever they are defined.
_ODD = {
    "log1p", "expm1", "sinh", "tanh", "arctan", "arcsin", "arcsinh", "arctanh", "erf",
    "reduce_max", "reduce_min", "kernel_reshape",
}  # fmt: skip


def is_nonnegative(node: Node) -> bool:
    """Whether no entry is seen to be negative, wherever the term is defined."""
    return _sign(node, GLANCE) >= NONNEGATIVE


def is_positive(node: Node) -> bool:
    """Whether every entry is seen to be greater than zero, wherever the term is defined."""
    return _sign(node, GLANCE) == POSITIVE


def _sign(node: Node, depth: int) -> int:
    name = node.op.name
    if node.op is FILL:
        return _of_number(fill_value(node))
    if node.op is VARIABLE:
        return POSITIVE if "positive" in facts_of(node) else UNKNOWN
    if name in _ALWAYS:
        return _ALWAYS[name]
    if not 0 < depth >= len(node.inputs):
        return UNKNOWN
    if name in _ODD:
        return _sign(node.inputs[0], depth - 1)
    rule = _RULES.get(name)
    return UNKNOWN if rule is None else rule(node, depth)


def _of_number(value: float | None) -> int:
    if value is None or not value >= 0:
        return UNKNOWN
    return POSITIVE if value > 0 else NONNEGATIVE


def _of_all(node: Node, depth: int) -> list[int]:
    return [_sign(child, depth // 2) for child in node.inputs]


def _of_power(node: Node, depth: int) -> int:
    base, exponent = _sign(node.inputs[0], depth - 1), fill_value(node.inputs[1])
    if base == POSITIVE:
        return POSITIVE
    defined = exponent is not None and (exponent % 2 == 0 or not exponent.is_integer())
    return NONNEGATIVE if defined or (base == NONNEGATIVE and exponent is not None) else UNKNOWN


def _of_total(node: Node, depth: int) -> int:
    signs = _of_all(node, depth)
    return max(signs) if UNKNOWN not in signs else UNKNOWN


def _of_product(node: Node, depth: int) -> int:
    """A sum over an axis without entries is 0, so one of positive terms is positive only if its axis has some."""
    coefficient, sizes = node.attributes.coefficient, node.attributes.sizes
    sign = min([*_of_all(node, depth), _of_number(coefficient)])
    has_entries = all(isinstance(size, int) and size > 0 for size in sizes[len(node.shape) :])
    return sign if has_entries else min(sign, NONNEGATIVE)


def _of_determinant(node: Node, _: int) -> int:
    is_whole = dict(node.attributes)["order"] == 0
    return POSITIVE if is_whole and "positive_definite" in facts_of(node.inputs[0]) else UNKNOWN


_RULES: dict[str, Callable[[Node, int], int]] = {
    "power": _of_power,
    "total": _of_total,
    CONTRACT.name: _of_product,
    "maximum": lambda node, depth: max(_of_all(node, depth)),
    "minimum": lambda node, depth: min(_of_all(node, depth)),
    "where": lambda node, depth: min(_of_all(node, depth)[1:]),
    "kernel_cofactors": _of_determinant,
}
