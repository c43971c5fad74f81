"""What a product costs: its pairwise products in a greedy order, and the entries that they read and write.

The unit is one entry read or written; a multiplication inside of a matrix product takes a fraction of that. Labels are
bits, so that a pair is looked at in a few operations on integers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from service.ir.coefficient import parts
from service.ir.leaves import DELTA, SELECTOR, UNIT, VARIABLE
from service.ir.node import Node
from service.ir.size import numbers

MOST_ORDERED = 12  # factors whose best pair is searched; the rest of a longer product is multiplied as it stands
PER_ENTRY = 8  # multiplications of a matrix product in the time of an entry

Factor = tuple[Node, Sequence[int]]
Operand = tuple[int, bool]  # the labels as bits, and whether there is one for every point


class Costs:
    """Costs of products for inputs of which `batched` have an array for each of `count` points."""

    def __init__(self, batched: frozenset[str] = frozenset(), count: int = 1) -> None:
        """Nothing is known yet; every form of a product is worked out once."""
        self._batched, self._count = batched, count
        self._varies: dict[Node, bool] = {}
        self._known: dict[tuple[object, ...], float] = {}

    def varies(self, node: Node) -> bool:
        """Whether a node has an array for every point."""
        pending = [node]
        while pending:
            top = pending[-1]
            waiting = [child for child in top.inputs if child not in self._varies]
            if waiting and top not in self._varies:
                pending += waiting
                continue
            pending.pop()
            is_batched = top.op is VARIABLE and top.attributes in self._batched
            self._varies[top] = is_batched or any(self._varies[child] for child in top.inputs)
        return self._varies[node]

    def of_sum(self, terms: int, shape: Sequence[int], *, varies: bool) -> int:
        """The cost of adding so many arrays: two are read and one written each time."""
        return 3 * (terms - 1) * self.entries(shape, varies=varies)

    def entries(self, shape: Sequence[int], *, varies: bool) -> int:
        """The entries of an array of this shape, over all points."""
        return math.prod(max(size, 1) for size in shape) * (self._count if varies else 1)

    def of_node(self, node: Node) -> float:
        """The cost of a contraction from its factors; any other node is taken as given."""
        _, factors, sizes = parts(node)
        return self.of(factors, range(len(node.shape)), numbers(sizes))

    def of(
        self, factors: Sequence[Factor], out: Sequence[int], sizes: Sequence[int], further: Sequence[Operand] = ()
    ) -> float:
        """The cost of a product summed over the labels that are not in `out`; `further` are factors without a node."""
        kept, places, operands = sum(1 << label for label in out), 0, [*further]
        gone, renamed = 0, dict[int, int]()
        for node, labels in factors:
            if node.op is DELTA:
                gone |= 1 << labels[1]
            elif node.op is UNIT:
                gone |= 1 << labels[0]
            elif node.op is SELECTOR:
                renamed[labels[0]] = labels[1]
            else:
                operands.append((_bits(labels), self.varies(node)))
                continue
            places = 1
        point = 1 << len(sizes)
        masks = [_without(mask, gone, renamed) | (point if varies else 0) for mask, varies in operands]
        lead = point if any(mask & point for mask in masks) else 0
        written = places * self.entries([sizes[label] for label in out], varies=bool(lead))
        return written + self._planned(
            tuple(sorted(masks)), _without(kept, gone, renamed) | lead, (*sizes, self._count)
        )

    def _planned(self, masks: tuple[int, ...], out: int, sizes: tuple[int, ...]) -> float:
        key = (masks, out, sizes)
        if key not in self._known:
            self._known[key] = _Plan(masks, out, sizes).cost()
        return self._known[key]


def _bits(labels: Sequence[int]) -> int:
    mask = 0
    for label in labels:
        mask |= 1 << label
    return mask


def _without(mask: int, gone: int, renamed: dict[int, int]) -> int:
    """The labels that are left where picks are read as entries, slices as shorter axes, deltas as diagonals."""
    mask &= ~gone
    for row, column in renamed.items():
        if mask >> row & 1:
            mask = mask & ~(1 << row) | 1 << column
    return mask


class _Plan:
    """The pairwise products of one form of a product."""

    def __init__(self, masks: Sequence[int], out: int, sizes: Sequence[int]) -> None:
        self.masks, self.out, self.sizes = list(masks), out, sizes
        self.counted: dict[int, int] = {}

    def entries(self, mask: int) -> int:
        """The entries of an array with these labels."""
        found = self.counted.get(mask)
        if found is None:
            found = math.prod(max(size, 1) for label, size in enumerate(self.sizes) if mask >> label & 1)
            self.counted[mask] = found
        return found

    def cost(self) -> float:
        """Multiply the pair whose product is smallest beside its factors, until one array is left."""
        total = 0.0
        while len(self.masks) > 1:
            seen = twice = thrice = 0
            for mask in self.masks:
                thrice |= twice & mask
                twice |= seen & mask
                seen |= mask
            total += self._multiply(self._best(twice, self.out | thrice), twice, self.out | thrice)
        for mask in self.masks:
            total += self.entries(mask) if mask & ~self.out else 0
        return total

    def _best(self, twice: int, needed: int) -> tuple[int, int]:
        best, least = (0, 1), (math.inf, 0)
        number = min(len(self.masks), MOST_ORDERED)
        for i in range(number):
            a = self.masks[i]
            for j in range(i + 1, number):
                b = self.masks[j]
                growth = self.entries((a | b) & (needed | twice & (a ^ b))) - self.entries(a) - self.entries(b)
                if growth <= least[0] and (growth, self.entries(a | b)) < least:
                    best, least = (i, j), (growth, self.entries(a | b))
        return best

    def _multiply(self, pair: tuple[int, int], twice: int, needed: int) -> float:
        b, a = self.masks.pop(pair[1]), self.masks.pop(pair[0])
        result = (a | b) & (needed | twice & (a ^ b))
        self.masks.append(result)
        touched = self.entries(a) + self.entries(b) + self.entries(result)
        return touched + (0 if result == a | b else self.entries(a | b) / PER_ENTRY)
