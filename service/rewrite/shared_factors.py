"""Terms of a sum as products, the factors that they share, and the sum with these before the bracket."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from service.ir.coefficient import connected, parts
from service.ir.contraction import contract
from service.ir.node import Node
from service.ir.size import Shape, Size
from service.ir.total import total

Labels = tuple[int, ...]
Key = tuple[Node, Labels]


@dataclass(frozen=True, eq=False)
class Term:
    """A term of a sum, and the form of it whose factors are looked at.

    Labels below its rank are its axes, the others are summed.
    """

    node: Node
    form: Node

    @cached_property
    def parts(self) -> tuple[float, list[tuple[Node, Labels]], tuple[Size, ...]]:
        """Coefficient, factors with their labels, sizes of the labels."""
        return parts(self.form)

    @property
    def factors(self) -> list[tuple[Node, Labels]]:
        """The factors with their labels."""
        return self.parts[1]

    @cached_property
    def places(self) -> dict[Node, list[int]]:
        """At which places a factor stands."""
        found: dict[Node, list[int]] = {}
        for place, (node, _) in enumerate(self.factors):
            found.setdefault(node, []).append(place)
        return found

    def signatures(self) -> Iterable[Key]:
        """The factors, each once, the names of summed labels gone: equal ones are what terms may have in common."""
        rank = len(self.node.shape)
        return dict.fromkeys((node, _nameless(labels, rank)) for node, labels in self.factors)


def _nameless(labels: Labels, rank: int) -> Labels:
    if not labels or max(labels) < rank:
        return labels
    return tuple(label if label < rank else -1 - labels.index(label) for label in labels)


@dataclass(frozen=True)
class Shared:
    """A factor that several terms have: its labels in the first of them, and its place in each."""

    node: Node
    labels: Labels
    places: tuple[int, ...]


class Sharing:
    """What several terms have in common: factors equal up to the names of summed labels, in one naming for all."""

    def __init__(self, terms: Sequence[Term]) -> None:
        """Match the factors of the first term with those of each other, free labels first."""
        self.terms = terms
        self.rank = len(terms[0].node.shape)
        self.sizes = terms[0].parts[2]
        # Names of summed labels: the first term's to each other's, and back.
        self._names: list[dict[int, int]] = [{} for _ in terms]
        self._back: list[dict[int, int]] = [{} for _ in terms]
        self._used: list[set[int]] = [set() for _ in terms]
        factors = terms[0].factors
        order = sorted(range(len(factors)), key=lambda place: max(factors[place][1], default=0) >= self.rank)
        self.shared = [found for place in order if (found := self._match(place)) is not None]

    def _match(self, place: int) -> Shared | None:
        node, labels = self.terms[0].factors[place]
        places = list[int]()
        for number, term in enumerate(self.terms):
            fits = (
                other
                for other in ([place] if number == 0 else term.places.get(node, ()))
                if other not in self._used[number] and self._agree(number, labels, term.factors[other][1])
            )
            found = next(fits, None)
            if found is None:
                return None
            places.append(found)
        for number, (term, other) in enumerate(zip(self.terms, places, strict=True)):
            self._used[number].add(other)
            for mine, its in zip(labels, term.factors[other][1], strict=True):
                self._names[number][mine] = its
                self._back[number][its] = mine
        return Shared(node, labels, tuple(places))

    def _agree(self, number: int, labels: Labels, others: Labels) -> bool:
        names, back = dict[int, int](), dict[int, int]()
        for mine, its in zip(labels, others, strict=True):
            if (mine < self.rank or its < self.rank) and mine != its:
                return False
            known = self._names[number].get(mine, names.setdefault(mine, its))
            if known != its or self._back[number].get(its, back.setdefault(its, mine)) != mine:
                return False
        return True

    def lots(self) -> tuple[list[Shared], list[list[Shared]]]:
        """The shared factors that have no summed label, and those that have, in groups that share one."""
        outer = [one for one in self.shared if all(label < self.rank for label in one.labels)]
        inner = [(one, tuple(label for label in one.labels if label >= self.rank)) for one in self.shared]
        return outer, [[one for one, _ in lot] for lot in connected([pair for pair in inner if pair[1]])]

    def bracket(self, chosen: Sequence[Shared]) -> Bracket:
        """What is left of every term without the factors `chosen`."""
        rests = list[list[tuple[Node, Labels]]]()
        outside = {label for one in chosen for label in one.labels}
        axes = set[int]()
        for number, term in enumerate(self.terms):
            taken = {one.places[number] for one in chosen}
            rest = [factor for place, factor in enumerate(term.factors) if place not in taken]
            rests.append(rest)
            back = self._back[number]
            seen = {label if label < self.rank else back.get(label, -1) for _, labels in rest for label in labels}
            axes |= {label for label in seen if 0 <= label < self.rank or label in outside}
        order = tuple(sorted(axes))
        return Bracket(self, tuple(chosen), rests, order)

    def names_in(self, number: int, labels: Labels) -> Labels:
        """What labels of the first term are called in another."""
        return tuple(label if label < self.rank else self._names[number][label] for label in labels)


@dataclass(frozen=True)
class Bracket:
    """Shared factors taken out of terms: what is left of each, and the labels, in the first term's names, of the sum.

    A label of `axes` that is not an axis of the terms is summed with the shared factors.
    """

    sharing: Sharing
    chosen: tuple[Shared, ...]
    rests: list[list[tuple[Node, Labels]]]
    axes: Labels

    def names(self) -> list[Labels]:
        """The labels of the sum as each term calls them."""
        return [self.sharing.names_in(number, self.axes) for number in range(len(self.rests))]

    @property
    def shape(self) -> Shape:
        """The shape of the sum in the bracket."""
        return tuple(self.sharing.sizes[label] for label in self.axes)

    def product(self, shape: Shape, change: Callable[[Node], Node] = lambda node: node) -> Node:
        """The shared factors times the sum of the rests, as `change` leaves it."""
        number = common_number([term.parts[0] for term in self.sharing.terms])
        left = (
            contract(rest, names, dict(zip(names, self.shape, strict=True)), term.parts[0] / number)
            for rest, names, term in zip(self.rests, self.names(), self.sharing.terms, strict=True)
        )
        inner = change(total(left, self.shape))
        factors: list[tuple[Node, Sequence[Hashable]]] = [(one.node, one.labels) for one in self.chosen]
        seen = {label for one in self.chosen for label in one.labels} | set(self.axes)
        free = {label: size for label, size in enumerate(shape) if label not in seen}
        return contract([*factors, (inner, self.axes)], range(len(shape)), free, number)


def common_number(coefficients: Sequence[float]) -> float:
    """The finite number that is in front of all terms up to signs, else 1."""
    number = abs(coefficients[0])
    return number if math.isfinite(number) and all(abs(other) == number for other in coefficients) else 1.0
