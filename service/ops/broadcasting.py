"""NumPy's broadcasting, as a shape rule and as labels of a contraction."""

from __future__ import annotations

from collections.abc import Hashable

from service.errors import ShapeError
from service.ir.contraction import broadcast
from service.ir.node import Node
from service.ir.size import Shape, Size, written


def broadcast_shapes(op: str, *shapes: Shape) -> Shape:
    """The common shape; sizes must be equal or 1, aligned at the last axis."""
    if shapes and shapes.count(shapes[0]) == len(shapes):
        return shapes[0]
    result: list[Size] = [1] * max(map(len, shapes), default=0)
    for shape in shapes:
        for axis in range(-len(shape), 0):
            if result[axis] == 1:
                result[axis] = shape[axis]
            elif shape[axis] not in (1, result[axis]):
                came = " and ".join(map(written, shapes))
                message = f"{op} cannot broadcast {came}: axis {axis} is both {result[axis]!r} and {shape[axis]!r}"
                raise ShapeError(message)
    return tuple(result)


def aligned(*inputs: Node) -> tuple[Node, ...]:
    """The inputs, each repeated to their common shape."""
    shape = broadcast_shapes("operands", *[node.shape for node in inputs])
    return tuple([node if node.shape == shape else broadcast(node, shape) for node in inputs])


def broadcast_labels(x: Shape, shape: Shape, key: Hashable) -> list[Hashable]:
    """Labels under which a factor of shape `x` multiplies into a product of `shape`.

    They are the product's axis numbers; an axis of size 1 that is stretched has a name of its own, told by `key`.
    """
    lead = len(shape) - len(x)
    return [(key, axis) if n == 1 and shape[lead + axis] != 1 else lead + axis for axis, n in enumerate(x)]
