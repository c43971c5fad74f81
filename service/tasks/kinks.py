"""Points at which an operation of the function has no derivative, and what is answered for it there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from service.diff.reverse import jacobian
from service.errors import LimitError
from service.execute.program import compile_program
from service.ir.leaves import VARIABLE
from service.ir.node import Node
from service.ir.op import Kink
from service.ir.walk import topological
from service.tasks.bounded import compile_bounded
from service.tasks.derivatives import Derivative
from service.tasks.inputs import Point
from service.tasks.messages import Limits, Notice
from service.tasks.remembered import remembered

Names = frozenset[str]
Mask = NDArray[np.bool_]
ROUNDING = 1e-9  # relative to the largest


def kinks_at(outputs: Sequence[Node], derivatives: Sequence[Derivative], point: Point, limits: Limits) -> list[Notice]:
    """One notice for each derivative and operation that is at a kink, at a tie or at a jump.

    The kernel graph of the value is looked at, in which abs(x)**2 is x**2. An operation counts if its arguments move
    with a variable that the derivative is by.
    """
    moved, kinked = _kinked(tuple(outputs))
    if not kinked or not derivatives:
        return []
    hits = _hits(kinked, point, limits)
    found = []
    places = [_places(output, hits, point, limits) if hits else {} for output in outputs]
    for place, block in enumerate(derivatives):
        spoken = set[str]()
        for node, where in places[block.output].items():
            name = _spoken(node)
            if name in spoken or not _names(node.inputs, moved) & set(block.wrt):
                continue
            spoken.add(name)
            found.append(_notice(node, kinked[node], name, where, f"/derivatives/{place}/value"))
    return found


@remembered(lambda found: len(found[0]))
def _kinked(outputs: tuple[Node, ...]) -> tuple[Mapping[Node, Names], Mapping[Node, Kink]]:
    """What every node of the outputs moves with, and the operations among them that have kinks."""
    order = topological(outputs)
    if not any(node.op.kink for node in order):
        return {}, {}
    moved = _moved(order)
    return moved, {node: node.op.kink for node in moved if node.op.kink is not None and _names(node.inputs, moved)}


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


def _places(output: Node, hits: Mapping[Node, Mask], point: Point, limits: Limits) -> dict[Node, str]:
    """Where each operation that the output has first is at its kink, in words."""
    reached, places = set(topological([output])), {}
    for node, at in hits.items():
        kink = node.op.kink
        if node not in reached or kink is None:
            continue
        here = at if kink.along is None else at & ~_alike(output, node, kink.along, point, limits)
        if here.any():
            places[node] = _position(here, batched=here.ndim > len(node.shape))
    return places


def _alike(output: Node, node: Node, along: int, point: Point, limits: Limits) -> Mask:
    """Whether the output moves with each entry of a node as with the one before, but for rounding."""
    (slope,) = jacobian(output, [node])
    try:
        (found,) = compile_bounded([slope], point, limits).run(point.arrays)
    except LimitError:
        return np.zeros((1,) * len(node.shape), dtype=bool)
    lead = found.ndim - len(slope.shape)
    gap = np.abs(np.diff(found, axis=along, prepend=np.nan))
    scale = np.max(np.abs(found), axis=tuple(range(lead, found.ndim)), keepdims=True, initial=0.0)
    others = {*range(lead, found.ndim)} - set(range(found.ndim - len(node.shape), found.ndim + along + 1))
    alike = np.all(gap <= ROUNDING * scale, axis=tuple(others), keepdims=True)
    return np.asarray(alike.reshape(alike.shape[:lead] + alike.shape[lead + len(output.shape) :]))


def _hits(kinked: Mapping[Node, Kink], point: Point, limits: Limits) -> dict[Node, Mask]:
    """At which entries each operation is at its kink; those that are nowhere are left out."""
    arguments = list(dict.fromkeys(child for node in kinked for child in node.inputs))
    program = compile_program(arguments, point.batched, limits.elements)
    values = dict(zip(arguments, program.run(point.arrays), strict=True))
    hits = {}
    for node, kink in kinked.items():
        at = np.asarray(kink.at(*(values[child] for child in node.inputs), **dict(node.attributes)))
        if at.any():
            hits[node] = at
    return hits


def _position(at: Mask, *, batched: bool) -> str:
    first = [int(k) for k in np.argwhere(at)[0]]
    words = [f"at point {first[0]}"] if batched else []
    entry = first[1:] if batched else first
    words += [f"at entry {entry}"] if entry else []
    return ", ".join(words) or "at this point"


def _spoken(node: Node) -> str:
    template = node.op.text.template
    if template is not None:
        return f"the comparison {template.replace('#1', '').replace('#2', '').strip()}"
    return node.op.spoken


def _notice(node: Node, kink: Kink, name: str, position: str, where: str) -> Notice:
    alone = len(node.inputs) > 1 and not all(_varies(child) for child in node.inputs)
    code = "kink" if alone else kink.code
    return Notice(code, f"{name} has no derivative {position}; answered is {kink.convention}", where)


def _varies(node: Node) -> bool:
    return any(leaf.op is VARIABLE for leaf in topological([node]))
