"""Sizes of axes: numbers, or polynomials in named sizes such as `n`, `m*n` or `n - 1`."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Dim:
    """A polynomial with integer coefficients in named sizes, never a plain number.

    `terms` are (names of the monomial, coefficient), sorted, so that equal sizes are equal objects.
    """

    terms: tuple[tuple[tuple[str, ...], int], ...]

    def __repr__(self) -> str:
        """The size as it is written in the language."""
        parts = []
        for names, coefficient in self.terms:
            factors = ([] if names and abs(coefficient) == 1 else [str(abs(coefficient))]) + list(names)
            parts.append((" - " if coefficient < 0 else " + ") + "*".join(factors))
        text = "".join(parts)
        return text.removeprefix(" + ") if text.startswith(" + ") else "-" + text.removeprefix(" - ")


Size = int | Dim
Shape = tuple[Size, ...]


def named(name: str) -> Dim:
    """The size called `name`."""
    return Dim((((name,), 1),))


def _monomials(size: Size) -> dict[tuple[str, ...], int]:
    return dict(size.terms) if isinstance(size, Dim) else {(): size}


def _size(monomials: dict[tuple[str, ...], int]) -> Size:
    terms = {names: count for names, count in monomials.items() if count}
    if set(terms) <= {()}:
        return terms.get((), 0)
    # Names before numbers, longest product first: `m*n + n - 1`.
    return Dim(tuple(sorted(terms.items(), key=lambda term: (-len(term[0]), term[0]))))


def add(left: Size, right: Size) -> Size:
    """The sum of two sizes."""
    if isinstance(left, int) and isinstance(right, int):
        return left + right
    total = Counter(_monomials(left))
    for names, count in _monomials(right).items():
        total[names] += count
    return _size(total)


def multiply(left: Size, right: Size) -> Size:
    """The product of two sizes."""
    if isinstance(left, int) and isinstance(right, int):
        return left * right
    total: Counter[tuple[str, ...]] = Counter()
    for a, m in _monomials(left).items():
        for b, n in _monomials(right).items():
            total[tuple(sorted(a + b))] += m * n
    return _size(total)


def subtract(left: Size, right: Size) -> Size:
    """The difference of two sizes."""
    return add(left, multiply(-1, right))


def count(shape: Iterable[Size]) -> Size:
    """How many entries an array of this shape has."""
    total: Size = 1
    for size in shape:
        total = multiply(total, size)
    return total


def divide(whole: Size, part: Size) -> Size | None:
    """`whole / part` where it is a size, else None; a named divisor must be a single product."""
    if isinstance(part, int):
        if part == 0 or any(n % part for n in _monomials(whole).values()):
            return None
        return _size({names: n // part for names, n in _monomials(whole).items()})
    if whole in (0, part):
        return 0 if whole == 0 else 1
    if len(part.terms) != 1:
        return None
    (names, coefficient), quotient = part.terms[0], {}
    for monomial, n in _monomials(whole).items():
        rest = Counter(monomial)
        rest.subtract(names)
        if n % coefficient or min(rest.values(), default=0) < 0:
            return None
        quotient[tuple(sorted(rest.elements()))] = n // coefficient
    return _size(quotient)


def numbers(shape: Shape) -> tuple[int, ...]:
    """The sizes of a shape that has no named ones; a TypeError where it has."""
    for size in shape:
        if isinstance(size, Dim):
            message = f"the size {size!r} has no number"
            raise TypeError(message)
    return tuple(size for size in shape if isinstance(size, int)) if shape else ()


def bulk(shape: Shape) -> int:
    """The number of entries with a size of 0 taken as 1: an empty axis must not hide that the others are immense."""
    return math.prod([max(size, 1) for size in numbers(shape)]) if shape else 1


def names(size: Size) -> set[str]:
    """The names that occur in a size."""
    return {name for monomial, _ in size.terms for name in monomial} if isinstance(size, Dim) else set()


def written(shape: Shape) -> str:
    """A shape as errors show it: `(3, n)`."""
    return "(" + ", ".join(map(repr, shape)) + ("," if len(shape) == 1 else "") + ")"
