"""The bounds a frontend keeps: what it takes from the configuration, and caps that no configuration moves."""

from __future__ import annotations

from typing import Protocol

from service.errors import LimitError, ShapeError
from service.ir.size import Dim, Shape, Size, written

NUMBER_LENGTH = 40  # characters of a number: 17 digits are exact, and a long integer takes quadratic time to read
NAME_LENGTH = 64
LARGEST_INTEGER = 2**31  # of a size, or of a bound in an index
LARGEST_PARAMETER = 2**16  # of an integer that tells how often something is done: an order, a power
SIZE_TERMS = 16  # of a polynomial in named sizes
SIZE_DEGREE = 16
SHOWN_BITS = 128

# The limits' names, as errors tell them.
AXES, BYTES, DEPTH, ELEMENTS, NODES, SIZE, TOKENS = (
    "axes", "expression_bytes", "depth", "elements", "nodes", "size", "tokens",
)  # fmt: skip


class Limits(Protocol):
    """The configured bounds that reading a graph must keep."""

    @property
    def expression_bytes(self) -> int:
        """The longest text."""

    @property
    def tokens(self) -> int:
        """The tokens of a text."""

    @property
    def depth(self) -> int:
        """How deep brackets may nest."""

    @property
    def nodes(self) -> int:
        """The nodes of a graph."""

    @property
    def axes(self) -> int:
        """The axes of an array."""

    @property
    def elements(self) -> int:
        """The entries of an array."""


def check_count(limit: str, value: int, cap: int, *, pointer: str | None = None) -> None:
    """Refuse a value over the cap of the limit called `limit`."""
    if value > cap:
        raise LimitError(limit, _shown(value), cap, pointer=pointer)


def over_by_one(limit: str, cap: int) -> LimitError:
    """The refusal of the first thing beyond the cap, where the rest is not counted."""
    return LimitError(limit, f"more than {cap}", cap)


def is_integer(value: object) -> bool:
    """Whether this is an int and not True or False."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_modest(size: Size) -> bool:
    """Whether a size is small enough to calculate with: repeated products of names grow without end."""
    if not isinstance(size, Dim):
        return abs(size) <= LARGEST_INTEGER
    if len(size.terms) > SIZE_TERMS:
        return False
    return all(len(names) <= SIZE_DEGREE and abs(count) <= LARGEST_INTEGER for names, count in size.terms)


def check_shape(shape: Shape, limits: Limits) -> None:
    """Refuse a shape with too many axes, or with a size that is negative or immense."""
    check_count(AXES, len(shape), limits.axes)
    for size in shape:
        if not is_modest(size):
            raise LimitError(SIZE, _shown(size), LARGEST_INTEGER)
        if isinstance(size, int) and size < 0:
            message = f"a size cannot be negative, got {written(shape)}"
            raise ShapeError(message)


def _shown(size: Size) -> str:
    if isinstance(size, Dim):
        return "a size of many terms or factors"
    # Python refuses to write an integer of thousands of digits.
    return str(size) if size.bit_length() < SHOWN_BITS else "a size of many digits"
