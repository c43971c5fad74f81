"""The order in which factors and terms read best: by the place of their variables in the user's own text."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from service.ir.leaves import VARIABLE
from service.ir.node import Node
from service.ir.walk import topological

Key = tuple[object, ...]


def sorted_for_reading(roots: Sequence[Node], variables: Sequence[str]) -> Callable[[Node], Key]:
    """A sort key: scalars before tensors, then simple before composed, then by first variable used."""
    place = {name: k for k, name in enumerate(variables)}
    first: dict[Node, int] = {}
    last: dict[Node, int] = {}
    size: dict[Node, int] = {}

    def measure(node: Node) -> None:
        if node.op is VARIABLE:
            first[node] = last[node] = place.get(node.attributes, len(place))
            size[node] = 1
            return
        first[node] = min((first[child] for child in node.inputs if last[child] >= 0), default=-1)
        last[node] = max((last[child] for child in node.inputs), default=-1)
        size[node] = 1 + min(sum(size[child] for child in node.inputs), 10**6)

    def key(node: Node) -> Key:
        pending = [node]
        while pending:  # only what has not been measured: most terms are made of what has
            missing = [child for child in pending[-1].inputs if child not in size]
            if missing:
                pending += missing
            else:
                measure(pending.pop())
        return (len(node.shape) > 0, bool(size[node] > 3), first[node], last[node], size[node], node.digest)  # noqa: PLR2004

    for node in topological(roots):
        measure(node)
    return key
