"""Derivatives cost a constant times the function: counted in nodes, which do not depend on the machine."""

from __future__ import annotations

import math

import numpy as np
import pytest

from service.diff.reverse import jacobian
from service.ir.leaves import variable
from service.ir.node import Node
from service.ir.op import lowered
from service.ir.walk import topological
from service.rewrite.simplify import simplify
from tests.functions import run

SIZES = (100, 1_000, 10_000)
MOST = 12  # derivative nodes for each node of the function: its partial, the product, the sum, and their constants


def chain(length: int, x: Node) -> Node:
    """sin(1.5 + sin(1.5 + ...))."""
    node = x
    for _ in range(length // 2):
        node = lowered("sin", node + 1.5)
    return node


def shared(length: int, x: Node) -> Node:
    """Again and again e = sin(e)*cos(e): as a tree it would have 2^depth leaves."""
    node = x
    for _ in range(length // 3):
        node = lowered("sin", node) * lowered("cos", node)
    return node


def sum_of_products(length: int, x: Node) -> Node:
    """A long sum of steps that each use the one before."""
    node, result = x, x * 0.0
    for _ in range(length // 4):
        node = lowered("tanh", node * x)
        result = result + node
    return result


@pytest.mark.parametrize("build", [chain, shared, sum_of_products])
@pytest.mark.parametrize("length", SIZES)
def test_gradient_is_linear(build, length: int) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    """Neither differentiation nor rewriting grows a graph by more than a factor, however deep it is."""
    x = variable("x", ())
    (function,) = simplify([build(length, x)])
    (gradient,) = jacobian(function, [x])
    (simplified,) = simplify([gradient])
    nodes = len(topological([function]))
    assert len(topological([gradient])) < MOST * nodes
    assert len(topological([simplified])) < MOST * nodes


def test_thirty_shared_levels() -> None:
    """Since e = sin(e)*cos(e) is sin(2e)/2, its derivative is cos(2e): the closed recursion agrees."""
    x = variable("x", ())
    function = shared(90, x)
    (gradient,) = simplify(jacobian(function, [x]))
    (second,) = simplify(jacobian(gradient, [x]))
    value, slope = 0.3, 1.0
    for _ in range(30):
        value, slope = math.sin(2 * value) / 2, slope * math.cos(2 * value)
    point = {"x": np.float64(0.3)}
    assert [float(number) for number in run([function, gradient], point)] == pytest.approx([value, slope], rel=1e-13)
    assert len(topological([second])) < 60 * 90
