"""The identities, one row each. A row never changes a value at a point where the function is defined.

A row is tried on nodes of one operation, given with inputs already rewritten; it answers the better term or None.
Scalar rows are pairs (pattern, result) over the variables x and y and hold for every shape.
"""

from __future__ import annotations

from service.ir.coefficient import CONTRACT, scale, split_coefficient
from service.ir.contraction import contract, permute
from service.ir.leaves import fill_value
from service.ir.node import Node
from service.ir.op import lowered, operations
from service.ir.power import raise_to, split_power
from service.ir.total import TOTAL
from service.ops.determinants import COFACTORS, INV, LOGDET, logdet
from service.ops.norms import NORM, euclidean
from service.ops.reductions import LOGSUMEXP, SOFTMAX, reduce
from service.rewrite.pattern import matches
from service.rewrite.product_rows import PRODUCT_ROWS
from service.rewrite.row import Row, X, Y, by_op, row, scalar


def _log_sum_exp(node: Node) -> Node | None:
    """The sum must run over a single exponential, each of its axes once."""
    (child,) = node.inputs
    if child.op is not CONTRACT or len(child.inputs) != 1 or child.inputs[0].op is not operations()["exp"]:
        return None
    (labels,), rank = child.attributes.operands, len(child.shape)
    if (
        len(set(labels)) != len(labels)
        or len(labels) == rank
        or not set(range(rank)) <= set(labels)
        or child.attributes.coefficient != 1
    ):
        return None
    order = [labels.index(label) for label in sorted(labels)]
    return reduce(LOGSUMEXP, permute(child.inputs[0].inputs[0], order), len(labels) - rank)


def _log_softmax(node: Node) -> Node | None:
    (child,) = node.inputs
    if child.op is not SOFTMAX:
        return None
    (x,), count = child.inputs, dict(child.attributes)["count"]
    kept = range(len(x.shape) - count)
    return x - contract([(reduce(LOGSUMEXP, x, count), kept)], range(len(x.shape)), dict(enumerate(x.shape)))


def _log_det(node: Node) -> Node | None:
    (child,) = node.inputs
    return logdet(child.inputs[0]) if child.op is COFACTORS and not child.shape[2:] and _order(child) == 0 else None


def _order(node: Node) -> int:
    return int(dict(node.attributes)["order"])


def _inverse_of_inverse(node: Node) -> Node | None:
    (child,) = node.inputs
    return child.inputs[0] if child.op is INV else None


def _log_det_of_inverse(node: Node) -> Node | None:
    (child,) = node.inputs
    return -logdet(child.inputs[0]) if child.op is INV else None


def _det_of_inverse(node: Node) -> Node | None:
    (child,) = node.inputs
    if child.op is not INV or _order(node) != 0:
        return None
    return raise_to(lowered("det", child.inputs[0]), -1)


def _scaled_norm(node: Node) -> Node | None:
    (child,) = node.inputs
    coefficient, core = split_coefficient(child)
    count = dict(node.attributes)["count"]
    return None if coefficient == 1 else scale(euclidean(core, count), abs(coefficient))


def _log_power(node: Node) -> Node | None:
    """For odd and fractional powers, which have the domain of the logarithm; an even one has more."""
    base, exponent = split_power(node.inputs[0])
    return None if exponent == 1 or exponent % 2 == 0 else lowered("log", base) * exponent


_ONE_AND_EXP = 1 + lowered("exp", X)


def _logistic(node: Node) -> Node | None:
    """And any other negative power."""
    base, exponent = split_power(node)
    found = matches(_ONE_AND_EXP, base) if exponent < 0 else None
    return None if found is None else raise_to(lowered("sigmoid", -found[X]), -exponent)


def _where_decided(node: Node) -> Node | None:
    condition, then, otherwise = node.inputs
    value = fill_value(condition)
    return None if value is None else then if value else otherwise


ROWS: tuple[Row, ...] = (
    scalar("log(exp(x)) -> x", lowered("log", lowered("exp", X)), X),
    scalar("log(1 + exp(x)) -> softplus(x)", lowered("log", 1 + lowered("exp", X)), lowered("softplus", X)),
    scalar("log1p(exp(x)) -> softplus(x)", lowered("log1p", lowered("exp", X)), lowered("softplus", X)),
    scalar(
        "log(exp(x) + exp(y)) -> logaddexp(x, y)",
        lowered("log", lowered("exp", X) + lowered("exp", Y)),
        lowered("logaddexp", X, Y),
    ),
    scalar("log(sigmoid(x)) -> -softplus(-x)", lowered("log", lowered("sigmoid", X)), -lowered("softplus", -X)),
    row("1/(1 + exp(x)) -> sigmoid(-x)", "power", _logistic, TOTAL.name),
    scalar("1 - sigmoid(x) -> sigmoid(-x)", 1 - lowered("sigmoid", X), lowered("sigmoid", -X)),
    scalar("sigmoid(x) - 1 -> -sigmoid(-x)", lowered("sigmoid", X) - 1, -lowered("sigmoid", -X)),
    scalar("log1p(-1 + x) -> log(x)", lowered("log1p", X - 1), lowered("log", X)),
    scalar("exp(x) - 1 -> expm1(x)", lowered("exp", X) - 1, lowered("expm1", X)),
    scalar("1 - exp(x) -> -expm1(x)", 1 - lowered("exp", X), -lowered("expm1", X)),
    scalar("log1p(expm1(x)) -> x", lowered("log1p", lowered("expm1", X)), X),
    row("log(sum(exp(x))) -> logsumexp(x)", "log", _log_sum_exp, CONTRACT.name),
    row("log(x**3) -> 3*log(x)", "log", _log_power),
    row("log(softmax(x)) -> x - logsumexp(x)", "log", _log_softmax, SOFTMAX.name),
    row("where(1, x, y) -> x", "where", _where_decided),
    row("log(det(X)) -> logdet(X)", "log", _log_det, COFACTORS.name),
    row("inv(inv(X)) -> X", INV.name, _inverse_of_inverse, INV.name),
    row("logdet(inv(X)) -> -logdet(X)", LOGDET.name, _log_det_of_inverse, INV.name),
    row("det(inv(X)) -> 1/det(X)", COFACTORS.name, _det_of_inverse, INV.name),
    row("norm(2*x) -> 2*norm(x)", NORM.name, _scaled_norm),
    *PRODUCT_ROWS,
)

BY_OP = by_op(ROWS)
FOR_READERS = tuple(row for row in ROWS if not row.for_numbers)
READABLE = by_op(FOR_READERS)
