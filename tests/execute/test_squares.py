"""Products of a matrix with itself, of which one half is computed: against einsum, and symmetric to the last bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import service.ops  # the operations register themselves
from service.execute.program import MANY, compile_program
from service.execute.squares import _products_of_columns
from service.ir.contraction import contract
from service.ir.leaves import variable
from service.ir.node import Node
from service.ir.op import lowered

__all__ = ["service"]

RNG = np.random.default_rng(3)
X, S, M = variable("X", (40, 12)), variable("s", (40,)), variable("M", (8, 40, 9))
VALUES = {"X": RNG.normal(size=(40, 12)), "s": RNG.normal(size=40), "M": RNG.normal(size=(8, 40, 9))}
WEIGHTS = lowered("exp", S)  # which is known to be positive


def calls(node: Node, batched: str = "", count: int = 1) -> list[Any]:
    """The functions that a program calls."""
    return [step.run for step in compile_program([node], frozenset(batched), count=count).steps]


@pytest.mark.parametrize("count", [None, 3, 70])
def test_by_a_root(count: int | None) -> None:
    """X.T diag(exp(s)) X, and the same with the other order of the result, at a point and in batches."""
    values = VALUES if count is None else {**VALUES, "s": RNG.normal(size=(count, 40))}
    batched = frozenset() if count is None else frozenset("s")
    for out in ("jk", "kj"):
        node = contract([(X, "ij"), (WEIGHTS, "i"), (X, "ik")], out)
        (found,) = compile_program([node], batched, count=MANY if count == 70 else 1).run(values)
        expected = np.einsum("ij,...i,ik->...jk", VALUES["X"], np.exp(values["s"]), VALUES["X"])
        np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-13 * np.abs(expected).max())
        np.testing.assert_array_equal(found, np.swapaxes(found, -1, -2))


def test_a_root_is_taken_of_what_is_not_negative_only() -> None:
    """With weights of either sign the product is formed as it stands."""
    signed = contract([(X, "ij"), (S, "i"), (X, "ik")], "jk")
    positive = contract([(X, "ij"), (WEIGHTS, "i"), (X, "ik")], "jk")
    assert np.sqrt in calls(positive)
    assert np.sqrt not in calls(signed)
    (found,) = compile_program([signed]).run(VALUES)
    np.testing.assert_allclose(found, (VALUES["X"].T * VALUES["s"]) @ VALUES["X"], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("coefficient", [-1.0, -2.5, 1e-3])
def test_a_number_in_front(coefficient: float) -> None:
    """It is no part of what a root is taken of."""
    node = contract([(X, "ij"), (WEIGHTS, "i"), (X, "ik")], "jk", coefficient=coefficient)
    (found,) = compile_program([node]).run(VALUES)
    expected = coefficient * (VALUES["X"].T * np.exp(VALUES["s"])) @ VALUES["X"]
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


def test_packed() -> None:
    """Many products with the same squares use these, of which each is computed once."""
    for out in ("jakb", "abkj"):
        node = contract([(X, "ij"), (M, "aib"), (X, "ik")], out)
        assert _products_of_columns in calls(node)
        (found,) = compile_program([node]).run(VALUES)
        expected = np.einsum(f"ij,aib,ik->{out}", VALUES["X"], VALUES["M"], VALUES["X"])
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


def test_packed_over_a_batch() -> None:
    """Weights of either sign, one set for each point; a few points are not worth the squares."""
    node = contract([(X, "ij"), (S, "i"), (X, "ik")], "jk")
    assert _products_of_columns in calls(node, "s", MANY)
    assert _products_of_columns not in calls(node, "s")
    weights = RNG.normal(size=(100, 40))
    (found,) = compile_program([node], frozenset("s"), count=MANY).run({**VALUES, "s": weights})
    expected = np.einsum("ij,ni,ik->njk", VALUES["X"], weights, VALUES["X"])
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
