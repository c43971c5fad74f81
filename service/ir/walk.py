"""Walks over graphs, all iterative: a graph may be 10^5 nodes deep."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import chain

from service.ir.node import Node


def topological(roots: Iterable[Node]) -> list[Node]:
    """Every node reachable from `roots`, inputs before users, each once."""
    order: list[Node] = []
    seen: set[Node] = set()
    stack: list[Node | None] = [*reversed(list(roots))]
    entered: list[Node] = []
    while stack:
        node = stack.pop()
        if node is None:  # all inputs of the last node entered are done
            order.append(entered.pop())
        elif node not in seen:
            seen.add(node)
            if node.inputs:
                entered.append(node)
                stack.append(None)
                stack += node.inputs[::-1]
            else:
                order.append(node)
    return order


def uses(roots: Sequence[Node], order: Iterable[Node]) -> Counter[Node]:
    """How often each node of the order of `roots` is an input, a root counting as one use."""
    counts = Counter(roots)
    counts.update(chain.from_iterable(node.inputs for node in order))
    return counts


def dependents(order: Iterable[Node], sources: Iterable[Node]) -> set[Node]:
    """The nodes of a topological order that depend on any of `sources`, these included."""
    found = set(sources)
    for node in order:
        if not found.isdisjoint(node.inputs):
            found.add(node)
    return found


def rebuild(
    roots: Sequence[Node], change: Callable[[Node, tuple[Node, ...]], Node], order: Iterable[Node] | None = None
) -> list[Node]:
    """Bottom-up: `change(node, its changed inputs)` for every node once; the changed roots.

    `order` is the topological order of the roots, where it is known.
    """
    done: dict[Node, Node] = {}
    for node in topological(roots) if order is None else order:
        done[node] = change(node, tuple([done[child] for child in node.inputs]))
    return [done[root] for root in roots]
