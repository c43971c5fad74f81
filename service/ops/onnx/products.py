"""Products of arrays, all by Einsum.

Not by MatMul: onnxruntime joins one with a neighbouring scale, which it keeps in float32, and with a neighbouring
transpose, where it mistakes a transposed matrix times a vector. Einsum runs on the same kernels.
"""

from __future__ import annotations

from collections.abc import Sequence

from service.ir.node import Node
from service.ir.size import Shape, Size
from service.ops.broadcasting import broadcast_shapes
from service.ops.onnx.arranging import reshaped
from service.ops.onnx.sheet import Value, op

Operand = tuple[Value, Shape]
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def contraction(operands: Sequence[Operand], labels: Sequence[str], out: str) -> Value:
    """The sum of products, taken from left to right: each operand follows one that it shares a label with.

    Over no entries it is 0, and not left to onnxruntime, which an empty axis would end.
    """
    sizes = {
        letter: n
        for (_, shape), label in zip(operands, labels, strict=True)
        for letter, n in zip(label, shape, strict=True)
    }
    if 0 in sizes.values():
        return operands[0][0].sheet.filled(0.0, tuple(sizes[letter] for letter in out))
    left = list(range(1, len(operands)))
    order, seen = [0], set(labels[0])
    while left:
        place = next((k for k in left if seen & set(labels[k])), left[0])
        left.remove(place)
        order.append(place)
        seen |= set(labels[place])
    equation = ",".join(labels[k] for k in order) + "->" + out
    return op("Einsum", *(operands[k][0] for k in order), equation=equation)


def product(first: Operand, second: Operand) -> Value:
    """NumPy's matmul of values with their shapes; a batch axis that is stretched is left out of its operand."""
    batch = max(len(first[1]), len(second[1]), 2) - 2
    row, inside, column = tuple(LETTERS[batch : batch + 3])
    stretched = [n != 1 for n in broadcast_shapes("matmul", first[1][:-2], second[1][:-2])]
    operands, labels = list[Operand](), list[str]()
    ends = (row + inside if len(first[1]) > 1 else inside, inside + column if len(second[1]) > 1 else inside)
    for (x, shape), end in zip((first, second), ends, strict=True):
        lead = len(shape) - len(end)
        places = range(batch - lead, batch)
        gone = [k for k, place in enumerate(places) if shape[k] == 1 and stretched[place]]
        kept = tuple(n for k, n in enumerate(shape) if k not in gone)
        operands.append((op("Squeeze", x, x.sheet.integers(gone)) if gone else x, kept))
        labels.append("".join(LETTERS[place] for k, place in enumerate(places) if k not in gone) + end)
    out = LETTERS[:batch] + "".join(letter for letter in (row, column) if letter in "".join(ends))
    return contraction(operands, labels, out)


def matmul(node: Node, x: Value, y: Value) -> Value:
    """NumPy's matmul."""
    first, second = node.inputs
    return product((x, first.shape), (y, second.shape))


def _pair(node: Node, x: Value, y: Value) -> list[Operand]:
    return [(x, node.inputs[0].shape), (y, node.inputs[1].shape)]


def inner(node: Node, x: Value, y: Value) -> Value:
    """Sums over the last axes of both."""
    first, second = (len(child.shape) for child in node.inputs)
    if not first or not second:
        return x * y
    shared = LETTERS[first + second]
    left, right = LETTERS[: first - 1], LETTERS[first : first + second - 1]
    return contraction(_pair(node, x, y), [left + shared, right + shared], left + right)


def dot(node: Node, x: Value, y: Value) -> Value:
    """Sums over the last axis of x and the last but one of y."""
    first, second = (len(child.shape) for child in node.inputs)
    if not first or not second:
        return x * y
    shared, left = LETTERS[first + second], LETTERS[: first - 1]
    right = LETTERS[first : first + second - 1]
    of_y = right[:-1] + shared + right[-1:] if second > 1 else shared
    return contraction(_pair(node, x, y), [left + shared, of_y], left + right)


def outer(node: Node, x: Value, y: Value) -> Value:
    """Every entry by every entry."""
    m, n = node.shape
    column = op("Reshape", x, x.sheet.shape((m, 1)), allowzero=1)
    return column * op("Reshape", y, y.sheet.shape((1, n)), allowzero=1)


def kron(node: Node, x: Value, y: Value) -> Value:
    """The axes of both by turns, joined."""
    rank, shapes = len(node.shape), list[list[Size]]()
    for place, child in enumerate(node.inputs):
        whole = (1,) * (rank - len(child.shape)) + child.shape
        shapes.append([n for entry in whole for n in ((entry, 1) if place == 0 else (1, entry))])
    if not rank:
        return x * y
    pair = [
        op("Reshape", one, x.sheet.shape(tuple(shape)), allowzero=1) for one, shape in zip((x, y), shapes, strict=True)
    ]
    return reshaped(node, pair[0] * pair[1])


def trace(node: Node, x: Value) -> Value:
    """The sum of the diagonal of the last two axes."""
    batch = LETTERS[: len(node.shape)]
    same = LETTERS[len(node.shape)]
    return contraction([(x, node.inputs[0].shape)], [batch + same + same], batch)
