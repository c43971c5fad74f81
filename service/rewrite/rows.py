"""The identities, one row each. A row never changes a value at a point where the function is defined.

A row is tried on nodes of one operation, given with inputs already rewritten; it answers the better term or None.
Scalar rows are pairs (pattern, result) over the variables x and y and hold for every shape.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from service.ir.coefficient import CONTRACT, parts, scale, split_coefficient
from service.ir.contraction import contract, permute
from service.ir.leaves import delta, fill_value, variable
from service.ir.node import Node
from service.ir.op import Op, lowered, operations
from service.ir.power import raise_to, split_power
from service.ir.total import TOTAL, terms_of, total
from service.ops.determinants import COFACTORS, INV, LOGDET, inverse, logdet
from service.ops.norms import NORM, euclidean
from service.ops.reductions import LOGSUMEXP, SOFTMAX, reduce
from service.ops.symmetric import EIGENVALUES, PROJECTIONS
from service.rewrite.pattern import matches, substituted

MOST_TERMS = 4  # a longer sum is not tried for one that comes to a constant
Try = Callable[[Node], Node | None]


@dataclass(frozen=True)
class Row:
    """One identity: its name in the language, the operation it starts from, and the function that applies it.

    One `for_numbers` is no shorter for a reader, but has a value where its left side has none.
    """

    identity: str
    op: Op
    apply: Try
    for_numbers: bool = False


_x, _y = variable("x", ()), variable("y", ())


def _scalar(identity: str, pattern: Node, result: Node) -> Row:
    def apply(node: Node) -> Node | None:
        bindings = matches(pattern, node)
        return None if bindings is None else substituted(result, bindings, node.shape)

    return Row(identity, pattern.op, apply)


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


def _cancel_inverse(node: Node) -> Node | None:
    """An inverse beside its matrix is an identity."""
    coefficient, factors, sizes = parts(node)
    for one in factors:
        if one[0].op is not INV:
            continue
        for other in factors:
            if other[0] is not one[0].inputs[0] or other[1][:-2] != one[1][:-2]:
                continue
            for end, start in ((-1, -2), (-2, -1)):
                shared, outer = one[1][end], (one[1][start], other[1][end])
                count = sum(labels.count(shared) for _, labels in factors)
                if shared == other[1][start] and shared >= len(node.shape) and count == 2:  # noqa: PLR2004 - both ends
                    kept = [factor for factor in factors if factor is not one and factor is not other]
                    identity = (delta(sizes[shared]), outer)
                    known = {label: n for label, n in enumerate(sizes) if label != shared}
                    return contract([*kept, identity], range(len(node.shape)), known, coefficient)
    return None


def _cofactor_over_det(node: Node) -> Node | None:
    """The matrix is invertible where its determinant divides, so the cofactors are det(X) * inv(X).T there."""
    coefficient, factors, sizes = parts(node)
    for cofactor in factors:
        if cofactor[0].op is not COFACTORS or _order(cofactor[0]) != 1:
            continue
        (x,), labels = cofactor[0].inputs, cofactor[1]
        for divisor in factors:
            base, exponent = split_power(divisor[0])
            if (
                base.op is COFACTORS
                and _order(base) == 0
                and base.inputs[0] is x
                and exponent <= -1
                and divisor[1] == labels[:-2]
            ):
                kept = [factor for factor in factors if factor is not cofactor and factor is not divisor]
                kept.append((inverse(x), (*labels[:-2], labels[-1], labels[-2])))
                kept.append((raise_to(base, exponent + 1), divisor[1]))
                return contract(kept, range(len(node.shape)), dict(enumerate(sizes)), coefficient)
    return None


def _sum_of_deviations(node: Node) -> Node | None:
    """A sum over an axis that comes to a constant, such as that of x - mean(x), which rounding would not make 0."""
    coefficient, factors, sizes = parts(node)
    for place, (factor, labels) in enumerate(factors):
        number, child = split_coefficient(factor)
        others = {label for k, (_, known) in enumerate(factors) if k != place for label in known}
        alone = {label for label in labels if label >= len(node.shape) and label not in others}
        if child.op is not TOTAL or len(child.inputs) > MOST_TERMS or not alone or len(set(labels)) != len(labels):
            continue
        kept = [label for label in labels if label not in alone]
        shape = tuple(sizes[label] for label in kept)
        summed = total((_opened(term, labels, kept, number) for term in child.inputs), shape)
        if fill_value(summed) is not None:
            rest = factors[:place] + factors[place + 1 :]
            known = {label: n for label, n in enumerate(sizes) if label not in alone}
            return contract([*rest, (summed, kept)], range(len(node.shape)), known, coefficient)
    return None


def _opened(term: Node, labels: Sequence[int], kept: Sequence[int], number: float) -> Node:
    """The sum of a term with axes `labels` over those that are not kept, its own product opened."""
    coefficient, factors, sizes = parts(term)
    names = {place: labels[place] if place < len(labels) else ("inner", place) for place in range(len(sizes))}
    known = {names[place]: n for place, n in enumerate(sizes)}
    opened = [(node, [names[place] for place in places]) for node, places in factors]
    return contract(opened, kept, known, coefficient * number)


def _sum_of_eigen(node: Node) -> Node | None:
    """The eigenvalues of a matrix add up to its trace, the projections on its eigenvectors to the identity."""
    coefficient, factors, sizes = parts(node)
    for place, (child, labels) in enumerate(factors):
        if child.op not in (EIGENVALUES, PROJECTIONS):
            continue
        (x,), batch = child.inputs, len(child.shape) - (1 if child.op is EIGENVALUES else 3)
        each = labels[batch]
        if each < len(node.shape) or sum(known.count(each) for _, known in factors) > 1:
            continue
        rest = factors[:place] + factors[place + 1 :]
        known = {label: n for label, n in enumerate(sizes) if label != each}
        if child.op is EIGENVALUES:
            diagonal = contract([(x, [*range(batch), "i", "i"])], range(batch))
            return contract([*rest, (diagonal, labels[:batch])], range(len(node.shape)), known, coefficient)
        return contract([*rest, (delta(x.shape[-1]), labels[batch + 1 :])], range(len(node.shape)), known, coefficient)
    return None


def _merge_exponentials(node: Node) -> Node | None:
    """Only where the exponents' sum is simpler than the exponents: exp(x)*exp(-x) overflows, exp(0) does not."""
    coefficient, factors, sizes = parts(node)
    exponentials = [factor for factor in factors if factor[0].op is operations()["exp"]]
    for place, (one, labels) in enumerate(exponentials):
        for other, again in exponentials[place + 1 :]:
            if labels != again:
                continue
            (a,), (b,) = one.inputs, other.inputs
            merged = a + b
            if len(terms_of(merged)) < len(terms_of(a)) + len(terms_of(b)):
                kept = [factor for factor in factors if factor not in ((one, labels), (other, again))]
                kept.append((lowered("exp", merged), labels))
                return contract(kept, range(len(node.shape)), dict(enumerate(sizes)), coefficient)
    return None


