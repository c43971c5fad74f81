"""A derivative as a sum of products, opened as far as its zeros can be seen in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from service.ir.coefficient import CONTRACT, is_gathered
from service.ir.leaves import DELTA, SELECTOR, UNIT, fill_value
from service.ir.node import Node
from service.ir.size import Size
from service.ir.total import TOTAL
from service.ir.walk import topological

LIGHT = frozenset((DELTA, UNIT, SELECTOR))
MOST_TERMS = 256  # a longer sum is not opened: what is known of its zeros is then that they are not known
MOST_FACTORS = 64

Factor = tuple[Node, tuple[int, ...]]


@dataclass(frozen=True)
class Term:
    """One product: labels 0 ... r-1 are the axes of the whole, every other label is summed; `sizes` has all of them."""

    coefficient: float
    factors: tuple[Factor, ...]
    sizes: Mapping[int, Size]


def opened_terms(node: Node, rows: int) -> list[Term]:
    """The products whose sum is `node`, whose first `rows` axes are the rows of a matrix and the others its columns.

    A product or sum among the factors is opened where it ties or fixes an axis of its own, and a product also where
    it is all that joins rows to columns; everything else stays one factor.
    """
    tying, rank = _tying(node), len(node.shape)
    pending = [Term(1.0, ((node, tuple(range(rank))),), dict(enumerate(node.shape)))]
    done: list[Term] = []
    while pending:
        term = pending.pop()
        opened = next(_openings(term, rows, rank, tying, MOST_TERMS - len(done) - len(pending)), None)
        if opened is None:
            done.append(term)
        else:
            pending.extend(reversed(opened))
    return done


def _openings(term: Term, rows: int, rank: int, tying: set[Node], room: int) -> Iterator[list[Term]]:
    """What the term becomes with one of its factors opened, for each that can be."""
    for place, (child, labels) in enumerate(term.factors):
        value = fill_value(child)
        if value is not None and is_gathered(term.coefficient, value):
            rest = term.factors[:place] + term.factors[place + 1 :]
            yield [replace(term, coefficient=term.coefficient * value, factors=rest)]
        if child.op not in (CONTRACT, TOTAL):
            continue
        joins = any(label < rows for label in labels) and any(rows <= label < rank for label in labels)
        if child not in tying and not joins:
            continue
        if child.op is TOTAL:
            if len(child.inputs) <= room:
                yield [_exchanged(term, place, ((part, labels),)) for part in child.inputs]
        elif is_gathered(term.coefficient, child.attributes.coefficient):
            inlined = _inlined(term, place)
            if len(inlined.factors) <= MOST_FACTORS:
                yield [inlined]


def _exchanged(term: Term, place: int, new: tuple[Factor, ...]) -> Term:
    return replace(term, factors=term.factors[:place] + new + term.factors[place + 1 :])


def _inlined(term: Term, place: int) -> Term:
    """The term with the contraction at `place` replaced by its factors."""
    child, labels = term.factors[place]
    attributes, fresh = child.attributes, max(term.sizes, default=-1) + 1
    bound = attributes.sizes[len(labels) :]
    names = (*labels, *range(fresh, fresh + len(bound)))
    pieces = tuple(
        (piece, tuple(names[k] for k in places))
        for piece, places in zip(child.inputs, attributes.operands, strict=True)
    )
    sizes = {**term.sizes, **dict(enumerate(bound, fresh))}
    return replace(_exchanged(term, place, pieces), coefficient=term.coefficient * attributes.coefficient, sizes=sizes)


def _tying(root: Node) -> set[Node]:
    """The products and sums below `root` in which a constant tensor ties or fixes an axis of their own."""
    found: set[Node] = set()
    for node in topological([root]):
        if node.op not in (TOTAL, CONTRACT):
            continue
        inherits = any(child in found for child in node.inputs)
        if inherits or (
            _ties(node) if node.op is CONTRACT else not LIGHT.isdisjoint(child.op for child in node.inputs)
        ):
            found.add(node)
    return found


def _ties(node: Node) -> bool:
    rank, operands = len(node.shape), node.attributes.operands
    rows = [labels[0] for child, labels in zip(node.inputs, operands, strict=True) if child.op is SELECTOR]
    return (
        any(child.op is DELTA for child in node.inputs)
        or any(child.op is UNIT and labels[0] < rank for child, labels in zip(node.inputs, operands, strict=True))
        or any(row < rank for row in rows)
        or len(set(rows)) < len(rows)
    )
