"""Arranging entries: reshaping, indexing, stacking, diagonals, einsum. All but reshape are contractions."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import partial
from typing import Any, cast

from service.errors import LimitError, ShapeError, quote
from service.ir import size
from service.ir.contraction import broadcast, contract
from service.ir.leaves import constant, selector, unit
from service.ir.node import Node
from service.ir.op import Parameter
from service.ir.reshaping import reshape
from service.ir.size import Shape, Size, written
from service.ir.total import total
from service.ops.broadcasting import broadcast_shapes
from service.ops.declaring import declare
from service.ops.indexing import bounds, position
from service.ops.onnx import arranging, products
from service.ops.onnx.sheet import Value
from service.ops.signature import ARRAY, refuse

__all__ = ["reshape"]

MOST_OPERANDS = 16  # of one einsum: the search for the order of its products grows with their cube
_declare = partial(declare, family="structure")


def _reshape_shape(x: Shape, shape: Shape) -> Shape:
    """NumPy's reshape: one size may be -1."""
    known = size.count(n for n in shape if n != -1)
    unknown = [k for k, n in enumerate(shape) if n == -1]
    if len(unknown) == 1:
        rest = size.divide(size.count(x), known)
        if rest is not None:
            return tuple(rest if n == -1 else n for n in shape)
    elif not unknown and known == size.count(x) and not any(isinstance(n, int) and n < 0 for n in shape):
        return shape
    message = f"reshape cannot turn {written(x)} into {written(shape)}: the numbers of entries differ"
    raise ShapeError(message)


def _parts_shape(name: str, shapes: Sequence[Shape]) -> Shape:
    if not shapes:
        message = f"{name} needs at least one part"
        raise ShapeError(message)
    return shapes[0]


def _stack_shape(*parts: Shape, axis: int = 0) -> Shape:
    first = _parts_shape("stack", parts)
    if any(part != first for part in parts):
        raise refuse("stack", "parts of one shape", *dict.fromkeys(parts))
    return (*first[:axis], len(parts), *first[axis:])


def _stack(*parts: Node, axis: int = 0) -> Node:
    labels: list[Hashable] = list(range(len(parts[0].shape)))
    out = [*labels[:axis], "new", *labels[axis:]]
    shape = _stack_shape(*(part.shape for part in parts), axis=axis)
    sizes = dict(zip(out, shape, strict=True))
    return total(
        (contract([(part, labels), (unit(len(parts), k), ["new"])], out, sizes) for k, part in enumerate(parts)), shape
    )


def _concatenate_shape(*parts: Shape, axis: int = 0) -> Shape:
    first = _parts_shape("concatenate", parts)
    joined: Size = 0
    for part in parts:
        if len(part) != len(first) or part[:axis] + part[axis + 1 :] != first[:axis] + first[axis + 1 :]:
            raise refuse("concatenate", f"parts that agree in every axis but {axis}", *dict.fromkeys(parts))
        joined = size.add(joined, part[axis])
    return (*first[:axis], joined, *first[axis + 1 :])


def _concatenate(*parts: Node, axis: int = 0) -> Node:
    shape = _concatenate_shape(*(part.shape for part in parts), axis=axis)
    terms, start = list[Node](), cast("Size", 0)
    out: list[Hashable] = list(range(len(shape)))
    for part in parts:
        labels = [*out[:axis], "part", *out[axis + 1 :]]
        chosen = selector(shape[axis], part.shape[axis], start, 1)
        terms.append(contract([(part, labels), (chosen, [axis, "part"])], out, dict(enumerate(shape))))
        start = size.add(start, part.shape[axis])
    return total(terms, shape)


def _getitem_shape(x: Shape, index: tuple[Any, ...] = ()) -> Shape:
    used = sum(item is not None for item in index)
    if used > len(x):
        message = f"{used} indices are too many for an array of shape {written(x)}"
        raise ShapeError(message)
    shape: list[Size] = []
    axis = 0
    for item in index:
        if item is None:
            shape.append(1)
            continue
        if isinstance(item, tuple):
            shape.append(bounds(item, x[axis])[1])
        else:
            position(item, x[axis], x)
        axis += 1
    return (*shape, *x[axis:])


