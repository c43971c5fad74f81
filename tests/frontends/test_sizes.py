"""Declared shapes, and arithmetic on sizes."""

from __future__ import annotations

from typing import Any

import pytest

from service.errors import FluxionError
from service.frontends.sizes import ABSENT, bind, calculate, declared_shape
from service.ir.size import Dim, add, multiply, named
from tests.frontends.reading import LIMITS, M, N


def test_declared_shapes() -> None:
    """Numbers and names, and numbers for the names that have one."""
    assert declared_shape([2, "n", "m"], {"m": 4}, LIMITS) == (2, N, 4)


@pytest.mark.parametrize(
    "size", [-1, True, 2.0, None, "n-1", "", "if", "\uff4e", 2**31 + 1, pytest.param(10**5000, id="long")]
)
def test_refused_declarations(size: Any) -> None:
    """A size is a number within the bounds, or a name."""
    with pytest.raises(FluxionError):
        declared_shape([size], {}, LIMITS)


def test_binding() -> None:
    """Names with numbers are replaced in sums and products too."""
    shape = (add(multiply(M, N), -1), N, 3)
    assert bind(shape, {"n": 2}) == (add(multiply(2, M), -1), 2, 3)
    assert bind(shape, {"n": 2, "m": 5}) == (9, 2, 3)
    assert bind(shape, {}) is shape


@pytest.mark.parametrize(
    ("operation", "left", "right", "result"),
    [
        ("add", 2, 3, 5),
        ("subtract", N, 1, add(N, -1)),
        ("subtract", N, N, 0),
        ("multiply", M, N, multiply(M, N)),
        ("power", 2, 10, 1024),
        ("power", 2, 32, ABSENT),
        ("power", 9, 31, ABSENT),
        ("power", N, 2, ABSENT),
        ("power", 2, -1, ABSENT),
        ("divide", 4, 2, ABSENT),
        ("multiply", 2**31, 2, ABSENT),
        ("multiply", Dim(((("n",) * 16, 1),)), N, ABSENT),
        ("add", 1.5, 1, ABSENT),
        ("add", True, 1, ABSENT),
        ("add", ABSENT, 1, ABSENT),
        ("multiply", add(N, 1), add(M, 1), add(add(multiply(M, N), M), add(N, 1))),
    ],
)
def test_arithmetic(operation: str, left: Any, right: Any, result: Any) -> None:
    """Sums, differences, products and small powers are sizes as long as they are modest."""
    found = calculate(operation, left, right)
    assert found is result if result is ABSENT else found == result


def test_products_are_not_multiplied_out_without_end() -> None:
    """Long polynomials are no sizes."""
    long = named("a0")
    for k in range(1, 10):
        long = add(long, named(f"a{k}"))  # type: ignore[assignment]
    assert calculate("multiply", long, long) is ABSENT
    assert calculate("multiply", long, 2) == multiply(long, 2)
