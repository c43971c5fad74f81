"""Sizes that the text does not tell: `vector(1)` is as long as what it is added to or multiplied with.

Equations between sizes are solved by unification: an unknown size becomes equal to the first size that it meets.
"""

from __future__ import annotations

from dataclasses import dataclass

from service.frontends.sizes import ABSENT
from service.frontends.values import Span
from service.ir.size import Dim, Size


class Unknown:
    """A size that is not known yet; `equal` is the one that it has turned out to be."""

    __slots__ = ("equal",)

    def __init__(self) -> None:
        self.equal: AnySize | None = None


AnySize = Size | Unknown


def settled(size: AnySize) -> AnySize:
    """What is known of a size."""
    while isinstance(size, Unknown) and size.equal is not None:
        if isinstance(size.equal, Unknown) and size.equal.equal is not None:
            size.equal = size.equal.equal  # halves the way for the next who asks
        size = size.equal
    return size


def unify(one: AnySize, other: AnySize) -> bool:
    """Make two sizes equal; False where they are known to differ."""
    one, other = settled(one), settled(other)
    if isinstance(one, Unknown):
        if one is not other:
            one.equal = other
        return True
    if isinstance(other, Unknown):
        other.equal = one
        return True
    return one == other


@dataclass(slots=True)
class Oriented:
    """A value: a scalar (`rank` 0), a vector (1) or a matrix (2), with as many rows and columns as MATLAB gives it.

    `step` is its place on the tape, `row` tells a row from a column among vectors, `plain` is what it is as a size,
    `number` the value of a number that is written out.
    """

    span: Span
    step: int
    rank: int = 0
    rows: AnySize = 1
    columns: AnySize = 1
    row: bool = False
    plain: object = ABSENT
    number: float | None = None

    @property
    def is_single(self) -> bool:
        """Whether it has one row and one column, which makes it a scalar in MATLAB."""
        return settled(self.rows) == 1 and settled(self.columns) == 1

    @property
    def written(self) -> str:
        """Rows and columns as errors show them."""
        shown = (repr(size) if isinstance(size, int | Dim) else "?" for size in map(settled, (self.rows, self.columns)))
        return f"({', '.join(shown)})"
