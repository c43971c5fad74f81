"""What a request says of its variables: shapes, named sizes, values, and which of them are batched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from service.errors import InvalidRequestError, ShapeError, UnknownNameError, nearest
from service.frontends.sizes import bind
from service.ir import size
from service.ir.size import Dim, Shape, Size, written
from service.tasks.messages import Array


@dataclass(frozen=True)
class Point:
    """Values for variables: `arrays` in float64, of which `batched` have a leading axis of length `batch_size`.

    `sizes` gives the named sizes that the values settle. Programs are planned for `count` points, of which `planned`
    have a batch axis: none where each point is computed as if it were `alone`.
    """

    arrays: Mapping[str, Array]
    batched: frozenset[str]
    batch_size: int | None
    sizes: Mapping[str, int]
    alone: bool = False

    @property
    def count(self) -> int:
        """The number of points."""
        return 1 if self.alone else self.batch_size or 1

    @property
    def planned(self) -> frozenset[str]:
        """The variables that have a batch axis, as far as plans are concerned."""
        return frozenset() if self.alone else self.batched

    def joined_by(
        self,
        values: Mapping[str, Array],
        shapes: Mapping[str, Shape],
        field: str,
        sent: Mapping[str, str] | None = None,
    ) -> Point:
        """The point with values for further variables, sent in `field`, shared or along the same batch.

        `sent` has the pointers of those whose place in the request is not their name's.
        """
        if not values:
            return self
        bound = {name: bind(shape, self.sizes) for name, shape in shapes.items()}
        further = read_point(values, bound, field, sent)
        both = {self.batch_size, further.batch_size} - {None}
        if len(both) > 1:
            message = f"all batched values must have one length: at has {self.batch_size}, {field} {further.batch_size}"
            raise InvalidRequestError(message, pointer=f"/{field}")
        return Point(
            {**self.arrays, **further.arrays}, self.batched | further.batched, next(iter(both), None), self.sizes
        )


NOWHERE = Point({}, frozenset(), None, {})


def read_point(
    at: Mapping[str, Array],
    shapes: Mapping[str, Shape],
    field: str = "at",
    sent: Mapping[str, str] | None = None,
    known: Mapping[str, int] | None = None,
) -> Point:
    """Match every value with its variable's shape, plain or with one more leading axis.

    `known` has sizes that are settled before; `sent` is as in `joined_by`. Raises UnknownNameError for a value that no
    variable has, ShapeError for one that does not fit, and InvalidRequestError for batches of different lengths.
    """
    sizes = dict(known or {})
    batched: dict[str, int] = {}
    for name, value in at.items():
        if name not in shapes:
            message = f"{field} has a value for {name}, which is not a variable{nearest(name, shapes)}"
            raise UnknownNameError(message, pointer=f"/{field}/{name}")
        shape = shapes[name]
        if _fits(value.shape, shape, sizes):
            continue
        if value.ndim and _fits(value.shape[1:], shape, sizes):
            batched[name] = value.shape[0]
            continue
        settled = [f"{entry!r} is {sizes[repr(entry)]}" for entry in dict.fromkeys(shape) if repr(entry) in sizes]
        where = f", where {' and '.join(settled)}" if settled else ""
        message = f"{name} has shape {written(shape)}{where}, got a value of shape {written(value.shape)}"
        raise ShapeError(message, pointer=(sent or {}).get(name, f"/{field}/{name}"))
    if len(set(batched.values())) > 1:
        lengths = ", ".join(f"{name} has {length}" for name, length in batched.items())
        message = f"all batched values must have one length: {lengths}"
        raise InvalidRequestError(message, pointer=f"/{field}")
    return Point(dict(at), frozenset(batched), next(iter(batched.values()), None), sizes)


def _fits(value: tuple[int, ...], shape: Shape, sizes: dict[str, int]) -> bool:
    """Whether a value's shape is the declared one; names met for the first time are settled by it."""
    if len(value) != len(shape):
        return False
    settled = dict(sizes)
    for number, declared in zip(value, shape, strict=True):
        expected = _settled(declared, settled)
        if isinstance(expected, Dim):
            name = _plain_name(expected)
            if name is None:
                return False
            settled[name] = number
        elif expected != number:
            return False
    sizes.update(settled)
    return True


def _settled(entry: Size, sizes: Mapping[str, int]) -> Size:
    return bind((entry,), sizes)[0]


def _plain_name(entry: Dim) -> str | None:
    (names, coefficient), *rest = entry.terms
    return names[0] if len(names) == 1 and coefficient == 1 and not rest else None


def is_concrete(shapes: Mapping[str, Shape]) -> bool:
    """Whether every size is a number."""
    return not any(size.names(entry) for shape in shapes.values() for entry in shape)


def spread(value: Array, batch_size: int | None, shape: tuple[int, ...]) -> Array:
    """The value with the batch axis that every answer of a batch has."""
    return value if batch_size is None or value.ndim > len(shape) else np.broadcast_to(value, (batch_size, *shape))
