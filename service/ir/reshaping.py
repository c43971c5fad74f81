"""Reshaping, kept at the outside of a term: inside of a contraction it would hide the axes that cancel."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

from service.ir import size
from service.ir.coefficient import CONTRACT, parts
from service.ir.leaves import ARRAY, DELTA, array, constant, delta, fill_value
from service.ir.node import Node, make
from service.ir.op import Op, register
from service.ir.recursion import contract
from service.ir.size import Shape, Size

Group = tuple[list[int], list[int]]


def _kernel(x: Any, rank: int, shape: Shape) -> Any:
    return x.reshape(x.shape[: x.ndim - rank] + shape)


def _vjp(g: Node, out: Node, _: int) -> Node:
    lead = g.shape[: len(g.shape) - len(out.shape)]
    return reshape(g, lead + out.inputs[0].shape)


RESHAPE = register(Op("kernel_reshape", "kernel", kernel=_kernel, vjp=_vjp, internal=True))


def reshape(node: Node, shape: Shape) -> Node:
    """The entries of `node` in row-major order under another shape of as many entries."""
    if node.shape == shape:
        return node
    value = fill_value(node)
    if value is not None:
        return constant(value, shape)
    if node.op is ARRAY:
        return array(node.attributes.content, shape)
    if node.op is RESHAPE:
        return reshape(node.inputs[0], shape)
    split = _split_identity(node, shape)
    if split is not None:
        return reshape(split, shape)
    return make(RESHAPE, (node,), (("rank", len(node.shape)), ("shape", shape)), shape)


def groups(old: Shape, new: Shape) -> list[Group]:
    """The finest pairing of runs of old axes with runs of new axes that hold the same entries in the same order."""
    if 0 in old:
        return [(list(range(len(old))), list(range(len(new))))]
    found: list[Group] = []
    i = j = 0
    while i < len(old) or j < len(new):
        if i < len(old) and old[i] == 1 and (j == len(new) or new[j] != 1):
            found.append(([i], []))
            i += 1
        elif j < len(new) and new[j] == 1 and (i == len(old) or old[i] != 1):
            found.append(([], [j]))
            j += 1
        else:
            (a, b) = _run(old, new, i, j)
            found.append((list(range(i, a)), list(range(j, b))))
            i, j = a, b
    return found


def _run(old: Shape, new: Shape, i: int, j: int) -> tuple[int, int]:
    left, right = old[i], new[j]
    a, b = i + 1, j + 1
    while left != right:
        if a < len(old) and (b == len(new) or _smaller(left, right)):
            left, a = size.multiply(left, old[a]), a + 1
        elif b < len(new):
            right, b = size.multiply(right, new[b]), b + 1
        else:
            return len(old), len(new)
    return a, b


def _smaller(left: Size, right: Size) -> bool:
    if isinstance(left, int) and isinstance(right, int):
        return left < right
    return size.divide(right, left) is not None


def _split_identity(node: Node, shape: Shape) -> Node | None:
    """Where an axis that a delta ties to another is split, the delta splits and its other axis is merged outside."""
    if node.op is not CONTRACT and node.op is not DELTA:
        return None
    coefficient, factors, sizes = parts(node)
    for old, new in groups(node.shape, shape):
        if len(old) != 1 or len(new) <= 1:
            continue
        tied = [factor for factor in factors if old[0] in factor[1]]
        if len(tied) != 1 or tied[0][0].op is not DELTA:
            continue
        twin = next(label for label in tied[0][1] if label != old[0])
        if sum(twin in labels for _, labels in factors) != 1:
            continue
        pieces = [shape[k] for k in new]
        parted: dict[Hashable, list[Hashable]] = {
            label: [(label, k) for k in range(len(pieces))] for label in (old[0], twin)
        }
        rest: list[tuple[Node, Sequence[Hashable]]] = [factor for factor in factors if factor is not tied[0]]
        rest += [(delta(n), [(old[0], k), (twin, k)]) for k, n in enumerate(pieces)]
        out = [piece for axis in range(len(node.shape)) for piece in parted.get(axis, [axis])]
        known = {label: n for label, n in enumerate(sizes) if label not in parted}
        return contract(rest, out, known, coefficient)
    return None


def pull_merges(
    factors: Sequence[tuple[Node, Sequence[Hashable]]], out: Sequence[Hashable]
) -> tuple[list[tuple[Node, Sequence[Hashable]]], list[Hashable]] | None:
    """Undo, inside of a product, the merging of axes that are free and stand in no other factor; None if there is none.

    The product of what is returned, reshaped, is the product of what was given.
    """
    if not any(node.op is RESHAPE for node, _ in factors):
        return None
    seen = [label for _, labels in factors for label in labels]
    new_out, changed, pulled = list(out), False, list[tuple[Node, Sequence[Hashable]]]()
    for number, (node, labels) in enumerate(factors):
        if node.op is not RESHAPE:
            pulled.append((node, labels))
            continue
        inner = node.inputs[0]
        shape, names = list[Size](), list[Hashable]()
        for old, new in groups(inner.shape, node.shape):
            label = labels[new[0]] if new else None
            if len(new) == 1 and len(old) != 1 and seen.count(label) == 1 and new_out.count(label) == 1:
                pieces: list[Hashable] = [("piece", number, k) for k in old]
                place = new_out.index(label)
                new_out[place : place + 1] = pieces
                shape += [inner.shape[k] for k in old]
                names += pieces
                changed = True
            else:
                shape += [node.shape[k] for k in new]
                names += [labels[k] for k in new]
        pulled.append((reshape(inner, tuple(shape)), names))
    return (pulled, new_out) if changed else None
