"""Simplifying and collecting keep every value, and a simplified graph is a fixed point."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings

from service.ir.node import Node
from service.rewrite.collect import collect
from service.rewrite.simplify import simplify
from tests.diff.expressions import SHAPES, programs
from tests.functions import Function, random_point, run
from tests.ir.terms import Term, evaluate, terms

POINT = random_point(SHAPES, (-0.9, 1.1), seed=4)
RTOL, ATOL = 1e-11, 1e-11  # sums are added in another order


@settings(max_examples=300)
@given(terms())
def test_simplify_keeps_values(term: Term) -> None:
    """Of random kernel terms with deltas, units and selectors."""
    (simplified,) = simplify([term.node])
    assert simplified.shape == term.node.shape
    np.testing.assert_allclose(evaluate(simplified), term.dense, RTOL, ATOL)


def without_lists(node: Node) -> bool:
    """Whether a collected graph can be evaluated: lists of entries are for printing only."""
    from service.ir.walk import topological

    return all(child.op.name != "rows" for child in topological([node]))


@settings(max_examples=200)
@given(programs())
def test_collect_keeps_values(text: str) -> None:
    """Of derivatives, which have factors to collect."""
    function = Function(text, SHAPES)
    nodes = [function.kernel, function.derivative("x"), function.derivative("A")]
    for node, readable in zip(nodes, collect(nodes), strict=True):
        assert readable.shape == node.shape
        if without_lists(readable):
            wanted, value = run([node, readable], POINT)
            np.testing.assert_allclose(value, wanted, RTOL, ATOL, err_msg=text)


@settings(max_examples=150)
@given(programs())
def test_simplify_twice_is_simplify(text: str) -> None:
    """The rounds of one pass reach the fixed point."""
    function = Function(text, SHAPES)
    derivative = function.derivative("x")
    assert simplify([function.kernel])[0] is function.kernel, text
    assert simplify([derivative])[0] is derivative, text
