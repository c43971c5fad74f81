"""Products that differ in one sum, where what these sums have in common cancels.

The second derivative of the arc sine is (1 + x) p - (1 - x) p with some p: evaluated as it stands, it loses every digit
near 0, where it is 2 x p.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import NamedTuple

from service.ir.coefficient import CONTRACT, scale
from service.ir.contraction import contract
from service.ir.node import Node
from service.ir.total import TOTAL, total

MOST_FACTORS = 8
MOST_SUMMANDS = 4


class _Split(NamedTuple):
    """A product as a sum times other factors, taken entry by entry; `place` is the term's among the terms."""

    place: int
    number: float
    summands: tuple[Node, ...]
    others: tuple[Node, ...]


def cancelled(terms: Sequence[Node]) -> list[Node]:
    """The terms of a sum, where products that share all factors but a sum are one if fewer summands are left."""
    alike: dict[Hashable, list[_Split]] = {}
    for place, term in enumerate(terms):
        for split in _splits(place, term):
            group = alike.setdefault(frozenset(split.others), [])
            if not group or (group[-1].place != place and sorted(map(id, group[0].others)) == _ids(split)):
                group.append(split)
    gone, made = set[int](), list[Node]()
    for group in alike.values():
        places = {split.place for split in group}
        merged = _merged(group) if len(group) > 1 and gone.isdisjoint(places) else None
        if merged is not None:
            gone |= places
            made.append(merged)
    return [term for place, term in enumerate(terms) if place not in gone] + made if gone else list(terms)


def _ids(split: _Split) -> list[int]:
    return sorted(map(id, split.others))


def _splits(place: int, term: Node) -> Iterator[_Split]:
    if term.op is not CONTRACT or not 1 < len(term.inputs) <= MOST_FACTORS:
        return
    number, operands, sizes = term.attributes
    axes = tuple(range(len(term.shape)))
    if len(sizes) > len(axes) or any(labels != axes for labels in operands):
        return
    for position, factor in enumerate(term.inputs):
        if factor.op is TOTAL and len(factor.inputs) <= MOST_SUMMANDS:
            yield _Split(place, number, factor.inputs, term.inputs[:position] + term.inputs[position + 1 :])


def _merged(group: Sequence[_Split]) -> Node | None:
    """The products as one, or None where nothing cancels."""
    shape = group[0].summands[0].shape
    inner = total([scale(part, split.number) for split in group for part in split.summands], shape)
    left = len(inner.inputs) if inner.op is TOTAL else 1
    if left >= max(len(split.summands) for split in group):
        return None
    axes = tuple(range(len(shape)))
    return contract([(factor, axes) for factor in (inner, *group[0].others)], axes, dict(enumerate(shape)), 1.0)
