"""Brackets for numbers keep every value, cost no more, take work linear in the graph, and leave no large sums."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.diff.reverse import jacobian
from service.execute.program import compile_program
from service.ir.coefficient import CONTRACT
from service.ir.contraction import contract
from service.ir.leaves import VARIABLE, delta, selector, unit, variable
from service.ir.node import Node
from service.ir.size import bulk, numbers
from service.ir.total import TOTAL, total
from service.ir.walk import topological
from service.ops.elementwise import entrywise
from service.rewrite import shared_factors as bracketing_sharing
from service.rewrite.bracketing import bracketed
from service.rewrite.product_cost import Costs
from service.rewrite.simplify import simplify
from service.tasks.bounded import arranged
from service.tasks.compute import compute
from service.tasks.messages import Declaration, Task
from tests.diff.expressions import SHAPES, programs
from tests.functions import Function, random_point
from tests.ir.terms import Term, evaluate, terms

RTOL, ATOL = 1e-11, 1e-11  # sums and products are taken in another order
POINT = random_point(SHAPES, (-0.9, 1.1), seed=4)
SIZES = dict(zip("abcdef", (2, 3, 4, 2, 5, 3), strict=True))
COUNT = 6


def array_of(labels: str, name: str) -> Node:
    """A variable with an axis for each label."""
    return variable(f"{name}_{labels}", tuple(SIZES[label] for label in labels))


FACTORS = [(array_of(labels, name), labels) for name in "pq" for labels in ("a", "ab", "bc", "abc", "ce", "ef", "be")]
CONSTANTS = [
    (delta(SIZES["b"]), "bf"), (unit(SIZES["b"], 1), "b"), (selector(SIZES["c"], SIZES["a"], 1, 2), "ca"),
]  # fmt: skip


@st.composite
def sums(draw: st.DrawFn) -> Node:
    """Sums of products of few factors, so that they share some, within sums of products."""
    pool = list(FACTORS)
    for _ in range(draw(st.integers(1, 3))):
        out = draw(st.sampled_from(["ab", "abc", "be", "ef", ""]))
        products = []
        for _ in range(draw(st.integers(2, 5))):
            factors = draw(st.lists(st.sampled_from(pool), min_size=1, max_size=4))
            factors += draw(st.lists(st.sampled_from(CONSTANTS), max_size=1))
            number = draw(st.sampled_from([1.0, -1.0, 2.0, -2.0, 0.5]))
            products.append(contract(factors, out, SIZES, number))
        node = total(products, tuple(SIZES[label] for label in out))
        pool.append((entrywise("tanh", node) if draw(st.booleans()) else node, out))
    return pool[-1][0]


def values_for(nodes: Sequence[Node], batched: frozenset[str]) -> dict[str, Any]:
    """Random numbers for every variable of graphs."""
    rng = np.random.default_rng(3)
    leaves = {node for node in topological(nodes) if node.op is VARIABLE}
    return {
        leaf.attributes: rng.uniform(-1, 1, ((COUNT,) if leaf.attributes in batched else ()) + numbers(leaf.shape))
        for leaf in sorted(leaves, key=lambda leaf: leaf.digest)
    }


def assert_equal(nodes: Sequence[Node], batched: frozenset[str] = frozenset()) -> list[Node]:
    """Bracketed graphs, whose values are found to be those of the graphs."""
    changed = bracketed(nodes, batched, COUNT)
    at = values_for(nodes, batched)
    wanted, values = (compile_program(roots, batched).run(at) for roots in (nodes, changed))
    for one, other, old, new in zip(wanted, values, nodes, changed, strict=True):
        assert old.shape == new.shape
        np.testing.assert_allclose(np.broadcast_to(other, one.shape), one, RTOL, 1e-9 * np.max(np.abs(one), initial=0))
    return changed


def estimate(nodes: Sequence[Node], batched: frozenset[str] = frozenset()) -> float:
    """The cost of contractions and sums of graphs, by the estimate of the pass."""
    costs, result = Costs(batched, COUNT), 0.0
    for node in topological(nodes):
        if node.op is CONTRACT:
            result += costs.of_node(node)
        elif node.op is TOTAL:
            result += costs.of_sum(len(node.inputs), numbers(node.shape), varies=costs.varies(node))
    return result


@settings(max_examples=300)
@given(sums(), st.frozensets(st.sampled_from([node.attributes for node, _ in FACTORS])))
def test_random_sums(node: Node, batched: frozenset[str]) -> None:
    """Whatever is batched, values stay and the estimate does not grow."""
    changed = assert_equal([node], batched)
    assert estimate(changed, batched) <= estimate([node], batched)


@settings(max_examples=200)
@given(terms())
def test_random_terms(term: Term) -> None:
    """Kernel terms with constant tensors, powers and reshaping keep their values."""
    (changed,) = bracketed([term.node])
    np.testing.assert_allclose(evaluate(changed), term.dense, RTOL, ATOL)


@settings(max_examples=150)
@given(programs())
def test_random_derivatives(text: str) -> None:
    """Value and derivatives of random programs, in one program, are what they are without the pass."""
    function = Function(text, SHAPES)
    nodes = [function.kernel, function.derivative("x"), function.derivative("A")]
    wanted, values = (compile_program(roots).run(POINT) for roots in (nodes, bracketed(nodes)))
    for one, other in zip(wanted, values, strict=True):
        np.testing.assert_allclose(other, one, RTOL, ATOL, err_msg=text)


N = 50
A, B = (variable(name, (N, N)) for name in "AB")
X, Y, Z = (variable(name, (N,)) for name in "xyz")


def product(*factors: tuple[Node, str], out: str = "i", number: float = 1.0) -> Node:
    """A contraction with letters for labels."""
    return contract(factors, out, dict.fromkeys(out, N), number)


CASES = {
    "a vector of two matrix products": (
        total([product((A, "ij"), (X, "j")), product((A, "ij"), (Y, "j"))], (N,)),
        product((A, "ij"), (total([X, Y], (N,)), "j")),
    ),
    "two matrices of one vector are not added": (
        total([product((A, "ij"), (X, "j")), product((A, "ji"), (X, "j"))], (N,)),
        None,
    ),
    "an outer axis": (
        total([product((X, "i"), (Y, "j"), out="ij"), product((X, "i"), (Z, "j"), out="ij", number=-1.0)], (N, N)),
        product((X, "i"), (total([Y, product((Z, "i"), number=-1.0)], (N,)), "j"), out="ij"),
    ),
    "a number before all": (
        total([product((X, "i"), (k, "j"), out="ij", number=-3.0) for k in (Y, Z)], (N, N)),
        product((X, "i"), (total([-Y, -Z], (N,)), "j"), out="ij", number=3.0),
    ),
    "a difference is not multiplied out": (
        product((A, "ij"), (total([X, product((Y, "i"), number=-1.0)], (N,)), "j")),
        None,
    ),
    "a product that an outer axis made large": (
        product((product((X, "i"), (A, "jk"), (B, "kj"), out="ij"), "ij"), (Y, "j")),
        product((X, "i"), (Y, "j"), (A, "jk"), (B, "kj")),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_hand_cases(name: str) -> None:
    """What is left is exactly the form expected, None being the same."""
    node, expected = CASES[name]
    assert assert_equal([node]) == [node if expected is None else expected]


def test_points_count() -> None:
    """Two matrices of one vector are added where there are many vectors."""
    node, _ = CASES["two matrices of one vector are not added"]
    (changed,) = bracketed([node], "x", 1000)
    assert [child.op for child in changed.inputs].count(TOTAL) == 1
    assert_equal([node], frozenset("x"))


def test_used_elsewhere() -> None:
    """A term that is an output too is not computed twice."""
    first, second = product((A, "ij"), (X, "j")), product((A, "ij"), (Y, "j"))
    roots = [total([first, second], (N,)), first, second]
    assert bracketed(roots) == roots


@pytest.mark.parametrize(
    "expression", ["where(x > 0, log(x), 0)*y + where(x > 0, log(x), 0)*z", "relu(x)*y + relu(x)*z"]
)
def test_masks(expression: str) -> None:
    """The branch that is not used does not poison the derivative, alone or in a batch, where its slope is infinite."""
    at = {"x": np.array([0.0, -1.0, 2.0]), "y": np.array(1.5), "z": np.array(-0.5)}
    scalars = {name: Declaration(()) for name in "xyz"}
    task = Task(kind="gradient", expression=expression, at=at, wrt=("x", "y"), variables=scalars)
    by_x, by_y = (np.asarray(block.value) for block in compute(task).blocks)
    slope = np.array([0, 0, 0.5 if "log" in expression else 1.0])
    np.testing.assert_allclose(by_x, slope)
    np.testing.assert_allclose(by_y, np.array([0, 0, np.log(2) if "log" in expression else 2.0]))


def test_hessian_of_a_network() -> None:
    """No array on the way is larger than the middle adjoint's or the Hessian itself."""
    rows, n = 128, 20
    sizes = {"x": (rows, n), "t": (rows, n), "W1": (n, n), "W2": (n, n), "W3": (n, n)}
    function = Function("sum((tanh(tanh(tanh(x@W1)@W2)@W3)-t)**2)", sizes)
    for pair in (("W1", "W1"), ("W1", "W2"), ("W2", "W2"), ("W1", "W3")):
        node = simplify([function.derivative(*pair)])[0]
        changed = assert_equal([node])
        assert max(bulk(other.shape) for other in topological(changed)) <= n**4
        assert estimate(changed) < estimate([node])


