"""Identities for terms that are seen to be positive, or not negative: rows as in `service.rewrite.rows`."""

from __future__ import annotations

from collections.abc import Callable

from service.ir.coefficient import CONTRACT, parts, split_coefficient
from service.ir.contraction import contract
from service.ir.leaves import constant, fill_value
from service.ir.node import Node
from service.ir.op import lowered, operations
from service.ir.power import raise_to, split_power
from service.ir.sign import is_nonnegative, is_positive
from service.ir.total import TOTAL, terms_of, total
from service.rewrite.row import Condition, Row, Try, X, row, scalar

MOST_TERMS = 16  # of a sum whose logarithms are looked through

Factor = tuple[Node, tuple[int, ...]]
Product = tuple[float, list[Factor]]


def _entrywise_product(node: Node) -> Product | None:
    """Coefficient and factors of a product that sums over no label; any other term is its own only factor."""
    coefficient, factors, sizes = parts(node)
    return (coefficient, factors) if len(sizes) == len(node.shape) else None


def _spread(node: Node, factors: list[Factor], coefficient: float = 1.0) -> Node:
    """A product of factors whose labels are axes of `node`, at its shape."""
    return contract(factors, range(len(node.shape)), dict(enumerate(node.shape)), coefficient)


def _outside(holds: Condition, function: Callable[[Node, Node], Node], outer: Callable[[Node, Node], Node]) -> Try:
    """f(x*y) -> g(x)*f(y) for the factors x of which `holds`; both functions are given the node, then the factor."""

    def apply(node: Node) -> Node | None:
        product = _entrywise_product(node.inputs[0])
        if product is None or node.inputs[0].op is not CONTRACT:
            return None
        coefficient, factors = product
        taken = [factor for factor in factors if holds(factor[0])]
        if not taken:
            return None
        rest = _spread(node, [factor for factor in factors if factor not in taken], coefficient)
        outside = [(outer(node, factor), labels) for factor, labels in taken]
        return _spread(node, [*outside, (function(node, rest), tuple(range(len(node.shape))))])

    return apply


def _sign_of_product(node: Node) -> Node | None:
    return _outside(is_positive, lambda _, rest: lowered("sign", rest), lambda _, x: constant(1.0, x.shape))(node)


def _abs_of_product(node: Node) -> Node | None:
    return _outside(is_nonnegative, lambda _, rest: lowered("abs", rest), lambda _, x: x)(node)


def _root_of_product(node: Node) -> Node | None:
    """Only of a factor that is itself a power: (x**2*y)**0.5 is x*y**0.5, but (x*y)**0.5 is as good as it gets."""
    exponent = fill_value(node.inputs[1])
    if exponent is None or exponent.is_integer():
        return None

    def is_power(factor: Node) -> bool:
        base, power = split_power(factor)
        return power != 1 and is_nonnegative(base)

    return _outside(is_power, lambda _, rest: raise_to(rest, exponent), lambda _, x: raise_to(x, exponent))(node)


def _difference(node: Node) -> tuple[Node, Node] | None:
    """Of two arguments, one a number: the first less the second, and the other way round."""
    one, other = node.inputs
    if fill_value(one) is None and fill_value(other) is None:
        return None
    return one - other, other - one


def _comparison(
    positive: float | None, nonnegative: float | None, negative: float | None, at_most: float | None
) -> Try:
    """What a comparison is where x - y > 0, x - y >= 0, x - y < 0, x - y <= 0."""

    def apply(node: Node) -> Node | None:
        found = _difference(node)
        if found is None:
            return None
        above, below = found
        known = (
            (positive, is_positive(above)),
            (nonnegative, is_nonnegative(above)),
            (negative, is_positive(below)),
            (at_most, is_nonnegative(below)),
        )
        value = next((value for value, holds in known if holds and value is not None), None)
        return None if value is None else constant(value, node.shape)

    return apply


def _extreme(*, larger: bool) -> Try:
    def apply(node: Node) -> Node | None:
        found = _difference(node)
        if found is None:
            return None
        first_is_larger, second_is_larger = map(is_nonnegative, found)
        if not first_is_larger and not second_is_larger:
            return None
        return node.inputs[0 if first_is_larger is larger else 1]

    return apply


def _exp_of_logs(node: Node) -> Node | None:
    """Terms that are a logarithm times something become powers in front."""
    child = node.inputs[0]
    powers, rest = list[Node](), list[Node]()
    for term in terms_of(child):
        power = _power_of(term)
        if power is None:
            rest.append(term)
        else:
            powers.append(power)
    if not powers:
        return None
    axes = tuple(range(len(node.shape)))
    remaining = [lowered("exp", total(rest, node.shape))] if rest else []
    return _spread(node, [(factor, axes) for factor in [*powers, *remaining]])


