"""The identities of products: rows that are tried on contractions."""

from __future__ import annotations

from collections.abc import Sequence

from service.ir.coefficient import CONTRACT, parts, split_coefficient
from service.ir.contraction import contract
from service.ir.leaves import delta, fill_value
from service.ir.node import Node
from service.ir.op import lowered, operations
from service.ir.power import raise_to, split_power
from service.ir.total import TOTAL, terms_of, total
from service.ops.determinants import COFACTORS, INV, inverse
from service.ops.reductions import softmax
from service.ops.symmetric import EIGENVALUES, PROJECTIONS
from service.rewrite.row import Row, Try, row

_FIRST: dict[str, dict[str, int]] = {"spherical_jn": {"n": 0}, "exprel": {"order": 0}}
MOST_TERMS = 4  # a longer sum is not tried for one that comes to a constant


def _order(node: Node) -> int:
    return int(dict(node.attributes)["order"])


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


def _is_summed(node: Node) -> bool:
    return len(node.attributes.sizes) > len(node.shape)


def _sum_of_deviations(node: Node) -> Node | None:
    """A sum over an axis that comes to a constant, such as that of x - mean(x), which rounding would not make 0."""
    if not _is_summed(node):
        return None
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
    if not _is_summed(node):
        return None
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


def _exp_times_sigmoid(node: Node) -> Node | None:
    """exp(x)/(1 + exp(x)), the quotient being sigmoid(-x) already: neither overflows nor cancels in derivatives."""
    coefficient, factors, sizes = parts(node)
    for one, labels in factors:
        if one.op is not operations()["exp"]:
            continue
        for other, again in factors:
            base, power = split_power(other)
            if base.op is operations()["sigmoid"] and power >= 1 and labels == again:
                (x,), (y,) = one.inputs, base.inputs
                if fill_value(x + y) == 0:
                    kept = [factor for factor in factors if factor not in ((one, labels), (other, again))]
                    kept += [(lowered("sigmoid", x), labels), (raise_to(base, power - 1), labels)]
                    return contract(kept, range(len(node.shape)), dict(enumerate(sizes)), coefficient)
    return None


def _exp_over_sum(node: Node) -> Node | None:
    """An exponential over the sum of it along some axes, which may be kept with size 1."""
    coefficient, factors, sizes = parts(node)
    for one, labels in factors:
        if one.op is not operations()["exp"] or len(set(labels)) != len(labels):
            continue
        for other, again in factors:
            base, power = split_power(other)
            summed = _summed_axes(base, again, one, labels) if power <= -1 and power.is_integer() else None
            if summed:
                order = [k for k in range(len(labels)) if k not in summed] + summed
                x = contract([(one.inputs[0], range(len(labels)))], order)
                kept = [factor for factor in factors if factor not in ((one, labels), (other, again))]
                kept += [(softmax(x, len(summed)), tuple(labels[k] for k in order))]
                kept += [(raise_to(base, power + 1), again)] if power != -1 else []
                return contract(kept, range(len(node.shape)), dict(enumerate(sizes)), coefficient)
    return None


def _summed_axes(total_of: Node, outer: Sequence[int], one: Node, labels: Sequence[int]) -> list[int] | None:
    """The axes of a factor with `labels` over which another with labels `outer` is its sum; None if it is not."""
    coefficient, factors, _ = parts(total_of)
    if total_of.op is not CONTRACT or coefficient != 1 or len(factors) != 1 or factors[0][0] is not one:
        return None
    rank, places = len(total_of.shape), factors[0][1]
    if len(set(places)) != len(places):
        return None
    repeated = [k for k in range(rank) if k not in places]
    agrees = all(outer[place] == label for place, label in zip(places, labels, strict=True) if place < rank)
    if not agrees or any(total_of.shape[k] != 1 for k in repeated):
        return None
    return [axis for axis, place in enumerate(places) if place >= rank]


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


PRODUCT_ROWS: tuple[Row, ...] = (
    row("inv(X) @ X -> eye(n)", CONTRACT.name, _cancel_inverse, INV.name),
    row("cofactor(X)/det(X) -> inv(X).T", CONTRACT.name, _cofactor_over_det, COFACTORS.name),
    row("sum(x - mean(x)) -> 0", CONTRACT.name, _sum_of_deviations),
    row("sum(eigvalsh(X)) -> trace(X)", CONTRACT.name, _sum_of_eigen),
    row("exp(x)*exp(y) -> exp(x + y)", CONTRACT.name, _merge_exponentials, "exp"),
    row("exp(x)*sigmoid(-x) -> sigmoid(x)", CONTRACT.name, _exp_times_sigmoid, "exp", "sigmoid"),
    row("exp(x)/sum(exp(x)) -> softmax(x)", CONTRACT.name, _exp_over_sum, "exp", CONTRACT.name),
    row(
        "sin(x)/x -> spherical_jn(0, x)", CONTRACT.name, _over_argument("sin", "spherical_jn"), "sin", for_numbers=True
    ),
    row("expm1(x)/x -> exprel(x)", CONTRACT.name, _over_argument("expm1", "exprel"), "expm1", for_numbers=True),
    row("x**a*log(x) -> xlogy(x**a, x)", CONTRACT.name, _power_times_log, "log", for_numbers=True),
)
