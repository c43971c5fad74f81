"""Brackets for numbers: common factors of a sum taken out, products opened into products, where that costs less.

A derivative's adjoints carry the axes of the output from sum to sum; with the factors that hold these axes before the
bracket, the sums are as small as what differs between their terms.

Only brackets move: nothing is multiplied out, so no difference such as x - mu turns into one of large numbers, and a
sum in a bracket is rounded before it is multiplied rather than after, which loses nothing. Values stay but for that
rounding; beyond the range of numbers they may differ, as the sum overflows where the products would not, or the
products where the sum would not. A mask before a bracket still multiplies every term.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from service.ir.coefficient import CONTRACT, Contraction, split_coefficient
from service.ir.node import Node, make
from service.ir.size import Shape, numbers
from service.ir.total import TOTAL, total
from service.ir.walk import rebuild, topological, uses
from service.rewrite.product_cost import Costs
from service.rewrite.shared_factors import Bracket, Key, Sharing, Term
from service.rewrite.simplify import absorbed_sums, flattened, gathered, reconstruct

MOST_FACTORS = 12  # of a product that others are opened into, or of a term that is compared: bounds the work at a node


def bracketed(roots: Sequence[Node], batched: Collection[str] = (), count: int = 1) -> list[Node]:
    """Equal graphs that cost less over `count` points, for which the inputs `batched` have an array each.

    All sizes are numbers. The work is linear in the number of nodes and of terms.
    """
    brackets = _Brackets(Costs(frozenset(batched), count))
    order = topological(roots)
    shared = {node for node, number in uses(roots, order).items() if number > 1}
    absorbed = absorbed_sums(order, shared)

    def change(node: Node, inputs: tuple[Node, ...]) -> Node:
        result = reconstruct(node, inputs)
        if node.op is TOTAL and node not in absorbed:
            result = brackets.of_sum(total(gathered(inputs, brackets.shared), node.shape))
        elif node.op is CONTRACT:
            result = brackets.of_product(result)
        if node in shared:
            brackets.shared.add(result)
        return result

    return _once(rebuild(roots, change, order))


def _once(roots: Sequence[Node]) -> list[Node]:
    """Graphs in which products that differ by the number in front only are multiples of one."""
    forms: dict[Node, set[Node]] = {}
    for node in topological(roots):
        if node.op is CONTRACT and (len(node.inputs) > 1 or len(node.attributes.sizes) > len(node.shape)):
            forms.setdefault(split_coefficient(node)[1], set()).add(node)
    several = {node for product, nodes in forms.items() if len(nodes) > 1 for node in nodes if node is not product}

    def change(node: Node, inputs: tuple[Node, ...]) -> Node:
        # The nodes are made as they stand: normal form would put the number back into the product.
        if node not in several:
            return node if inputs == node.inputs else make(node.op, inputs, node.attributes, node.shape)
        product = make(CONTRACT, inputs, node.attributes._replace(coefficient=1.0), node.shape)
        multiple = Contraction(node.attributes.coefficient, (tuple(range(len(node.shape))),), node.shape)
        return make(CONTRACT, (product,), multiple, node.shape)

    return rebuild(roots, change) if several else list(roots)


class _Brackets:
    """Decisions by cost; `shared` are the nodes that are wanted elsewhere too, whose cost none of their users saves."""

    def __init__(self, costs: Costs) -> None:
        self.costs = costs
        self.shared: set[Node] = set()

    def of_product(self, node: Node) -> Node:
        """The product with those of its factors opened that are products, where it costs no more."""
        if node.op is not CONTRACT:
            return node
        for child in [child for child in dict.fromkeys(node.inputs) if child.op is CONTRACT]:
            others = {other for other in node.inputs if other is not child}
            opened = flattened(node, node.inputs, others, MOST_FACTORS)
            if opened is node or opened.op is not CONTRACT:
                continue
            saved = 0.0 if child in self.shared else self.costs.of_node(child)
            before, after = self.costs.of_node(node) + saved, self.costs.of_node(opened)
            if after < before or (after == before and child not in self.shared):
                node = opened
        return node

    def of_sum(self, node: Node) -> Node:
        """The sum with the factors that most terms share before brackets, and within these the same again."""
        if node.op is not TOTAL:
            return node
        left = [Term(term, self._apart(term)) for term in node.inputs]
        done, left = self._taken_out(left, node.shape)
        if any(term.form is not term.node for term in left):
            more, left = self._taken_out([Term(term.node, term.node) for term in left], node.shape)
            done += more
        return total([*done, *(term.node for term in left)], node.shape) if done else node

    def _apart(self, term: Node) -> Node:
        """The term with shared products among its factors opened that are larger than what they are made of."""
        while term.op is CONTRACT:
            kept = {child for child in term.inputs if child.op is not CONTRACT or not self._expands(child)}
            if kept.issuperset(term.inputs):
                break
            opened = flattened(term, term.inputs, kept, MOST_FACTORS)
            if opened is term:
                break
            term = opened
        return term

    def _expands(self, product: Node) -> bool:
        return self._entries(product) > max(map(self._entries, product.inputs))

    def _taken_out(self, terms: Sequence[Term], shape: Shape) -> tuple[list[Node], list[Term]]:
        """Brackets in place of terms, and the terms that are left."""
        done, left, failed = list[Node](), dict.fromkeys(terms), set[tuple[Term, ...]]()
        for every in self._lots(terms):
            lot = tuple(term for term in every if term in left)
            if len(lot) < 2 or lot in failed:  # noqa: PLR2004 - one term shares nothing
                continue
            bracket = self._bracket(lot)
            if bracket is None:
                failed.add(lot)
                continue
            done.append(self.of_product(bracket.product(shape, self.of_sum)))
            for term in lot:
                del left[term]
        return done, list(left)

    def _lots(self, terms: Sequence[Term]) -> list[list[Term]]:
        """The terms that share a factor, for each factor: largest lots first, and largest factors among these."""
        index: dict[Key, list[Term]] = {}
        for term in terms:
            if len(term.factors) <= MOST_FACTORS:
                for key in term.signatures():
                    index.setdefault(key, []).append(term)
        found = [(key, lot) for key, lot in index.items() if len(lot) > 1]
        found.sort(key=lambda entry: (-len(entry[1]), -self._entries(entry[0][0])))
        return [lot for _, lot in found]

    def _entries(self, node: Node) -> int:
        return self.costs.entries(numbers(node.shape), varies=self.costs.varies(node))

    def _bracket(self, lot: Sequence[Term]) -> Bracket | None:
        """The cheapest bracket found, None where none costs less than the terms as they are."""
        sharing = Sharing(lot)
        outer, groups = sharing.lots()
        best = sharing.bracket(outer)
        least = self._cost(best) if outer else float("inf")
        for group in groups:
            trial = sharing.bracket([*best.chosen, *group])
            cost = self._cost(trial)
            if cost < least:
                best, least = trial, cost
        before = sum(self.costs.of_node(term.node) for term in lot if term.node not in self.shared)
        varies = any(self.costs.varies(term.node) for term in lot)
        before += self.costs.of_sum(len(lot), numbers(lot[0].node.shape), varies=varies)
        return best if best.chosen and least < before else None

    def _cost(self, bracket: Bracket) -> float:
        """The rests, their sum, and its product with the shared factors."""
        sharing, costs = bracket.sharing, self.costs
        cost, varies = 0.0, False
        for term, rest, names in zip(sharing.terms, bracket.rests, bracket.names(), strict=True):
            cost += costs.of(rest, names, numbers(term.parts[2]))
            varies = varies or any(costs.varies(node) for node, _ in rest)
        cost += costs.of_sum(len(sharing.terms), numbers(bracket.shape), varies=varies)
        chosen = [(one.node, one.labels) for one in bracket.chosen]
        mask = sum(1 << label for label in bracket.axes)
        return cost + costs.of(chosen, range(sharing.rank), numbers(sharing.sizes), [(mask, varies)])
