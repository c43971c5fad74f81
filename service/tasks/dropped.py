"""Points outside of the domain of an operation that simplifying has dropped: log(x) - log(x) has no value at -1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.ir.leaves import fill_value
from service.ir.node import Node
from service.ir.sign import is_nonnegative
from service.ir.walk import rebuild, topological
from service.tasks.as_written import many_of, within_limits
from service.tasks.function import lower
from service.tasks.inputs import Point
from service.tasks.messages import Array, Limits
from service.tasks.remembered import remembered

Mask = NDArray[np.bool_]

# Operations that have no value at some finite arguments, the user's and those they become, by what their domain is.
_POSITIVE = dict.fromkeys(("log", "log2", "log10", "sqrt", "power"), "positive")
_DOMAINS: Mapping[str, str] = {
    **_POSITIVE,
    **dict.fromkeys(("log1p", "xlogy", "logit", "arccosh"), "positive"),
    **dict.fromkeys(("arcsin", "arccos", "arctanh"), "interval"),
    **dict.fromkeys(("inv", "solve", "kernel_inv"), "regular"),
    **dict.fromkeys(("logdet", "kernel_logdet", "cholesky", "kernel_cholesky"), "definite"),
}


@dataclass(frozen=True)
class Undefined:
    """Where the function as written has no value: a mask like each output, and the operation outside of its domain."""

    masks: Sequence[Mask]
    operation: str


def undefined_as_written(written: Sequence[Node], kernel: Sequence[Node], point: Point, limits: Limits) -> Undefined:
    """Where the outputs do not exist since an operation that `kernel` no longer has is outside of its domain.

    What is undefined for being 0/0 only is not among it: such quotients are simplified on purpose.
    """
    none = Undefined([], "")
    if not drops(tuple(written), tuple(kernel)):
        return none
    function, count = within_limits(written, point, limits)
    broken, names = np.zeros(count, dtype=bool), list[str]()

    def watch(node: Node, inputs: Sequence[Array], result: Array) -> None:
        if node.op.name not in _DOMAINS or not np.isnan(result).any():
            return
        here = _points(result, node.shape, count)
        for value, child in zip(inputs, node.inputs, strict=True):
            here = here & ~_points(value, child.shape, count)
        if here.any():
            names.append(node.op.name)
            broken[here] = True

    values = function.run(many_of(point), count, watch=watch)
    if not names:
        return none
    masks = [np.isnan(value) & broken.reshape(-1, *(1,) * (value.ndim - 1)) for value in values]
    masks = masks if point.batch_size is not None else [mask[0] for mask in masks]
    return Undefined(masks, "inv" if names[0] == "solve" else names[0])


def _points(value: Array, shape: Sequence[object], count: int) -> Mask:
    """At which points a value has an entry that is no number."""
    lead = int(value.ndim > len(shape))
    return np.broadcast_to(np.isnan(value).any(axis=tuple(range(lead, value.ndim))), (count,))


@remembered(lambda _: 1)
def drops(written: tuple[Node, ...], kernel: tuple[Node, ...]) -> bool:
    """Whether fewer operations are left of some domain than were written, whose arguments may lie outside of it."""
    before = _by_domain(written)
    if not before:
        return False
    after = _by_domain(kernel)
    dropped = {domain: nodes for domain, nodes in before.items() if len(nodes) > len(after.get(domain, ()))}
    return any(not _is_safe(node) for nodes in dropped.values() for node in nodes)


def _by_domain(outputs: Sequence[Node]) -> dict[str, set[Node]]:
    found = dict[str, set[Node]]()
    for node in topological(outputs):
        domain = _DOMAINS.get(node.op.name)
        if domain is not None and not _is_whole(node):
            found.setdefault(domain, set()).add(node)
    return found


def _is_whole(node: Node) -> bool:
    """Whether a power has a whole number for its exponent."""
    exponent = fill_value(node.inputs[1]) if node.op.name == "power" else None
    return exponent is not None and exponent.is_integer()


def _is_safe(node: Node) -> bool:
    """Whether the argument is seen to be within the domain."""
    return node.op.name in {*_POSITIVE, "log1p"} and is_nonnegative(rebuild([node.inputs[0]], lower)[0])
