"""Points at which an operation of the function has no derivative, and what is answered for it there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from service.execute.program import compile_program
from service.ir.leaves import VARIABLE
from service.ir.node import Node
from service.ir.op import Kink
from service.ir.walk import topological
from service.tasks.derivatives import Derivative
from service.tasks.inputs import Point
from service.tasks.messages import Array, Limits, Notice

Names = frozenset[str]


def kinks_at(outputs: Sequence[Node], derivatives: Sequence[Derivative], point: Point, limits: Limits) -> list[Notice]:
    """One notice for each derivative and operation that is at a kink, at a tie or at a jump.

    The kernel graph of the value is looked at, in which abs(x)**2 is x**2. An operation counts if its arguments move
    with a variable that the derivative is by.
    """
    order = topological(outputs)
    if not any(node.op.kink for node in order):
        return []
    moved = _moved(order)
    kinked = {node: node.op.kink for node in moved if node.op.kink is not None and _names(node.inputs, moved)}
    if not kinked or not derivatives:
        return []
    hits = _hits(kinked, point, limits)
    found = []
    reached = [set(topological([output])) if hits else set() for output in outputs]
    for place, block in enumerate(derivatives):
        spoken = set[str]()
        for node, where in hits.items():
            name = _spoken(node)
            if name in spoken or node not in reached[block.output] or not _names(node.inputs, moved) & set(block.wrt):
                continue
            spoken.add(name)
            found.append(_notice(node, kinked[node], name, where, f"/derivatives/{place}/value"))
    return found


def _moved(order: Iterable[Node]) -> dict[Node, Names]:
    """The variables that every node moves with: not through a jump, between two of which nothing moves."""
    moved = dict[Node, Names]()
    for node in order:
        if node.op is VARIABLE:
            moved[node] = frozenset({node.attributes})
        elif node.op.is_elementwise:
            partials = node.op.partials
            moved[node] = _names(
                (child for child, rule in zip(node.inputs, partials, strict=True) if rule is not None), moved
            )
        else:
            moved[node] = _names(node.inputs, moved)
    return moved


def _names(nodes: Iterable[Node], moved: Mapping[Node, Names]) -> Names:
    return frozenset().union(*(moved[node] for node in nodes))


def _hits(kinked: Mapping[Node, Kink], point: Point, limits: Limits) -> dict[Node, str]:
    """Where each operation first is at its kink, in words; those that are nowhere are left out."""
    arguments = list(dict.fromkeys(child for node in kinked for child in node.inputs))
    program = compile_program(arguments, point.batched, limits.elements)
    values = dict(zip(arguments, program.run(point.arrays), strict=True))
    hits = {}
    for node, kink in kinked.items():
        at = np.asarray(kink.at(*(values[child] for child in node.inputs), **dict(node.attributes)))
        if at.any():
            hits[node] = _position(at, batched=at.ndim > len(node.shape))
    return hits


def _position(at: Array, *, batched: bool) -> str:
    first = [int(k) for k in np.argwhere(at)[0]]
    words = [f"at point {first[0]}"] if batched else []
    entry = first[1:] if batched else first
    words += [f"at entry {entry}"] if entry else []
    return ", ".join(words) or "at this point"


def _spoken(node: Node) -> str:
    template = node.op.text.template
    if template is not None:
        return f"the comparison {template.replace('#1', '').replace('#2', '').strip()}"
    return node.op.name.removeprefix("kernel_").removeprefix("reduce_")


def _notice(node: Node, kink: Kink, name: str, position: str, where: str) -> Notice:
    alone = len(node.inputs) > 1 and not all(_varies(child) for child in node.inputs)
    code = "kink" if alone else kink.code
    return Notice(code, f"{name} has no derivative {position}; answered is {kink.convention}", where)


def _varies(node: Node) -> bool:
    return any(leaf.op is VARIABLE for leaf in topological([node]))
