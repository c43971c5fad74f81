"""Identities for matrices that are symmetric, orthogonal or diagonal: rows as in `service.rewrite.rows`."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from service.ir.coefficient import CONTRACT, parts
from service.ir.contraction import contract, permute
from service.ir.leaves import DELTA, FILL, VARIABLE, constant, delta, facts_of
from service.ir.node import Node
from service.ir.op import operations
from service.ir.power import raise_to, split_power, sum_of_squares
from service.ir.sign import GLANCE
from service.ir.total import TOTAL, terms_of, total
from service.ops.determinants import COFACTORS, INV
from service.ops.norms import NORM
from service.rewrite.row import Row, row

MATRIX = 2
Factor = tuple[Node, tuple[int, ...]]
Labelled = tuple[Node, tuple[Hashable, ...]]


def is_symmetric(node: Node, depth: int = GLANCE) -> bool:
    """Whether a matrix is seen at a glance to be its own transpose."""
    if len(node.shape) != MATRIX or node.shape[0] != node.shape[1]:
        return False
    if node.op is VARIABLE:
        return "symmetric" in facts_of(node)
    if node.op in (DELTA, FILL):
        return True
    if not 0 < depth >= len(node.inputs):
        return False
    if node.op in (CONTRACT, TOTAL):
        turned = (in_order(_transposed(term), depth // 2) for term in terms_of(node))
        return total(turned, node.shape) is node
    alike = node.op.is_elementwise or node.op in (INV, COFACTORS)
    return alike and all(is_symmetric(child, depth - 1) for child in node.inputs)


def _transposed(node: Node) -> Node:
    """A matrix with its axes exchanged within its product, where it is one."""
    coefficient, factors, sizes = parts(node)
    return contract(factors, (1, 0), dict(enumerate(sizes)), coefficient)


def in_order(node: Node, depth: int = GLANCE) -> Node:
    """A product with the labels of each symmetric factor in the order in which the other factors have them."""
    if node.op is not CONTRACT:
        return node
    coefficient, factors, sizes = parts(node)
    turns = [
        len(labels) == MATRIX and labels[0] != labels[1] and is_symmetric(child, depth) for child, labels in factors
    ]
    if not any(turns):
        return node
    ordered = _along(len(node.shape), list(zip(factors, turns, strict=True)))
    return contract(ordered, range(len(node.shape)), dict(enumerate(sizes)), coefficient)


def _along(rank: int, pending: list[tuple[Factor, bool]]) -> list[Factor]:
    """The factors in order along shared labels, from the free ones on; what may turn has its known labels first."""
    place = {label: label for label in range(rank)}

    def key(entry: tuple[Factor, bool]) -> tuple[object, ...]:
        (child, labels), turn = entry
        known = [place.get(label, math.inf) for label in labels]
        return min(known, default=math.inf), turn, child.digest, sorted(known) if turn else known

    result = list[Factor]()
    while pending:
        entry = min(pending, key=key)
        pending.remove(entry)
        (child, labels), turn = entry
        if turn:
            labels = tuple(sorted(labels, key=lambda label: place.get(label, math.inf)))
        for label in labels:
            place.setdefault(label, len(place))
        result.append((child, labels))
    return result


def _turned(node: Node) -> Node | None:
    better = in_order(node)
    return None if better is node else better


def _is_orthogonal(node: Node) -> bool:
    return "orthogonal" in facts_of(node)


def _is_diagonal(node: Node) -> bool:
    base, exponent = split_power(node)
    return exponent > 0 and "diagonal" in facts_of(base)


@dataclass(frozen=True)
class _Strand:
    """A factor opened at one of its labels: the orthogonal matrix that ends there, and the rest of the product."""

    matrix: Node
    axis: int
    outer: Hashable
    rest: list[Labelled]
    coefficient: float


def _strands(child: Node, labels: Sequence[Hashable], shared: Hashable, tag: str) -> list[_Strand]:
    """Every way in which `child` is an orthogonal matrix, with an axis at `shared`, times something without it."""
    coefficient, pieces, _ = parts(child)
    names = dict(enumerate(labels))
    named: list[Labelled] = [
        (piece, tuple(names.get(place, (tag, place)) for place in places)) for piece, places in pieces
    ]
    if sum(places.count(shared) for _, places in named) != 1:
        return []
    found = []
    for number, (piece, places) in enumerate(named):
        if _is_orthogonal(piece) and shared in places:
            axis = places.index(shared)
            rest = named[:number] + named[number + 1 :]
            found.append(_Strand(piece, axis, places[1 - axis], rest, coefficient))
    return found


def _cancel_orthogonal(node: Node) -> Node | None:
    """Two factors that meet at a summed label, or the square of one: an orthogonal matrix goes with its transpose."""
    coefficient, factors, sizes = parts(node)
    for shared in range(len(node.shape), len(sizes)):
        holders = [factor for factor in factors if shared in factor[1]]
        rest: list[Labelled] = [factor for factor in factors if shared not in factor[1]]
        base, exponent = split_power(holders[0][0]) if holders else (node, 1.0)
        if len(holders) == 1 and exponent == MATRIX:
            holders = [(base, holders[0][1])] * 2
        if len(holders) != MATRIX:
            continue
        met = _meeting(holders, shared)
        if met is None:
            continue
        one, other = met
        identity = (delta(sizes[shared]), (one.outer, other.outer))
        known = {label: n for label, n in enumerate(sizes) if label != shared}
        number = coefficient * one.coefficient * other.coefficient
        return contract([*rest, *one.rest, *other.rest, identity], range(len(node.shape)), known, number)
    return None


def _norm_of_turned(node: Node) -> Node | None:
    """An orthogonal matrix keeps lengths: norm(Q @ x) is norm(x)."""
    turned = _cancel_orthogonal(sum_of_squares(node))
    return None if turned is None else raise_to(turned, 0.5)


def _meeting(holders: Sequence[Factor], shared: int) -> tuple[_Strand, _Strand] | None:
    """The same orthogonal matrix in both factors, with the same side at the label."""
    first, second = (
        _strands(child, labels, shared, tag) for (child, labels), tag in zip(holders, ("one", "other"), strict=True)
    )
    for one in first:
        for other in second:
            if one.matrix is other.matrix and (one.axis == other.axis or is_symmetric(one.matrix)):
                return one, other
    return None


def _inverse_of_orthogonal(node: Node) -> Node | None:
    (q,) = node.inputs
    return permute(q, (1, 0)) if _is_orthogonal(q) else None


def _cofactor_of_orthogonal(node: Node) -> Node | None:
    (q,) = node.inputs
    if not _is_orthogonal(q) or dict(node.attributes)["order"] != 1:
        return None
    return _determinant(q) * q


def _determinant(x: Node) -> Node:
    return operations()["det"].lower(x)  # type: ignore[misc]


def _is_unit_determinant(node: Node) -> bool:
    return node.op is COFACTORS and dict(node.attributes)["order"] == 0 and _is_orthogonal(node.inputs[0])


def _size_of_determinant(node: Node) -> Node | None:
    return constant(1.0) if _is_unit_determinant(node.inputs[0]) else None


def _power_of_determinant(node: Node) -> Node | None:
    base, exponent = split_power(node)
    if not _is_unit_determinant(base) or not exponent.is_integer() or base is node:
        return None
    return constant(1.0) if exponent % 2 == 0 else base


def _on_the_diagonal(node: Node) -> Node | None:
    """D_ij = D_ii delta_ij, where another factor or a sum can make something of the delta; and back where none can."""
    coefficient, factors, sizes = parts(node)
    rank, axes = len(node.shape), range(len(node.shape))
    seen = [label for _, labels in factors for label in labels]
    result = list[Factor]()
    for child, labels in factors:
        alone = all(label < rank and seen.count(label) == 1 for label in labels)
        if _is_diagonal(child) and labels[0] != labels[1] and not alone:
            result += [(child, (labels[0], labels[0])), (delta(child.shape[0]), labels)]
        else:
            result.append((child, labels))
    if len(result) > len(factors):
        return contract(result, axes, dict(enumerate(sizes)), coefficient)
    for child, labels in factors:
        pair = next((other for other in factors if other[0].op is DELTA and labels[:1] == other[1][:1]), None)
        if pair and _is_diagonal(child) and labels[0] == labels[1] and seen.count(labels[0]) == 3:  # noqa: PLR2004 - both
            kept = [factor for factor in factors if factor[0] is not child and factor is not pair]
            return contract([*kept, (child, pair[1])], axes, dict(enumerate(sizes)), coefficient)
    return None


def _inverse_of_diagonal(node: Node) -> Node | None:
    (x,) = node.inputs
    if not _is_diagonal(x):
        return None
    entries = raise_to(contract([(x, "ii")], "i"), -1)
    return contract([(entries, "i"), (delta(x.shape[0]), "ij")], "ij")


MATRIX_ROWS: tuple[Row, ...] = (
    row("A.T -> A for symmetric A", CONTRACT.name, _turned),
    row("Q.T @ Q -> eye(n) for orthogonal Q", CONTRACT.name, _cancel_orthogonal),
    row("norm(Q @ x) -> norm(x) for orthogonal Q", NORM.name, _norm_of_turned),
    row("inv(Q) -> Q.T for orthogonal Q", INV.name, _inverse_of_orthogonal),
    row("cofactor(Q) -> det(Q)*Q for orthogonal Q", COFACTORS.name, _cofactor_of_orthogonal),
    row("abs(det(Q)) -> 1 for orthogonal Q", "abs", _size_of_determinant),
    row("det(Q)**2 -> 1 for orthogonal Q", "power", _power_of_determinant),
    row("D -> diag(diag(D)) for diagonal D", CONTRACT.name, _on_the_diagonal),
    row("inv(D) -> diag(1/diag(D)) for diagonal D", INV.name, _inverse_of_diagonal),
)
