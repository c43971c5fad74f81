"""A product of factors on its way to normal form.

Numbers are gathered, deltas are eliminated, picks and slices of the constant tensors are worked out, and equal
factors become powers; what is left is a contraction in which only deltas between free axes survive.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from service.ir import selection
from service.ir.coefficient import CONTRACT, connected, is_gathered
from service.ir.leaves import DELTA, FILL, SELECTOR, TRIANGLE, UNIT, delta, size_value
from service.ir.node import Node
from service.ir.op import operations
from service.ir.power import raise_to, split_power, sum_of_squares
from service.ir.recursion import contract
from service.ir.sign import is_nonnegative
from service.ir.size import Size

LIGHT = {DELTA, UNIT, SELECTOR, TRIANGLE}  # constant tensors of zeros and ones, kept unexpanded
Labels = list[int]
Factor = tuple[Node, Labels]


class Product:
    """Factors under integer labels, with the size of every label; `sizes` names those no factor may show."""

    def __init__(self, sizes: Mapping[Any, Size], coefficient: float) -> None:
        """An empty product with a number in front."""
        self.coefficient = float(coefficient)
        self.factors: list[Factor] = []
        self.sizes: dict[int, Size] = {}
        self._known: dict[Hashable, int] = {}
        self._done: set[int] = set()
        for label, size in sizes.items():
            self._label(label, size)

    def _label(self, label: Hashable, size: Size) -> int:
        if label not in self._known:
            self._known[label] = self.new_label(size)
        return self._known[label]

    def new_label(self, size: Size) -> int:
        """A label that no factor has yet."""
        number = len(self.sizes)
        self.sizes[number] = size
        return number

    def multiply(self, node: Node, labels: Sequence[Hashable]) -> None:
        """One more factor; views (a scaled, permuted, repeated or masked single tensor) are opened."""
        numbers = [self._label(label, size) for label, size in zip(labels, node.shape, strict=True)]
        self._push(node, numbers)

    def _push(self, node: Node, labels: Labels) -> None:
        if node.op is FILL and is_gathered(self.coefficient, node.attributes):
            self.coefficient *= node.attributes
        elif node.op is CONTRACT and _is_view(node) and is_gathered(self.coefficient, node.attributes.coefficient):
            attributes = node.attributes
            self.coefficient *= attributes.coefficient
            inner = labels + [self.new_label(size) for size in attributes.sizes[len(labels) :]]
            for child, places in zip(node.inputs, attributes.operands, strict=True):
                self._push(child, [inner[place] for place in places])
        elif node.op is CONTRACT and any(child.op is DELTA for child in node.inputs):
            self._release_deltas(node, labels)
        else:
            self.factors.append((node, labels))

    def _release_deltas(self, node: Node, labels: Labels) -> None:
        """Take the deltas, which join axes of the factor, out of it: the rest has no axis that only they have."""
        operands = list(zip(node.inputs, node.attributes.operands, strict=True))
        rest = [(child, places) for child, places in operands if child.op is not DELTA]
        seen = {place for _, places in rest for place in places}
        kept = [place for place in range(len(labels)) if place in seen]
        coefficient = node.attributes.coefficient
        if is_gathered(self.coefficient, coefficient):
            self.coefficient, coefficient = self.coefficient * coefficient, 1.0
        self._push(contract(rest, kept, coefficient=coefficient), [labels[place] for place in kept])
        for child, places in operands:
            if child.op is DELTA:
                self._push(child, [labels[place] for place in places])

    def free_labels(self, out: Sequence[Hashable]) -> Labels:
        """The labels of the result's axes, each once: a repeated one is split by a delta."""
        labels: Labels = []
        for label in out:
            number = self._known[label]
            if number in labels:
                twin = self.new_label(self.sizes[number])
                self.factors.append((delta(self.sizes[number]), [number, twin]))
                number = twin
            labels.append(number)
        return labels

    def normalise(self, out: Labels) -> None:
        """Bring the factors into normal form, the labels `out` being free."""
        if not self.sizes:
            self._multiply_numbers()
            return
        while True:
            self._eliminate_deltas(out)
            if not (selection.compose(self, out) or selection.pick(self, out) or self._merge_powers()):
                break
        self._separate_scalars(out)
        present = {label for _, labels in self.factors for label in labels} | set(out) | self._done
        for label, size in self.sizes.items():
            if label not in present and isinstance(size, int) and is_gathered(self.coefficient, size):
                self.coefficient *= size
            elif label not in present:
                self.factors.append((size_value(size), []))
        self._merge_powers()

    def _multiply_numbers(self) -> None:
        """Factors without axes have nothing but powers to merge; a merged power may bring another to light."""
        before = self.factors
        self._merge_powers()
        if self.factors != before:
            self._merge_powers()

    def replace(self, old: list[Factor], new: list[Factor], done: int | None = None) -> None:
        """Exchange factors; `done` is a label whose sum is thereby carried out."""
        self.factors = [factor for factor in self.factors if not any(factor is gone for gone in old)] + new
        if done is not None:
            self._done.add(done)

    def vanish(self) -> None:
        """The product is zero, since two of its constant tensors exclude each other."""
        self.coefficient, self.factors = 0.0, []

    def _eliminate_deltas(self, out: Labels) -> None:
        """Join the labels that deltas identify; keep a delta only between two free axes."""
        root: dict[int, int] = {label: label for label in self.sizes}

        def find(label: int) -> int:
            while root[label] != label:
                label = root[label]
            return label

        rank = {label: place for place, label in enumerate(out)}
        for node, labels in self.factors:
            if node.op is DELTA:
                first, second = sorted(map(find, labels), key=lambda label: rank.get(label, len(out)))
                root[second] = first
        self._done |= {label for label in self.sizes if find(label) != label}
        kept = [(node, [find(label) for label in labels]) for node, labels in self.factors if node.op is not DELTA]
        kept += [(delta(self.sizes[label]), [find(label), label]) for label in out if find(label) != label]
        self.factors = kept

    def _separate_scalars(self, out: Labels) -> None:
        """A group of factors that shares no label with the others or the result is a scalar of its own."""
        groups = connected(self.factors)
        for group in groups if len(groups) > 1 else ():
            labels = {label for _, places in group for label in places}
            if labels and not labels & set(out):
                self.replace(group, [(contract(group, []), [])])
                self._done |= labels

    def _merge_powers(self) -> bool:
        """Equal factors under equal labels become one power, where no restriction of the domain is lost by it.

        Whether a power of a 0/1 tensor, which is that tensor, came to light: it is to be eliminated then.
        """
        groups: dict[tuple[Node, tuple[int, ...]], list[float]] = {}
        single: dict[tuple[Node, tuple[int, ...]], Node] = {}
        bare = False
        for node, labels in self.factors:
            base, exponent = split_power(node)
            if base.op in LIGHT:
                base, exponent = (base, 1.0) if exponent > 0 else (node, 1.0)
                bare = bare or base is not node
            key = (base, tuple(labels))
            groups.setdefault(key, []).append(exponent)
            single[key] = base if exponent == 1 else node
        _join_norms(groups)
        self.factors = []
        for key, exponents in groups.items():
            base, places = key
            if base.op in LIGHT:
                self._push(base, list(places))
            elif len(exponents) == 1:
                self._push(single[key], list(places))
            else:
                for exponent in _added(base, exponents):
                    self._push(raise_to(base, exponent), list(places))
        return bare


def _join_norms(groups: dict[tuple[Node, tuple[int, ...]], list[float]]) -> None:
    """A sum of squares beside its own norm counts as the norm's second power."""
    for norm, labels in [key for key in groups if key[0].op is operations()["reduce_norm"]]:
        squares = groups.pop((sum_of_squares(norm), labels), [])
        groups[norm, labels] += [2 * exponent for exponent in squares]


def _added(base: Node, exponents: list[float]) -> list[float]:
    """The exponents of a product of powers of one base, added up unless a root would vanish (sqrt(x)**2 is not x)."""
    if not math.isfinite(sum(exponents)):
        return exponents
    whole = 0.0 + sum(exponent for exponent in exponents if exponent.is_integer())
    roots = [exponent for exponent in exponents if not exponent.is_integer()]
    merged = whole + sum(roots)
    if roots and merged.is_integer() and not is_nonnegative(base):
        return [*roots, whole] if whole else roots
    return [merged] if merged else []


def _is_view(node: Node) -> bool:
    """Whether a contraction merely scales, permutes, repeats or masks at most one tensor."""
    heavy = sum(child.op not in LIGHT for child in node.inputs)
    return heavy <= 1 and len(node.attributes.sizes) == len(node.shape)