def _over_argument(function: str, quotient: str) -> Try:
    """The quotient of a function by its argument, which has a value at 0, for as many powers as there are of both."""

    def apply(node: Node) -> Node | None:
        coefficient, factors, sizes = parts(node)
        for above in factors:
            inner, power = split_power(above[0])
            if inner.op is not operations()[function] or not power.is_integer() or power < 1:
                continue
            number, argument = split_coefficient(inner.inputs[0])
            for below in factors:
                base, exponent = split_power(below[0])
                if base is argument and exponent.is_integer() and exponent < 0 and below[1] == above[1]:
                    most = min(power, -exponent)
                    kept = [factor for factor in factors if factor is not above and factor is not below]
                    kept += [
                        (raise_to(term, left), above[1])
                        for term, left in ((inner, power - most), (base, exponent + most))
                        if left
                    ]
                    kept.append((raise_to(lowered(quotient, inner.inputs[0], **_FIRST[quotient]), most), above[1]))
                    return contract(kept, range(len(node.shape)), dict(enumerate(sizes)), coefficient * number**most)
        return None

    return apply


_FIRST: dict[str, dict[str, int]] = {"spherical_jn": {"n": 0}, "exprel": {"order": 0}}


def _power_times_log(node: Node) -> Node | None:
    """The product with a positive power of its argument takes the logarithm's pole away."""
    coefficient, factors, sizes = parts(node)
    for log in factors:
        if log[0].op is not operations()["log"]:
            continue
        for power in factors:
            base, exponent = split_power(power[0])
            if base is log[0].inputs[0] and exponent > 0 and power[1] == log[1]:
                kept = [factor for factor in factors if factor is not log and factor is not power]
                kept.append((lowered("xlogy", power[0], base), log[1]))
                return contract(kept, range(len(node.shape)), dict(enumerate(sizes)), coefficient)
    return None


