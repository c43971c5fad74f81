"""The simplifying pass: bottom-up, rows applied at every node, nested sums and products flattened where unshared."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from service.ir.coefficient import CONTRACT, is_gathered, parts, scale
from service.ir.contraction import contract
from service.ir.leaves import DELTA, UNIT, fill_value
from service.ir.node import Node, make
from service.ir.power import raise_to
from service.ir.reshaping import RESHAPE, reshape
from service.ir.total import TOTAL, total
from service.ir.walk import rebuild, topological, uses
from service.ops.elementwise import entrywise
from service.rewrite.cancelling import cancelled
from service.rewrite.row import Row, Table
from service.rewrite.rows import BY_OP

ROUNDS = 3  # each makes what the one before exposed; later rounds have not been seen to change anything
MOST_FACTORS = 8  # a flattened product stays within this, so that its derivative stays linear in the graph
MOST_ROWS = 8  # rows applied in a chain at one node


def simplify(roots: Sequence[Node], rows: Table = BY_OP, opened: Collection[Node] = ()) -> list[Node]:
    """Equal graphs in simpler terms by normal forms and `rows`; the cost is linear in the number of nodes.

    Products and sums within others are flattened unless they are used elsewhere too and not among `opened`.
    """
    current, rounds = list(roots), _Rounds(rows, opened)
    for _ in range(ROUNDS):
        changed = rounds.once(current)
        if all(a is b for a, b in zip(changed, current, strict=True)):
            break
        current = changed
    return current


class _Rounds:
    """Rounds over one graph; `settled` are the nodes that one left as they were, `shared` those it would not open."""

    def __init__(self, rows: Table, opened: Collection[Node]) -> None:
        self.rows, self.opened = rows, opened
        self.settled, self.shared = set[Node](), set[Node]()

    def once(self, roots: Sequence[Node]) -> list[Node]:
        """Every node once."""
        order = topological(roots)
        shared = {node for node, count in uses(roots, order).items() if count > 1 and node not in self.opened}
        absorbed = absorbed_sums(order, shared)
        released, still_shared = self.shared - shared, set[Node]()

        def change(node: Node, inputs: tuple[Node, ...]) -> Node:
            result = node
            if not (node in self.settled and inputs == node.inputs and released.isdisjoint(inputs)):
                result = distributed(_flattened(node, inputs, still_shared, absorbed), still_shared)
                if node not in absorbed:  # a row for a sum is one for the whole of it
                    result = _rewritten(result, self.rows)
                    if result is node:
                        self.settled.add(node)
            if node in shared:
                still_shared.add(result)
            return result

        changed = rebuild(roots, change, order)
        self.shared = shared | still_shared
        return changed


def reconstruct(node: Node, inputs: tuple[Node, ...]) -> Node:
    """The same operation on other inputs, in normal form."""
    if inputs == node.inputs:
        return node
    if node.op is CONTRACT:
        attributes = node.attributes
        factors = zip(inputs, attributes.operands, strict=True)
        return contract(factors, range(len(node.shape)), dict(enumerate(attributes.sizes)), attributes.coefficient)
    if node.op is TOTAL:
        return total(inputs, node.shape)
    if node.op is RESHAPE:
        return reshape(inputs[0], node.shape)
    if node.op.build is not None:
        return node.op.build(inputs, node.attributes)
    if node.op.is_elementwise:
        exponent = fill_value(inputs[1]) if node.op.name == "power" else None
        if exponent is not None:
            return raise_to(inputs[0], exponent)
        return entrywise(node.op.name, *inputs, **dict(node.attributes))
    return make(node.op, inputs, node.attributes, node.shape)


def _flattened(node: Node, inputs: tuple[Node, ...], shared: set[Node], absorbed: Collection[Node]) -> Node:
    if node.op is TOTAL:
        # A sum within a sum waits for the outermost one: flattened at every level, a long chain would be quadratic.
        terms = inputs if node in absorbed else tuple(cancelled(gathered(inputs, shared)))
        return node if terms == node.inputs else total(terms, node.shape)
    if node.op is CONTRACT and any(child.op is CONTRACT and child not in shared for child in inputs):
        return flattened(node, inputs, shared)
    return reconstruct(node, inputs)


def absorbed_sums(order: Sequence[Node], shared: Collection[Node]) -> set[Node]:
    """The unshared sums that are terms of another sum."""
    return {
        child
        for node in order
        if node.op is TOTAL
        for child in node.inputs
        if child.op is TOTAL and child not in shared
    }


def gathered(terms: Sequence[Node], shared: Collection[Node]) -> list[Node]:
    """The terms of a sum with the unshared sums among them opened, and short ones that a number multiplies."""
    result, pending = list[Node](), list(reversed(terms))
    while pending:
        term = pending.pop()
        if term.op is TOTAL and term not in shared:
            pending.extend(reversed(term.inputs))
        elif _is_scaled_sum(term, shared):
            result.extend(scale(inner, term.attributes.coefficient) for inner in term.inputs[0].inputs)
        else:
            result.append(term)
    return result


def _is_scaled_sum(node: Node, shared: Collection[Node]) -> bool:
    if node in shared or node.op is not CONTRACT or len(node.inputs) != 1:
        return False
    inner = node.inputs[0]
    return (
        inner.op is TOTAL
        and inner not in shared
        and len(inner.inputs) <= MOST_FACTORS
        and node.attributes.operands == (tuple(range(len(node.shape))),)
    )


def flattened(node: Node, inputs: tuple[Node, ...], shared: Collection[Node], most_factors: int = MOST_FACTORS) -> Node:
    """Open the unshared contractions among the factors, while the product stays short."""
    attributes = node.attributes
    coefficient, room = attributes.coefficient, most_factors - len(inputs)
    factors, sizes = [], dict(enumerate(attributes.sizes))
    for number, (child, labels) in enumerate(zip(inputs, attributes.operands, strict=True)):
        inner, pieces, _ = parts(child)
        opens = child.op is CONTRACT and child not in shared and len(pieces) - 1 <= room
        if not opens or not is_gathered(coefficient, inner):
            factors.append((child, labels))
            continue
        coefficient *= inner
        room -= len(pieces) - 1
        names = dict(enumerate(labels))
        for piece, places in pieces:
            factors.append((piece, [names.get(place, (number, place)) for place in places]))
    return contract(factors, range(len(node.shape)), sizes, coefficient)


def distributed(node: Node, shared: Collection[Node]) -> Node:
    """A product with an unshared sum whose terms all hold a constant tensor is a sum of products: these cancel."""
    if node.op is not CONTRACT:
        return node
    coefficient, factors, sizes = parts(node)
    for number, (child, labels) in enumerate(factors):
        if (
            child.op is TOTAL
            and child not in shared
            and len(child.inputs) <= MOST_FACTORS
            and all(map(_has_constant_tensor, child.inputs))
        ):
            rest = factors[:number] + factors[number + 1 :]
            axes, known = range(len(node.shape)), dict(enumerate(sizes))
            return total(
                (contract([*rest, (term, labels)], axes, known, coefficient) for term in child.inputs), node.shape
            )
    return node


def _has_constant_tensor(node: Node) -> bool:
    return node.op in (DELTA, UNIT) or (node.op is CONTRACT and any(child.op in (DELTA, UNIT) for child in node.inputs))


def _rewritten(node: Node, rows: Table) -> Node:
    for _ in range(MOST_ROWS):
        better = _better(node, rows.get(node.op, ()))
        if better is None:
            return node
        node = better
    return node


def _better(node: Node, rows: Sequence[Row]) -> Node | None:
    """What the first row that applies makes of a node."""
    if not rows:
        return None
    present = {child.op for child in node.inputs}
    present |= {child.inputs[0].op for child in node.inputs if child.op.name == "power"}
    for row in rows:
        if row.needs <= present:
            better = row.apply(node)
            if better is not None:
                return better
    return None
