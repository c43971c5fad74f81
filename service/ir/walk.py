"""Walks over graphs, all iterative: a graph may be 10^5 nodes deep."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from service.ir.node import Node


def topological(roots: Iterable[Node]) -> list[Node]:
    """Every node reachable from `roots`, inputs before users, each once."""
    order: list[Node] = []
    seen: set[Node] = set()
    stack: list[tuple[Node, bool]] = [(root, False) for root in reversed(list(roots))]
    while stack:
        node, entered = stack.pop()
        if entered:
            order.append(node)
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))
            stack.extend((child, False) for child in reversed(node.inputs) if child not in seen)
    return order


def uses(roots: Sequence[Node]) -> Counter[Node]:
    """How often each node is an input, a root counting as one use."""
    counts = Counter(roots)
    for node in topological(roots):
        counts.update(node.inputs)
    return counts


def dependents(order: Iterable[Node], sources: Iterable[Node]) -> set[Node]:
    """The nodes of a topological order that depend on any of `sources`, these included."""
    found = set(sources)
    for node in order:
        if any(child in found for child in node.inputs):
            found.add(node)
    return found


def rebuild(roots: Sequence[Node], change: Callable[[Node, tuple[Node, ...]], Node]) -> list[Node]:
    """Bottom-up: `change(node, its changed inputs)` for every node once; the changed roots."""
    done: dict[Node, Node] = {}
    for node in topological(roots):
        done[node] = change(node, tuple(done[child] for child in node.inputs))
    return [done[root] for root in roots]