def _scaled_norm(node: Node) -> Node | None:
    (child,) = node.inputs
    coefficient, core = split_coefficient(child)
    count = dict(node.attributes)["count"]
    return None if coefficient == 1 else scale(euclidean(core, count), abs(coefficient))


def _log_power(node: Node) -> Node | None:
    """For odd and fractional powers, which have the domain of the logarithm; an even one has more."""
    base, exponent = split_power(node.inputs[0])
    return None if exponent == 1 or exponent % 2 == 0 else lowered("log", base) * exponent


def _row(identity: str, op: str, apply: Try, *, for_numbers: bool = False) -> Row:
    return Row(identity, operations()[op], apply, for_numbers)


ROWS: tuple[Row, ...] = (
    _scalar("log(exp(x)) -> x", lowered("log", lowered("exp", _x)), _x),
    _scalar("log(1 + exp(x)) -> softplus(x)", lowered("log", 1 + lowered("exp", _x)), lowered("softplus", _x)),
    _scalar("log1p(exp(x)) -> softplus(x)", lowered("log1p", lowered("exp", _x)), lowered("softplus", _x)),
    _scalar(
        "log(exp(x) + exp(y)) -> logaddexp(x, y)",
        lowered("log", lowered("exp", _x) + lowered("exp", _y)),
        lowered("logaddexp", _x, _y),
    ),
    _scalar("log(sigmoid(x)) -> -softplus(-x)", lowered("log", lowered("sigmoid", _x)), -lowered("softplus", -_x)),
    _scalar("1/(1 + exp(x)) -> sigmoid(-x)", 1 / (1 + lowered("exp", _x)), lowered("sigmoid", -_x)),
    _scalar("log1p(-1 + x) -> log(x)", lowered("log1p", _x - 1), lowered("log", _x)),
    _scalar("exp(x) - 1 -> expm1(x)", lowered("exp", _x) - 1, lowered("expm1", _x)),
    _scalar("1 - exp(x) -> -expm1(x)", 1 - lowered("exp", _x), -lowered("expm1", _x)),
    _scalar("log1p(expm1(x)) -> x", lowered("log1p", lowered("expm1", _x)), _x),
    _row("log(sum(exp(x))) -> logsumexp(x)", "log", _log_sum_exp),
    _row("log(x**3) -> 3*log(x)", "log", _log_power),
    _row("log(softmax(x)) -> x - logsumexp(x)", "log", _log_softmax),
    _row("log(det(X)) -> logdet(X)", "log", _log_det),
    _row("inv(inv(X)) -> X", INV.name, _inverse_of_inverse),
    _row("logdet(inv(X)) -> -logdet(X)", LOGDET.name, _log_det_of_inverse),
    _row("det(inv(X)) -> 1/det(X)", COFACTORS.name, _det_of_inverse),
    _row("inv(X) @ X -> eye(n)", CONTRACT.name, _cancel_inverse),
    _row("cofactor(X)/det(X) -> inv(X).T", CONTRACT.name, _cofactor_over_det),
    _row("sum(x - mean(x)) -> 0", CONTRACT.name, _sum_of_deviations),
    _row("sum(eigvalsh(X)) -> trace(X)", CONTRACT.name, _sum_of_eigen),
    _row("exp(x)*exp(y) -> exp(x + y)", CONTRACT.name, _merge_exponentials),
    _row("sin(x)/x -> spherical_jn(0, x)", CONTRACT.name, _over_argument("sin", "spherical_jn"), for_numbers=True),
    _row("expm1(x)/x -> exprel(x)", CONTRACT.name, _over_argument("expm1", "exprel"), for_numbers=True),
    _row("x**a*log(x) -> xlogy(x**a, x)", CONTRACT.name, _power_times_log, for_numbers=True),
    _row("norm(2*x) -> 2*norm(x)", NORM.name, _scaled_norm),
)

BY_OP: dict[Op, list[Row]] = {row.op: [other for other in ROWS if other.op is row.op] for row in ROWS}
READABLE: dict[Op, list[Row]] = {op: [row for row in rows if not row.for_numbers] for op, rows in BY_OP.items()}
