"""Hash-consing: equal terms are one object, and terms that differ in anything are not."""

from __future__ import annotations

import gc
import math
import struct
from concurrent.futures import ThreadPoolExecutor

import pytest

from service.ir.leaves import array, constant, delta, selector, unit, variable
from service.ir.node import Node, make
from service.ir.op import operations
from service.ir.size import named


def test_equal_terms_are_one_object() -> None:
    """However they were built."""
    x, y = variable("x", (3,)), variable("y", (3,))
    assert x * y is y * x
    assert x + y is y + x
    assert 2 * x - x is x
    assert x * x is x**2
    minus = -x
    assert -minus is x


@pytest.mark.parametrize(("one", "other"), [
    (constant(0.0), constant(-0.0)),
    (constant(1.0), constant(1.0, (1,))),
    (constant(1.0, (2, 3)), constant(1.0, (3, 2))),
    (constant(math.inf), constant(-math.inf)),
    (variable("x", ()), variable("x", (1,))),
    (variable("x", (3,)), variable("x", (named("n"),))),
    (unit(3, 0), unit(3, 1)),
    (selector(5, 2, 0, 2), selector(5, 2, 0, 1)),
    (array(struct.pack("d", 0.0), (1,)), array(struct.pack("d", -0.0), (1,))),
    (array(struct.pack("2d", 1, 2), (2,)), array(struct.pack("2d", 1, 2), (1, 2))),
])  # fmt: skip
def test_different_terms_are_two(one: Node, other: Node) -> None:
    """Signs of zero, shapes and attributes are part of a term."""
    assert one is not other
    assert one.digest != other.digest


def test_attributes_are_told_apart_by_more_than_equality() -> None:
    """1, 1.0 and True are equal in Python."""
    op = operations()["sum"]
    x = variable("x", (2, 2))
    made = {make(op, (x,), (("axis", value),), (2,)) for value in (1, 1.0, True)}
    assert len(made) == 3


def test_special_sizes_have_one_form() -> None:
    """An axis of size 1 has no room for an identity, a unit or a slice that is not all of it."""
    assert delta(1) is constant(1.0, (1, 1))
    assert unit(1, 0) is constant(1.0, (1,))
    assert selector(1, 1, 0, -1) is delta(1)
    assert selector(4, 4, 0, 1) is delta(4)
    assert selector(4, 1, 2, 1) is selector(4, 1, 2, 3)


def test_terms_are_forgotten() -> None:
    """The table of known terms does not keep them; those that are gone leave it when the next one is made."""
    digest = (variable("forgotten", (9,)) + 1).digest
    gc.collect()
    variable("next", (9,))
    from service.ir import node

    assert digest not in node._interned


def test_threads_share_terms() -> None:
    """Two threads that build the same term get one object."""
    with ThreadPoolExecutor(8) as pool:
        built = list(pool.map(lambda _: [variable("x", (k,)) * 2 for k in range(200)], range(8)))
    assert all(row == built[0] for row in built)
