"""Integers and conditions that are constants, computed while a model is read: shapes, axes, indices."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from math import prod
from typing import Any

from service.errors import UnsupportedOperationError
from service.frontends.bounds import is_modest
from service.frontends.onnx.arranging import squeezed_axes, unsqueezed
from service.frontends.onnx.slicing import slices
from service.frontends.onnx.values import Known, ModelBuilder, axis_of, whole, whole_number, whole_numbers
from service.ir import size
from service.ir.size import Dim, Size
from service.ops.broadcasting import broadcast_shapes

Fold = Callable[..., Known]


def _quotient(x: Size, y: Size) -> Size:
    exact = size.divide(x, y)
    if exact is not None:
        return exact
    if isinstance(x, int) and isinstance(y, int) and y:
        return abs(x) // abs(y) * (1 if (x < 0) == (y < 0) else -1)  # rounds to 0, as C does
    message = f"{x!r} cannot be divided by {y!r}"
    raise UnsupportedOperationError(message)


def _remainder(x: int, y: int) -> int:
    if not y:
        message = "a remainder of a division by 0"
        raise UnsupportedOperationError(message)
    return x % y


def _remainder_as_c(x: int, y: int) -> int:
    """With the sign of x."""
    return abs(_remainder(abs(x), abs(y))) * (-1 if x < 0 else 1)


def _numbers(rule: Callable[..., Any]) -> Callable[..., Size]:
    return lambda *entries: rule(*map(whole_number, entries))


def _same(x: Size, y: Size) -> Size:
    """Whether two sizes are equal; a named size is no number below 0, as which -1 stands for something else."""
    if x == y or (isinstance(x, int) and isinstance(y, int)):
        return int(x == y)
    if any(_is_negative(a) and _is_positive(b) for a, b in ((x, y), (y, x))):
        return 0
    message = f"whether {x!r} is {y!r} is not known"
    raise UnsupportedOperationError(message)


def _is_negative(x: Size) -> bool:
    return isinstance(x, int) and x < 0


def _is_positive(x: Size) -> bool:
    return isinstance(x, Dim) and all(count > 0 for _, count in x.terms)


def places(shape: Sequence[int], of: Sequence[int]) -> list[int]:
    """For each entry of `shape` in row-major order, which entry of an array of shape `of` is broadcast to it."""
    strides = [prod(of[k + 1 :]) if n != 1 else 0 for k, n in enumerate(of)]
    strides = [0] * (len(shape) - len(of)) + strides
    return [sum(map(operator.mul, index, strides)) for index in product(*map(range, shape))]


def _entrywise(rule: Callable[..., Size], kind: str = "") -> Fold:
    def fold(*parts: Known, builder: ModelBuilder) -> Known:
        shape: tuple[Any, ...] = broadcast_shapes("constants", *(part.shape for part in parts))
        builder.spend(size.bulk(shape))
        columns = [[part.entries[k] for k in places(shape, part.shape)] for part in parts]
        entries = tuple(rule(*entry) for entry in zip(*columns, strict=True))
        if not all(map(is_modest, entries)):
            raise _immense()
        return Known(kind or parts[-1].kind, shape, entries)  # type: ignore[arg-type]

    return fold


_MODULO = {False: _entrywise(_numbers(_remainder)), True: _entrywise(_numbers(_remainder_as_c))}


def _arranged(x: Known, shape: Sequence[Any]) -> Known:
    return Known(x.kind, tuple(map(whole_number, shape)), x.entries)


def _reshape(x: Known, shape: Known, *, allowzero: int = 0, **_: Any) -> Known:
    wanted = list(whole_numbers(shape) or ())
    wanted = [x.shape[k] if n == 0 and not allowzero and k < len(x.shape) else n for k, n in enumerate(wanted)]
    known = prod(n for n in wanted if n != -1)
    wanted = [len(x.entries) // max(known, 1) if n == -1 else n for n in wanted]
    if prod(wanted) != len(x.entries):
        message = f"a shape {wanted} for {len(x.entries)} entries"
        raise UnsupportedOperationError(message)
    return _arranged(x, wanted)


def chosen(x: Known, choices: Sequence[Sequence[int]]) -> Known:
    """The entries at these places of every axis."""
    strides = [prod(x.shape[k + 1 :]) for k in range(len(x.shape))]
    entries = tuple(x.entries[sum(map(operator.mul, index, strides))] for index in product(*choices))
    return Known(x.kind, tuple(map(len, choices)), entries)


def _slice(x: Known, *bounds: Any, **attributes: Any) -> Known:
    given = bounds or [attributes.get(name) for name in ("starts", "ends", "axes")]
    found = slices(len(x.shape), x.shape, (*given, None, None)[:4])
    return chosen(x, [range(n)[slice(*item)] for n, item in zip(x.shape, found, strict=True)])


def _gather(x: Known, indices: Known, *, axis: int, builder: ModelBuilder) -> Known:
    place = axis_of(axis, len(x.shape))
    picked = [axis_of(whole_number(index), x.shape[place]) for index in indices.entries]
    builder.spend(len(picked) * len(x.entries))
    found = chosen(x, [picked if k == place else range(n) for k, n in enumerate(x.shape)])
    return _arranged(found, (*x.shape[:place], *indices.shape, *x.shape[place + 1 :]))


def _concat(*parts: Known, axis: int, **_: Any) -> Known:
    place = axis_of(axis, len(parts[0].shape))
    if any(part.shape[:place] + part.shape[place + 1 :] != parts[0].shape[:place] + parts[0].shape[place + 1 :]
           for part in parts):  # fmt: skip
        message = "the parts differ in other axes"
        raise UnsupportedOperationError(message)
    rows = range(prod(parts[0].shape[:place]))
    blocks = [len(part.entries) // max(len(rows), 1) for part in parts]
    entries = [e for row in rows for part, n in zip(parts, blocks, strict=True)
               for e in part.entries[row * n : (row + 1) * n]]  # fmt: skip
    joined = sum(part.shape[place] for part in parts)
    return Known(parts[0].kind, (*parts[0].shape[:place], joined, *parts[0].shape[place + 1 :]), tuple(entries))


def _squeeze(x: Known, axes: Any = None, **_: Any) -> Known:
    given = squeezed_axes(axes)
    gone = (
        [axis_of(k, len(x.shape)) for k in given] if given is not None else [k for k, n in enumerate(x.shape) if n == 1]
    )
    if any(x.shape[k] != 1 for k in gone):
        message = "only axes of size 1 can be squeezed"
        raise UnsupportedOperationError(message)
    return _arranged(x, [n for k, n in enumerate(x.shape) if k not in gone])


def _expand(x: Known, shape: Known, *, builder: ModelBuilder) -> Known:
    wanted: tuple[Any, ...] = broadcast_shapes("Expand", x.shape, whole_numbers(shape) or ())
    builder.spend(size.bulk(wanted))
    return Known(x.kind, wanted, tuple(x.entries[k] for k in places(wanted, x.shape)))


def _range(start: Known, limit: Known, delta: Known, *, builder: ModelBuilder, **_: Any) -> Known:
    bounds = [whole_number(value) for value in (start, limit, delta)]
    if not bounds[2]:
        message = "a range with steps of 0"
        raise UnsupportedOperationError(message)
    found = range(*bounds)
    builder.spend(len(found))
    return Known("int", (len(found),), tuple(found))


def _product(entries: Sequence[Size]) -> Size:
    found: Size = 1
    for entry in entries:
        found = size.multiply(found, entry)
        if not is_modest(found):
            raise _immense()
    return found


def _immense() -> UnsupportedOperationError:
    message = "the constants become immense"
    return UnsupportedOperationError(message)


def _total(rule: Callable[[Sequence[Size]], Size]) -> Fold:
    def fold(x: Known, axes: Any = None, *, keepdims: int = 1, noop_with_empty_axes: int = 0, **_: Any) -> Known:
        gone = whole(axes) or ()
        if noop_with_empty_axes and not gone:
            return x
        if len(x.shape) != 1 or gone not in {(), (0,), (-1,)} or not x.entries:
            message = "integers of one axis are reduced, at least one of them, and no others"
            raise UnsupportedOperationError(message)
        return Known(x.kind, (1,) * len(x.shape) if keepdims else (), (rule(x.entries),))

    return fold


FOLDS: Mapping[str, Fold] = {
    "Abs": _entrywise(_numbers(abs)),
    "Add": _entrywise(size.add),
    "And": _entrywise(operator.and_),
    "Concat": _concat,
    "Div": _entrywise(_quotient),
    "Equal": _entrywise(_same, "bool"),
    "Expand": _expand,
    "Gather": _gather,
    "Greater": _entrywise(_numbers(operator.gt), "bool"),
    "GreaterOrEqual": _entrywise(_numbers(operator.ge), "bool"),
    "Identity": lambda x, **_: x,
    "Less": _entrywise(_numbers(operator.lt), "bool"),
    "LessOrEqual": _entrywise(_numbers(operator.le), "bool"),
    "Max": _entrywise(_numbers(lambda *entries: max(entries))),
    "Min": _entrywise(_numbers(lambda *entries: min(entries))),
    "Mod": lambda x, y, *, fmod, **more: _MODULO[bool(fmod)](x, y, **more),
    "Mul": _entrywise(size.multiply),
    "Neg": _entrywise(lambda x: size.multiply(-1, x)),
    "Not": _entrywise(lambda x: size.subtract(1, x)),
    "Or": _entrywise(operator.or_),
    "Range": _range,
    "ReduceMax": _total(lambda entries: max(map(whole_number, entries))),
    "ReduceMin": _total(lambda entries: min(map(whole_number, entries))),
    "ReduceProd": _total(_product),
    "Reshape": _reshape,
    "Slice": _slice,
    "Squeeze": _squeeze,
    "Sub": _entrywise(size.subtract),
    "Unsqueeze": lambda x, axes, **_: _arranged(x, unsqueezed(x.shape, axes)),
    "Where": _entrywise(lambda condition, x, y: x if condition else y),
    "Xor": _entrywise(operator.xor),
}