def _getitem(x: Node, index: tuple[Any, ...] = ()) -> Node:
    """Integers pick by unit vectors, slices by selectors, None makes an axis of size 1."""
    factors: list[tuple[Node, Sequence[Hashable]]] = [(x, [("x", k) for k in range(len(x.shape))])]
    out: list[Hashable] = []
    sizes: dict[Hashable, Size] = {}
    axis = 0
    for place, item in enumerate(index):
        if item is None:
            out.append(("new", place))
            sizes["new", place] = 1
            continue
        n = x.shape[axis]
        if isinstance(item, tuple):
            start, count, step = bounds(item, n)
            factors.append((selector(n, count, start, step), [("x", axis), ("slice", axis)]))
            out.append(("slice", axis))
        else:
            factors.append((unit(n, position(item, n, x.shape)), [("x", axis)]))
        axis += 1
    out += [("x", k) for k in range(axis, len(x.shape))]
    return contract(factors, out, sizes)


def _diag_shape(x: Shape, k: int = 0) -> Shape:
    if len(x) == 1:
        return (size.add(x[0], abs(k)),) * 2
    if len(x) != 2:  # noqa: PLR2004 - a vector or a matrix
        raise refuse("diag", "a vector or a matrix", x)
    return (_diagonal_length(x, k),)


