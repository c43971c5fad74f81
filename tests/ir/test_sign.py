"""What is said of a term's sign holds at random points."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings

from service.ir import sign
from service.ir.leaves import VARIABLE, facts_of, variable
from service.ir.node import Node
from service.ir.op import operations
from service.ir.sign import is_nonnegative, is_positive
from service.ir.walk import rebuild, topological
from service.rewrite.facts import assuming
from tests.assumed import satisfying
from tests.diff.expressions import SHAPES, programs
from tests.functions import Function, run, shapes
from tests.rewrite.test_facts import SHAPES as KNOWN
from tests.rewrite.test_facts import assumed_programs

FACTS: Mapping[str, tuple[str, ...]] = {"x": ("positive",), "s": ("positive",), "A": ("positive_definite",)}
SEEN = [
    ("x", True), ("y", False), ("x + s", True), ("x - s", False), ("x*s/(1 + x)", True), ("exp(y)*x", True),
    ("sum(x)", True), ("det(A)", True), ("det(B)", False), ("log1p(x)", True), ("tanh(s)", True), ("log(x)", False),
    ("x**y", True), ("y**x", False), ("maximum(x, y)", True), ("minimum(x, y)", False), ("minimum(x, s)", True),
    ("where(y > 0, x, 1)", True), ("where(y > 0, x, y)", False), ("sum(x*exp(y))", True), ("max(x)", True),
    ("y**2", None), ("abs(y)", None), ("sqrt(y)", None), ("y**2 + x*0", None), ("y**2 + s", True), ("0*x", None),
    ("-x", False), ("1/x", True), ("norm(y)", None), ("x @ x", True),
]  # fmt: skip


@pytest.mark.parametrize(("text", "positive"), SEEN)
def test_what_is_seen(text: str, positive: bool | None) -> None:  # noqa: FBT001 - None: not negative
    """Positive, not negative (None), or neither."""
    node = assuming(Function(text, SHAPES).kernel, FACTS, {})
    assert is_positive(node) is (positive is True)
    assert is_nonnegative(node) is (positive is not False)


def test_a_sum_over_an_axis_of_any_size() -> None:
    """It may be of nothing, and is then 0."""
    node = assuming(Function("sum(x)", shapes(x=["n"])).kernel, FACTS, {})
    assert is_nonnegative(node)
    assert not is_positive(node)


def test_the_tables_name_operations() -> None:
    """A name that no operation has would never be looked up."""
    assert {*sign._ALWAYS, *sign._ODD, *sign._RULES} <= set(operations())


def claims_hold(root: Node, known: Mapping[str, tuple[int, ...]]) -> None:
    """Every node that is said to be positive, or not negative, is."""
    said = [node for node in topological([root]) if is_nonnegative(node)]
    leaves = {node for node in topological([root]) if node.op is VARIABLE}
    point = {
        node.attributes: satisfying(known[node.attributes], facts_of(node), 5 + k)
        for k, node in enumerate(sorted(leaves, key=lambda node: str(node.attributes)))
    }
    with np.errstate(all="ignore"):
        for node, value in zip(said, run(said, point) if said else [], strict=True):
            # An exponential that vanishes in float64 is still positive.
            assert not (np.asarray(value) < 0).any(), node


@settings(max_examples=150)
@given(programs())
def test_random_programs(text: str) -> None:
    """Without facts."""
    claims_hold(Function(text, SHAPES).derivative("x"), SHAPES)


@settings(max_examples=100)
@given(assumed_programs())
def test_random_programs_under_facts(drawn: tuple[str, str, dict[str, tuple[str, ...]]]) -> None:
    """With them."""
    text, wrt, facts = drawn
    claims_hold(assuming(Function(text, KNOWN).derivative(wrt), facts), KNOWN)


def test_facts_make_another_leaf() -> None:
    """Equal facts make the same one, whatever their order."""
    plain, known = variable("x", (3,)), variable("x", (3,), ["symmetric", "positive"])
    assert known is variable("x", (3,), ["positive", "symmetric", "positive"])
    assert known is not plain
    assert facts_of(plain) == ()
    assert rebuild([known], lambda node, _: variable(node.attributes, node.shape)) == [plain]
