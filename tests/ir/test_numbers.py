"""Products and sums of terms without axes: the shorter way that they take gives the normal form of the general one."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.ir.coefficient import scale
from service.ir.contraction import broadcast, contract
from service.ir.leaves import constant, variable
from service.ir.node import Node
from service.ir.power import raise_to
from service.ir.reshaping import reshape
from service.ir.total import TOTAL, total
from service.ops.elementwise import entrywise

X, Y = variable("x", ()), variable("y", ())
FACTORS = (
    X, Y, constant(0.5), constant(0.0), constant(1e300), raise_to(X, 2), raise_to(X, -1), raise_to(Y, 0.5),
    entrywise("exp", X), total([X, Y], ()), 3 * X, -1 * raise_to(Y, 0.5), X * Y, 0.25 * (X * Y),
    total([X, constant(2)], ()),
)  # fmt: skip
ONE = (1,)


def product(factors: Sequence[Node], coefficient: float = 1.0) -> Node:
    """The product of numbers."""
    return contract([(factor, ()) for factor in factors], (), coefficient=coefficient)


def along_an_axis(factors: Sequence[Node], coefficient: float) -> Node:
    """The same product, summed over an axis of size 1 that no factor has: the general way."""
    return contract([(factor, ()) for factor in factors], (), {"i": 1}, coefficient)


@given(st.lists(st.sampled_from(FACTORS), min_size=1, max_size=5), st.sampled_from([1.0, -2.0, 0.0, 1e300]))
def test_products_of_numbers_have_one_form(factors: list[Node], coefficient: float) -> None:
    """It is that of the general way, whatever the order."""
    found = product(factors, coefficient)
    assert found is product(factors[::-1], coefficient)
    assert found is along_an_axis(factors, coefficient)


def test_powers_of_one_base_are_merged() -> None:
    """However they come together: beside each other, or in a product with a number."""
    assert product([X, raise_to(X, 2), 3 * X]) is 3 * raise_to(X, 4)
    assert product([raise_to(Y, 0.5), raise_to(Y, 0.5)]) is not Y  # a root has a domain of its own
    assert product([raise_to(X, 2), raise_to(X, -2)]) is constant(1.0)


def test_like_terms_are_found_behind_their_numbers() -> None:
    """With a number in front, with none, and with one around the product."""
    around = contract([(X * Y, ())], (), coefficient=3.0)
    assert total([X * Y, 2 * (X * Y), around], ()) is scale(X * Y, 6)
    assert total([around], ()) is scale(X * Y, 3)
    assert total([X * Y, -1 * (X * Y)], ()) is constant(0.0)


def test_sums_that_leave_the_range_stay_apart() -> None:
    """Of numbers, and of numbers in front of a term."""
    large = 1e308
    assert total([constant(large), constant(large)], ()).op is TOTAL
    assert total([large * X, large * X, -large * X], ()) is not constant(0.0)


@pytest.mark.parametrize("shape", [(1,), (1, 1)])
def test_a_reshaped_factor_is_no_number(shape: tuple[int, ...]) -> None:
    """What hides an axis takes the general way."""
    entry = variable("v", ONE)
    reshaped = reshape(reshape(entry, shape), ())
    assert product([reshaped, X]) is product([X, reshaped])


def test_the_sum_of_a_repeated_number_counts_it() -> None:
    """A number along axes is as many numbers, though it is made of one without axes."""
    for number in (X, 3 * X, raise_to(X, 2), entrywise("exp", X)):
        spread = broadcast(number, (2, 3))
        assert contract([(spread, "ij")], "") is scale(number, 6)
        assert contract([(spread, "ij"), (Y, "")], "") is scale(product([number, Y]), 6)
