"""Sizes as polynomials, against the numbers they stand for."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from service.ir.size import Dim, Size, add, count, divide, multiply, named, names, subtract, written

NUMBERS = {"m": 3, "n": 5, "k": 7}
N, M = named("n"), named("m")


def at(size: Size) -> int:
    """The number a size stands for."""
    if isinstance(size, int):
        return size
    total = 0
    for monomial, coefficient in size.terms:
        for name in monomial:
            coefficient *= NUMBERS[name]  # noqa: PLW2901 - the product
        total += coefficient
    return total


sizes = st.recursive(
    st.one_of(st.integers(-3, 5), st.sampled_from([named(name) for name in NUMBERS])),
    lambda inner: st.one_of(
        st.builds(add, inner, inner), st.builds(multiply, inner, inner), st.builds(subtract, inner, inner)
    ),
    max_leaves=5,
)


@given(sizes, sizes)
def test_arithmetic(left: Size, right: Size) -> None:
    """Sums, differences and products are those of the numbers, and do not depend on the order."""
    assert at(add(left, right)) == at(left) + at(right)
    assert at(subtract(left, right)) == at(left) - at(right)
    assert at(multiply(left, right)) == at(left) * at(right)
    assert add(left, right) == add(right, left)
    assert multiply(left, right) == multiply(right, left)
    assert subtract(left, left) == 0


@given(sizes, sizes, sizes)
def test_equal_polynomials_are_equal_objects(a: Size, b: Size, c: Size) -> None:
    """Multiplied out in two ways; a polynomial without names is a plain number."""
    one, other = multiply(a, add(b, c)), add(multiply(a, b), multiply(a, c))
    assert one == other
    assert repr(one) == repr(other)
    assert isinstance(one, int) == (not names(one))


@given(sizes, st.sampled_from([1, 2, N, M, multiply(M, N), multiply(2, N)]))
def test_division_undoes_multiplication(size: Size, part: Size) -> None:
    """And answers None where there is no quotient."""
    assert divide(multiply(size, part), part) == size
    quotient = divide(size, part)
    assert quotient is None or multiply(quotient, part) == size


def test_what_cannot_be_divided() -> None:
    """Only exact quotients are sizes."""
    assert divide(N, M) is None
    assert divide(3, 2) is None
    assert divide(N, 0) is None
    assert divide(add(N, 1), N) is None
    assert divide(add(N, M), add(N, M)) == 1


def test_spelling() -> None:
    """As in the language: products first, numbers last."""
    assert repr(add(multiply(M, N), add(multiply(-2, N), -1))) == "m*n - 2*n - 1"
    assert repr(subtract(0, N)) == "-n"
    assert written((3, N)) == "(3, n)"
    assert written((N,)) == "(n,)"
    assert count((2, N, 3)) == multiply(6, N)
    assert isinstance(count((2, N)), Dim)
