"""The normal form of contractions against dense arrays and `np.einsum`, which know nothing of it."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ir.terms import Term, evaluate, products, terms

# Sums of a few hundred products of numbers near 1, in another order than einsum's.
RTOL, ATOL = 1e-12, 1e-11


@settings(max_examples=800)
@given(products())
def test_one_product(term: Term) -> None:
    """Deltas, units, selectors, numbers and powers under any labels are the sum that the labels say."""
    assert term.node.shape == term.dense.shape
    np.testing.assert_allclose(evaluate(term.node), term.dense, RTOL, ATOL)


@settings(max_examples=300)
@given(products(sizes=st.sampled_from([0, 1, 2])))
def test_a_product_with_empty_axes(term: Term) -> None:
    """Sums of nothing are 0, and axes of size 0 survive."""
    assert term.node.shape == term.dense.shape
    np.testing.assert_allclose(evaluate(term.node), term.dense, RTOL, ATOL)


@settings(max_examples=500)
@given(terms())
def test_nested_terms(term: Term) -> None:
    """Products of products, sums, reshapes and functions."""
    assert term.node.shape == term.dense.shape
    np.testing.assert_allclose(evaluate(term.node), term.dense, RTOL, ATOL)
