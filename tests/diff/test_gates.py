"""What holds of every derivative whatever the operation: the modes agree, orders commute, Taylor converges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import permutations
from typing import Any

import numpy as np
import pytest

from service.diff.forward import push_forward
from service.diff.reverse import pull_back
from service.ir.leaves import variable
from service.ir.node import Node
from service.rewrite.simplify import simplify
from tests.functions import Function, heavy, random_point, run
from tests.ops.entry import Sample
from tests.ops.samples import SAMPLES
from tests.ops.test_every_op import function_at

EXACT = 1e-12  # two ways through the same exact linear map
SLOPE = 0.1
STEPS = (4e-3, 2e-3, 1e-3)  # small enough for two terms to rule, large enough for rounding not to
APART = 7  # a seed whose points are no step away from where entries tie
ORDERS = 3
ROUNDING = 1e-13
FIRST_SAMPLES = [
    pytest.param(sample, id=f"{name}: {sample.text} {tuple(sample.shapes.values())}")
    for name, entry in SAMPLES.items()
    for sample in entry.samples[:2]
]
each_sample = pytest.mark.parametrize("sample", FIRST_SAMPLES)

Directions = Mapping[str, Any]


def directions(point: Mapping[str, Any], count: int) -> list[dict[str, Any]]:
    """Random directions of all variables together."""
    generator = np.random.default_rng(5)
    return [{name: generator.normal(size=value.shape) for name, value in point.items()} for _ in range(count)]


def named(sample: Sample, letter: str) -> dict[Node, Node]:
    """A tangent variable, called by a letter of its direction, for each variable."""
    return {variable(name, shape): variable(letter + name, shape) for name, shape in sample.shapes.items()}


def values(letters: str, chosen: Sequence[Directions]) -> dict[str, Any]:
    """The values of the tangent variables of some directions."""
    return {letter + name: value for letter, one in zip(letters, chosen, strict=True) for name, value in one.items()}


def along(node: Node, sample: Sample, letters: str) -> Node:
    """The derivative along the directions of these letters, one after the other."""
    for letter in letters:
        (node,) = simplify(push_forward([node], named(sample, letter)))
    return node


@each_sample
def test_forward_is_the_transpose_of_reverse(sample: Sample) -> None:
    """<u, J v> by forward mode is <J' u, v> by reverse mode."""
    function, point = function_at(sample)
    (v,) = directions(point, 1)
    u = np.random.default_rng(6).normal(size=tuple(function.user.shape))  # type: ignore[arg-type]
    wrt = [variable(name, shape) for name, shape in sample.shapes.items()]
    pushed = along(function.kernel, sample, "v")
    pulled = simplify(pull_back(function.kernel, variable("u", function.user.shape), wrt))
    forward, *backward = run([pushed, *pulled], {**point, **values("v", [v]), "u": u})
    products = [np.sum(adjoint * v[name]) for adjoint, name in zip(backward, sample.shapes, strict=True)]
    size = np.sum(np.abs(u * forward)) + sum(
        np.sum(np.abs(adjoint * v[name])) for adjoint, name in zip(backward, sample.shapes, strict=True)
    )
    assert sum(products) == pytest.approx(np.sum(u * forward), rel=0, abs=EXACT * max(size, 1.0))


@each_sample
def test_the_order_of_differentiation_does_not_matter(sample: Sample) -> None:
    """Second and third derivatives along u, v and w are the same in every order."""
    function, point = function_at(sample)
    chosen = directions(point, ORDERS)
    for letters in ("uv", "uvw"):
        nodes = [along(function.kernel, sample, "".join(order)) for order in permutations(letters)]
        found = run(nodes, {**point, **values(letters, chosen[: len(letters)])})
        scale = max(np.max(np.abs(found[0]), initial=0.0), 1.0)
        for other in found[1:]:
            np.testing.assert_allclose(other, found[0], rtol=0, atol=100 * EXACT * scale)


@each_sample
def test_taylor_remainders_vanish_with_their_order(sample: Sample) -> None:
    """The error of the polynomial of degree p falls with the power p + 1 of the step, or is rounding alone."""
    function, _ = function_at(sample)
    point = random_point(sample.shapes, sample.domain, APART)
    point = heavy(point) if sample.invertible else point
    (v,) = directions(point, 1)
    terms = run([along(function.kernel, sample, "v" * k) for k in range(ORDERS)], {**point, **values("v", [v])})
    scale = max(np.max(np.abs(terms[0]), initial=0.0), 1.0)
    for degree in range(ORDERS):
        errors = [remainder(function, point, v, terms[: degree + 1], step) for step in STEPS]
        floor = ROUNDING * scale * (10 if function.kernel.shape else 1)
        if errors[-1] > floor:
            first, second = np.log2(errors[0] / errors[1]), np.log2(errors[1] / errors[2])
            assert 2 * second - first > degree + 1 - SLOPE  # extrapolated to step 0
        else:
            assert errors[0] < 4 ** (degree + 2) * floor


def remainder(function: Function, point: Mapping[str, Any], v: Directions, terms: Sequence[Any], step: float) -> float:
    """The Euclidean length of what the polynomial leaves, a step along v."""
    (exact,) = run([function.kernel], {name: value + step * v[name] for name, value in point.items()})
    factors = np.cumprod([1.0, *(step / k for k in range(1, len(terms)))])
    return float(np.linalg.norm(exact - sum(f * term for f, term in zip(factors, terms, strict=True))))