def wide(size: int) -> list[Node]:
    """A sum of products of two of a few factors each, which share in many ways."""
    factors = [entrywise("tanh", variable(f"v{k}", (3,))) for k in range(size)]
    axes = [0]
    pairs = [(k, (7 * k + 3) % size) for k in range(size)] + [(k, k // 2) for k in range(size)]
    return [total([contract([(factors[a], axes), (factors[b], axes)], axes) for a, b in pairs], (3,))]


def deep(size: int) -> list[Node]:
    """A chain of layers with a factor before each sum, and its gradient."""
    x = variable("x", (4,))
    node = x
    for k in range(size):
        matrix = variable(f"W{k}", (4, 4))
        node = entrywise("tanh", contract([(matrix, "ij"), (node, "j")], "i")) * x + node * x
    return [node, *simplify(jacobian(contract([(node, "i")], ""), [x]))]


def nested(size: int) -> list[Node]:
    """Sums of products within each other."""
    x, y = (variable(name, (3,)) for name in "xy")
    node = y
    for k in range(size):
        node = node * variable(f"v{k}", (3,)) + x * y
    return [node]


@pytest.mark.parametrize("graph", [wide, deep, nested])
def test_work_is_linear(graph: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four times the size takes no more than five times as many estimates and matched factors."""
    counts = {}
    for size in (50, 200):
        calls = [0]
        known, matched = Costs.of, bracketing_sharing.Sharing._match

        def of(*arguments: Any, calls: list[int] = calls, known: Any = known) -> float:
            calls[0] += 1
            return float(known(*arguments))

        def match(self: Any, place: int, calls: list[int] = calls, matched: Any = matched) -> Any:
            calls[0] += len(self.terms)
            return matched(self, place)

        with monkeypatch.context() as patch:
            patch.setattr(Costs, "of", of)
            patch.setattr(bracketing_sharing.Sharing, "_match", match)
            bracketed(graph(size))
        counts[size] = calls[0]
    assert 0 < counts[200] <= 5 * counts[50]


def test_single_numbers_are_left_as_they_are() -> None:
    """Finding brackets would take longer than they save; over a batch or along an axis they are found."""
    x, y, z = (variable(name, ()) for name in "xyz")
    term = total([contract([(x, ()), (one, ())], ()) for one in (y, z, entrywise("exp", y))], ())
    batch = frozenset("xyz")
    assert arranged([term], frozenset(), 1) == [term]
    assert arranged([term], batch, COUNT) == bracketed([term], batch, COUNT) != [term]
    a, b = array_of("a", "u"), array_of("a", "v")
    summed = total([contract([(a, "a"), (one, "a")], ()) for one in (b, entrywise("exp", b))], ())
    assert arranged([summed], frozenset(), 1) == bracketed([summed]) != [summed]
