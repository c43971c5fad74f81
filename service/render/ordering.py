"""The order in which factors and terms read best: by the place of their variables in the user's own text."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from service.ir.coefficient import parts
from service.ir.leaves import UNIT, VARIABLE
from service.ir.node import Node
from service.ir.walk import topological

Key = tuple[object, ...]


def sorted_for_reading(roots: Sequence[Node], variables: Sequence[str]) -> Callable[[Node], Key]:
    """A sort key: scalars before tensors, simple before composed, by first variable used, entries by their index."""
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
        composed = bool(size[node] > 3)  # noqa: PLR2004
        return (len(node.shape) > 0, composed, first[node], last[node], size[node], *_entry(node), node.digest)

    for node in topological(roots):
        measure(node)
    return key


def _entry(node: Node) -> tuple[object, ...]:
    """Whether a term is anything but an entry of an array, and the index of such an entry."""
    places = [(labels, child.attributes) for child, labels in parts(node)[1] if child.op is UNIT]
    if node.shape or not places or not all(isinstance(index, int) for _, index in places):
        return True, []
    return False, [index for _, index in sorted(places)]
