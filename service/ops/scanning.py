"""Along an axis, keeping its length: cumulative sums, shifts and reversals."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from service.errors import InvalidRequestError
from service.ir import size
from service.ir.coefficient import CONTRACT, parts
from service.ir.contraction import contract
from service.ir.leaves import DELTA, selector, triangle
from service.ir.node import Node, make
from service.ir.op import Parameter
from service.ir.reshaping import reshape
from service.ir.size import Shape
from service.ops.declaring import Form, declare, kernel
from service.ops.onnx import arranging, reducing
from service.ops.signature import ARRAY, AXIS, term

_declare = partial(declare, family="structure")
_AXES = Parameter("axis", "shift_axes", None, required=False)
_ONE_AXIS = Parameter("axis", "axis", None, required=False)


def cumulative_sum(x: Node, axis: int, *, reverse: bool = False) -> Node:
    """The sums of entries up to each place of an axis, or from each place on; a kernel counts axes from the end."""
    if x.op is DELTA:
        below = triangle(x.shape[0], x.shape[0], 0)
        return below if reverse == (axis == 1) else contract([(below, "ij")], "ji")
    inside = _inside(x, axis, lambda factor, own: cumulative_sum(factor, own, reverse=reverse))
    return inside or make(CUMSUM, (x,), (("axis", axis - len(x.shape)), ("reverse", reverse)), x.shape)


def _inside(x: Node, axis: int, act: Callable[[Node, int], Node]) -> Node | None:
    """A linear function of an axis of a product, taken of the one factor that has the axis, if there is one such."""
    coefficient, factors, sizes = parts(x)
    holders = [place for place, (_, labels) in enumerate(factors) if axis in labels]
    if x.op is not CONTRACT or len(holders) != 1 or factors[holders[0]][1].count(axis) != 1:
        return None
    factor, labels = factors[holders[0]]
    factors[holders[0]] = (act(factor, labels.index(axis)), labels)
    return contract(factors, range(len(x.shape)), dict(enumerate(sizes)), coefficient)


def shifted(x: Node, shift: int, axis: int) -> Node:
    """An axis moved on by `shift` places, what falls off the end coming in at the front."""
    n = x.shape[axis]
    places = shift % n if isinstance(n, int) and n else shift
    if not places:
        return x
    inside = _inside(x, axis, lambda factor, own: shifted(factor, places, own))
    return inside or make(ROLL, (x,), (("axis", axis - len(x.shape)), ("shift", places)), x.shape)


def _cumsum_kernel(x: Any, axis: int, reverse: bool) -> Any:  # noqa: FBT001 - an attribute
    return np.flip(np.cumsum(np.flip(x, axis), axis), axis) if reverse else np.cumsum(x, axis)


def _cumsum_vjp(g: Node, out: Node, _: int) -> Node:
    """The matrix of ones below the diagonal, transposed."""
    attributes = dict(out.attributes)
    return cumulative_sum(g, len(g.shape) + attributes["axis"], reverse=not attributes["reverse"])


def _roll_kernel(x: Any, axis: int, shift: int) -> Any:
    return np.roll(x, shift, axis)


def _roll_vjp(g: Node, out: Node, _: int) -> Node:
    attributes = dict(out.attributes)
    return shifted(g, -attributes["shift"], len(g.shape) + attributes["axis"])


def _axis_of(node: Node) -> int | None:
    """The axis as a user counts it; the only one goes without saying."""
    rank = len(node.shape)
    return None if rank == 1 else rank + int(dict(node.attributes)["axis"])


def _raised_cumsum(node: Node, form: Form) -> Node:
    x, axis = form(node.inputs[0]), _axis_of(node)
    if not dict(node.attributes)["reverse"]:
        return term("cumsum", x, axis=axis)
    return term("flip", term("cumsum", term("flip", x, axis=axis), axis=axis), axis=axis)


def _raised_roll(node: Node, form: Form) -> Node:
    attributes = dict(node.attributes)
    shift, n = attributes["shift"], node.shape[attributes["axis"]]
    places = shift - n if isinstance(n, int) and 2 * shift > n else shift
    return term("roll", form(node.inputs[0]), shift=places, axis=_axis_of(node))


def _rebuilt_cumsum(inputs: tuple[Node, ...], attributes: Any) -> Node:
    (x,), given = inputs, dict(attributes)
    return cumulative_sum(x, len(x.shape) + given["axis"], reverse=given["reverse"])


def _rebuilt_roll(inputs: tuple[Node, ...], attributes: Any) -> Node:
    (x,), given = inputs, dict(attributes)
    return shifted(x, given["shift"], len(x.shape) + given["axis"])


CUMSUM = kernel("kernel_cumsum", _cumsum_kernel, _cumsum_vjp, build=_rebuilt_cumsum, raised=_raised_cumsum)
ROLL = kernel("kernel_roll", _roll_kernel, _roll_vjp, build=_rebuilt_roll, raised=_raised_roll)


def _cumsum(x: Node, axis: int | None = None) -> Node:
    return cumulative_sum(reshape(x, (size.count(x.shape),)), 0) if axis is None else cumulative_sum(x, axis)


def _cumsum_shape(x: Shape, axis: int | None = None) -> Shape:
    return (size.count(x),) if axis is None else x


def _flip(x: Node, axis: tuple[int, ...] | None = None) -> Node:
    factors: list[Any] = [(x, [("x", k) for k in range(len(x.shape))])]
    out: list[Any] = [("x", k) for k in range(len(x.shape))]
    for k in range(len(x.shape)) if axis is None else axis:
        n = x.shape[k]
        factors.append((selector(n, n, size.subtract(n, 1), -1), [("x", k), ("flipped", k)]))
        out[k] = ("flipped", k)
    return contract(factors, out)


def _roll(x: Node, shift: int | tuple[int, ...], axis: tuple[int, ...] | None = None) -> Node:
    if axis is None:
        return reshape(_roll(reshape(x, (size.count(x.shape),)), shift, (0,)), x.shape)
    for k, places in zip(axis, shift if isinstance(shift, tuple) else (shift,) * len(axis), strict=True):
        x = shifted(x, places, k)
    return x


def _roll_shape(x: Shape, shift: int | tuple[int, ...], axis: tuple[int, ...] | None = None) -> Shape:
    if isinstance(shift, tuple) and (axis is None or len(axis) != len(shift)):
        message = f"roll: {len(shift)} shifts need as many axes, got axis={axis!r}"
        raise InvalidRequestError(message)
    return x


_declare("cumsum", "sums of the entries up to each place, along an axis or of all in a row", _cumsum_shape,
         _cumsum, (ARRAY, _ONE_AXIS), example="cumsum(x)", onnx=reducing.cumsum)  # fmt: skip
_declare("flip", "entries in reverse order along axes, all unless told", lambda x, axis=None: x, _flip, (ARRAY, AXIS),
         example="flip(x)", onnx=arranging.flip)  # fmt: skip
_declare("roll", "entries moved on by `shift` places, those at the end to the front, along axes or all in a row",
         _roll_shape, _roll, (ARRAY, Parameter("shift", "shifts"), _AXES), example="roll(x, 1)",
         onnx=arranging.roll)  # fmt: skip