def _power_of(term: Node) -> Node | None:
    """The power x**y whose logarithm is `y*log(x)`, for x >= 0."""
    product = _entrywise_product(term)
    if product is None:
        return None
    coefficient, factors = product
    logs = [factor for factor in factors if factor[0].op is operations()["log"] and is_nonnegative(factor[0].inputs[0])]
    if len(logs) != 1:
        return None
    exponent = _spread(term, [factor for factor in factors if factor is not logs[0]], coefficient)
    (base,), labels = logs[0][0].inputs, logs[0][1]
    number = fill_value(exponent)
    if number is not None:
        return _spread(term, [(raise_to(base, number), labels)])
    return lowered("power", _spread(term, [(base, labels)]), exponent)


def _log_of_power(node: Node) -> Node | None:
    base, exponent = node.inputs[0], 1.0
    if base.op is not operations()["power"]:
        return None
    base, exponent = split_power(base)
    if base is not node.inputs[0]:
        return lowered("log", base) * exponent if is_nonnegative(base) else None
    base, power = base.inputs
    return power * lowered("log", base) if is_positive(base) else None


def _logs_apart(node: Node) -> Node | None:
    """Logarithms of products are split where the parts cancel or merge with other terms."""
    if len(node.inputs) > MOST_TERMS:
        return None
    opened = [part for term in node.inputs for part in _parts_of_log(term)]
    better = total(opened, node.shape)
    return better if len(opened) > len(node.inputs) and len(terms_of(better)) < len(node.inputs) else None


def _parts_of_log(term: Node) -> list[Node]:
    """A number times the logarithm of a product, as a sum."""
    coefficient, core = split_coefficient(term)
    product = _entrywise_product(core.inputs[0]) if core.op is operations()["log"] else None
    if product is None or core.inputs[0].op is not CONTRACT:
        return [term]
    front, factors = product
    apart = [factor for factor in factors if is_positive(factor[0])]
    rest = [factor for factor in factors if factor not in apart]
    logs = list[Node]()
    for factor, labels in apart:
        base, exponent = split_power(factor)
        logs.append(_spread(core, [(lowered("log", base), labels)], coefficient * exponent))
    if rest or front != 1:
        logs.append(lowered("log", _spread(core, rest, front)) * coefficient)
    return logs


def _quotient(node: Node) -> Node | None:
    """A divisor that is a product is opened where one of its factors, being positive, cancels."""
    coefficient, factors, sizes = parts(node)
    bases = {(split_power(child)[0], labels) for child, labels in factors}
    for number, (child, labels) in enumerate(factors):
        base, exponent = split_power(child)
        product = _entrywise_product(base)
        if product is None or product[0] != 1 or base.op is not CONTRACT or not exponent.is_integer():
            continue
        opened = [(piece, tuple(labels[place] for place in places)) for piece, places in product[1]]
        if any((split_power(piece)[0], places) in bases and is_positive(piece) for piece, places in opened):
            powers = [(raise_to(piece, exponent), places) for piece, places in opened]
            rest = factors[:number] + factors[number + 1 :]
            return contract([*rest, *powers], range(len(node.shape)), dict(enumerate(sizes)), coefficient)
    return None


POSITIVE_ROWS: tuple[Row, ...] = (
    scalar("abs(x) -> x for x >= 0", lowered("abs", X), X, is_nonnegative),
    row("abs(x*y) -> x*abs(y) for x >= 0", "abs", _abs_of_product),
    scalar("sign(x) -> 1 for x > 0", lowered("sign", X), constant(1.0), is_positive),
    row("sign(x*y) -> sign(y) for x > 0", "sign", _sign_of_product),
    scalar("relu(x) -> x for x >= 0", lowered("relu", X), X, is_nonnegative),
    row("maximum(x, c) -> x for x >= c", "maximum", _extreme(larger=True)),
    row("minimum(x, c) -> c for x >= c", "minimum", _extreme(larger=False)),
    row("x > c -> 1 for x > c", "greater", _comparison(1.0, None, 0.0, 0.0)),
    row("x >= c -> 1 for x >= c", "greater_equal", _comparison(1.0, 1.0, 0.0, None)),
    row("x < c -> 0 for x >= c", "less", _comparison(0.0, 0.0, 1.0, None)),
    row("x <= c -> 0 for x > c", "less_equal", _comparison(0.0, None, 1.0, 1.0)),
    row("x == c -> 0 for x > c", "equal", _comparison(0.0, None, 0.0, None)),
    row("x != c -> 1 for x > c", "not_equal", _comparison(1.0, None, 1.0, None)),
    row("(x**a*y)**b -> x**(a*b)*y**b for x >= 0", "power", _root_of_product),
    row("x/(x*y) -> 1/y for x > 0", CONTRACT.name, _quotient),
    row("log(x**y) -> y*log(x) for x > 0", "log", _log_of_power),
    row("log(x*y) - log(x) -> log(y) for x > 0", TOTAL.name, _logs_apart),
    row("exp(y*log(x)) -> x**y for x >= 0", "exp", _exp_of_logs),
)