def _diagonal_shape(x: Shape, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Shape:
    if len(x) < 2 or axis1 == axis2:  # noqa: PLR2004 - a matrix
        raise refuse("diagonal", "two different axes", x)
    kept = tuple(n for k, n in enumerate(x) if k not in (axis1, axis2))
    return (*kept, _diagonal_length((x[axis1], x[axis2]), offset))


def _diagonal(x: Node, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Node:
    """NumPy's diagonal: the axes that are left, then the diagonal of the two."""
    labels: list[Hashable] = list(range(len(x.shape)))
    n = _diagonal_shape(x.shape, offset, axis1, axis2)[-1]
    out = [label for k, label in enumerate(labels) if k not in (axis1, axis2)]
    rows = selector(x.shape[axis1], n, max(-offset, 0), 1)
    columns = selector(x.shape[axis2], n, max(offset, 0), 1)
    return contract([(x, labels), (rows, [axis1, "p"]), (columns, [axis2, "p"])], [*out, "p"])


def _broadcast_shape(x: Shape, shape: Shape) -> Shape:
    if broadcast_shapes("broadcast_to", x, shape) != shape:
        raise refuse("broadcast_to", "a shape that x can be repeated to", x, shape)
    return shape


def _diagonal_length(x: Shape, k: int) -> Size:
    rows, columns = size.subtract(x[0], max(-k, 0)), size.subtract(x[1], max(k, 0))
    if isinstance(rows, int) and isinstance(columns, int):
        return max(min(rows, columns), 0)
    longer = size.subtract(rows, columns)
    if isinstance(longer, int):
        return columns if longer > 0 else rows
    if rows != columns:
        raise refuse("diag", "sizes that tell which axis is shorter", x)
    return rows


def _diag(x: Node, k: int = 0) -> Node:
    (*_, n) = _diag_shape(x.shape, k)
    if len(x.shape) == 1:
        n = x.shape[0]
        rows, columns = (selector(size.add(n, abs(k)), n, max(s * k, 0), 1) for s in (-1, 1))
        return contract([(x, "p"), (rows, "ip"), (columns, "jp")], "ij")
    rows = selector(x.shape[0], n, max(-k, 0), 1)
    columns = selector(x.shape[1], n, max(k, 0), 1)
    return contract([(x, "ij"), (rows, "ip"), (columns, "jp")], "p")


def einsum_labels(subscripts: str, shapes: Sequence[Shape]) -> tuple[list[str], str]:
    """Labels of every operand and of the output; without `->` the output is the labels seen once, sorted."""
    inputs, arrow, out = subscripts.partition("->")
    labels = inputs.split(",")
    if len(labels) > MOST_OPERANDS:
        raise LimitError("einsum_operands", len(labels), MOST_OPERANDS, hint="write it as several products")
    letters = set(subscripts) - set(",->.")
    if len(labels) != len(shapes) or not all(letter.isascii() and letter.isalpha() for letter in letters):
        message = f"einsum: {quote(subscripts)} does not name the axes of {len(shapes)} operand(s)"
        raise ShapeError(message)
    spare = [chr(c) for c in range(ord("A"), ord("z")) if chr(c).isalpha() and chr(c) not in letters]
    dots = [
        max(len(shape) - len(label.replace("...", "")), 0) if "..." in label else 0
        for label, shape in zip(labels, shapes, strict=True)
    ]
    hidden = "".join(spare[: max(dots, default=0)])
    labels = [label.replace("...", hidden[len(hidden) - n :]) for label, n in zip(labels, dots, strict=True)]
    if not arrow:
        text = "".join(labels)
        out = hidden + "".join(sorted(letter for letter in letters if text.count(letter) == 1))
    return labels, out.replace("...", hidden)


def _einsum_shape(*shapes: Shape, subscripts: str) -> Shape:
    labels, out = einsum_labels(subscripts, shapes)
    sizes: dict[str, Size] = {}
    for label, shape in zip(labels, shapes, strict=True):
        if len(label) != len(shape):
            message = f"einsum: {quote(label)} names {len(label)} axes of an operand of shape {written(shape)}"
            raise ShapeError(message)
        for letter, n in zip(label, shape, strict=True):
            if sizes.setdefault(letter, n) != n:
                message = f"einsum {quote(subscripts)}: {letter} is both {sizes[letter]!r} and {n!r}"
                raise ShapeError(message)
    if len(set(out)) != len(out) or not set(out) <= set(sizes):
        message = f"einsum {quote(subscripts)}: the output must name each of its labels once, from the inputs"
        raise ShapeError(message)
    return tuple(sizes[letter] for letter in out)


def _einsum(*inputs: Node, subscripts: str) -> Node:
    labels, out = einsum_labels(subscripts, [node.shape for node in inputs])
    return contract(zip(inputs, labels, strict=True), out)


def _getitem_onnx(node: Node, x: Value) -> Value:
    used, shape = 0, node.inputs[0].shape
    places = list[Any]()
    for item in dict(node.attributes)["index"]:
        where = None if item is None else shape[used]
        used += item is not None
        places.append(where if where is None else (bounds if isinstance(item, tuple) else position)(item, where))
    return arranging.indexed(x, places)


def _einsum_onnx(node: Node, *operands: Value) -> Value:
    shapes = [x.shape for x in node.inputs]
    labels, out = einsum_labels(dict(node.attributes)["subscripts"], shapes)
    return products.contraction(list(zip(operands, shapes, strict=True)), labels, out)


_PARTS = Parameter("parts", "arrays")
_TO_SHAPE = Parameter("shape", "shape")
_SHAPE = (_TO_SHAPE,)
_declare("reshape", "the entries in row-major order under another shape", _reshape_shape,
         lambda x, shape: reshape(x, _reshape_shape(x.shape, shape)), (ARRAY, Parameter("shape", "shape")),
         example="reshape(x, (2, 3))", onnx=arranging.reshaped)  # fmt: skip
_declare("stack", "parts of one shape along a new axis", _stack_shape, _stack,
         (_PARTS, Parameter("axis", "new_axis", 0, required=False)), example="stack([x, y])",
         onnx=arranging.stack)  # fmt: skip
_declare("concatenate", "parts joined along an axis", _concatenate_shape, _concatenate,
         (_PARTS, Parameter("axis", "axis", 0, required=False)),
         example="concatenate([x, y])", onnx=arranging.concatenate)  # fmt: skip
_declare("getitem", "entries and slices, as NumPy's basic indexing", _getitem_shape, _getitem,
         (ARRAY, Parameter("index", "index")), example="x[1:]", onnx=_getitem_onnx)  # fmt: skip
_declare("diag", "the diagonal of a matrix, or the matrix with a vector on its diagonal", _diag_shape, _diag,
         (ARRAY, Parameter("k", "integer", 0, required=False)), example="diag(x)", onnx=arranging.diag)  # fmt: skip
_AXIS1, _AXIS2 = Parameter("axis1", "axis", 0, required=False), Parameter("axis2", "axis", 1, required=False)
_declare("diagonal", "the diagonal of two axes, NumPy's", _diagonal_shape, _diagonal,
         (ARRAY, Parameter("offset", "integer", 0, required=False), _AXIS1, _AXIS2), example="diagonal(A)",
         onnx=arranging.diagonal)  # fmt: skip
_declare("ravel", "all entries in one row-major axis", lambda x: (size.count(x),),
         lambda x: reshape(x, (size.count(x.shape),)), onnx=arranging.reshaped)  # fmt: skip
_declare("broadcast_to", "x repeated to a shape, by NumPy's rule", _broadcast_shape,
         broadcast, (ARRAY, _TO_SHAPE), example="broadcast_to(x, (2, 3))", onnx=arranging.repeated)  # fmt: skip
_declare("einsum", "sums of products by index labels, as NumPy's einsum", _einsum_shape, _einsum,
         (Parameter("subscripts", "subscripts"), Parameter("operands", "operands")),
         example="einsum('ij,j->i', A, x)", onnx=_einsum_onnx)  # fmt: skip
_declare("zeros", "an array of zeros", lambda shape: shape, lambda shape: constant(0.0, shape), _SHAPE,
         example="zeros(3)", onnx=arranging.constant(0.0))  # fmt: skip
_declare("ones", "an array of ones", lambda shape: shape, lambda shape: constant(1.0, shape), _SHAPE,
         example="ones(3)", onnx=arranging.constant(1.0))  # fmt: skip
