"""Explanations: what the textbooks print, what independent methods find, and what holds of every program."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from service.errors import InvalidRequestError, LimitError, ShapeError, UnknownNameError
from service.frontends.text import Scope, read_text
from service.tasks.compute import compute
from service.tasks.messages import Declaration, Limits, Task
from tests import oracle
from tests.diff.expressions import SHAPES, programs
from tests.functions import random_point
from tests.tasks.explaining import contracted, explain

MML = "a = x**2\nb = exp(a)\nc = a + b\nd = sqrt(c)\ne = cos(c)\nf = d + e\nf"
POINT = random_point(SHAPES, (-0.9, 1.1), seed=3)
RTOL = 1e-9


def close(actual: Any, wanted: Any, text: str = "") -> None:
    """Equal shapes, and numbers equal relative to the largest, or to 1."""
    wanted = np.asarray(wanted)
    assert np.shape(actual) == wanted.shape, text
    np.testing.assert_allclose(actual, wanted, RTOL, RTOL * np.max(np.abs(wanted), initial=1.0), err_msg=text)


@pytest.mark.parametrize("x", [-1.1, 0.5])
def test_example_5_14(x: float) -> None:
    """Deisenroth, Faisal, Ong, "Mathematics for Machine Learning", equations (5.122) to (5.141)."""
    found = explain(MML, {"x": x}, tangents={"x": 1})
    a, b = x * x, math.exp(x * x)
    c = a + b
    by_c = 1 / (2 * math.sqrt(c)) - math.sin(c)
    by_a = by_c * (1 + b)
    values = {"x": x, "a": a, "b": b, "c": c, "d": math.sqrt(c), "e": math.cos(c), "f": math.sqrt(c) + math.cos(c)}
    adjoints = {"x": 2 * x * by_a, "a": by_a, "b": by_c, "c": by_c, "d": 1, "e": 1, "f": 1}
    partials = {("a", "x"): 2 * x, ("b", "a"): b, ("c", "a"): 1, ("c", "b"): 1, ("f", "d"): 1, ("f", "e"): 1}
    partials |= {("d", "c"): 1 / (2 * math.sqrt(c)), ("e", "c"): -math.sin(c)}
    assert list(found.nodes) == list(values)
    assert found.column("value") == pytest.approx(values)
    assert found.column("adjoint") == pytest.approx(adjoints)
    assert {pair: edge["value"] for pair, edge in found.edges.items()} == pytest.approx(partials)
    assert found.nodes["f"]["tangent"] == pytest.approx(found.nodes["x"]["adjoint"])


def test_section_10_1() -> None:
    """Snow, "Matrix Calculus Derivatives", section 10.1: dotted values for either seed, then barred ones."""
    text, at = "v1 = sin(x1)\nv2 = x1*x2\nf = v1 + v2\nf", {"x1": 2, "x2": 3}
    first = explain(text, at, tangents={"x1": 1}, mode="forward").column("tangent")
    second = explain(text, at, tangents={"x1": 0, "x2": 1}, mode="forward").column("tangent")
    back = explain(text, at, mode="reverse")
    assert first == pytest.approx({"x1": 1, "x2": 0, "v1": math.cos(2), "v2": 3, "f": math.cos(2) + 3})
    assert second == pytest.approx({"x1": 0, "x2": 1, "v1": 0, "v2": 2, "f": 2})
    bars = {"x1": math.cos(2) + 3, "x2": 2, "v1": 1, "v2": 1, "f": 1}
    assert back.column("adjoint") == pytest.approx(bars)
    assert set(back.column("tangent").values()) == {None}


def perturbed(text: str, name: str) -> str:
    """The program with an addend called `moved` on the line of a name."""
    lines = [line.replace(f"{name} = ", f"{name} = moved + ", 1) for line in text.splitlines()]
    return "\n".join(lines)


@settings(max_examples=15)
@given(programs(3))
def test_random_programs(text: str) -> None:
    """Adjoints agree with JAX's derivative of the program by an addend on the line, partials with that of the line."""
    found = explain(text, POINT, shapes=SHAPES, mode="reverse", forms=())
    values = found.column("value")
    arrows = random_point({name: value.shape for name, value in values.items()}, (-1, 1), seed=5)
    for name in found.nodes.keys() - SHAPES.keys():
        program = read_text(perturbed(text, name), Scope({**SHAPES, "moved": values[name].shape}), Limits()).output
        still = {**POINT, "moved": 0 * values[name]}
        change = oracle.pushed(program, still, {"moved": arrows[name]})
        close(np.sum(found.nodes[name]["adjoint"] * arrows[name]), np.sum(change), text)
    lines = dict(line.split(" = ", 1) for line in text.splitlines()[:-1])
    scope = Scope({name: value.shape for name, value in values.items()})
    for (of, wrt), edge in found.edges.items():
        line = read_text(lines.get(of, text.splitlines()[-1]), scope, Limits())
        assert wrt in line.variables
        change = oracle.pushed(line.output, values, {wrt: arrows[wrt]})
        close(contracted(edge["value"], arrows[wrt], values[wrt].ndim), change, f"{text}\n{of} by {wrt}")


@settings(max_examples=50)
@given(programs())
def test_tangents_and_adjoints_follow_from_the_partials(text: str) -> None:
    """A tangent is the sum of partial times tangent over the operands, an adjoint that over the lines that use it."""
    tangents = random_point(SHAPES, (-1, 1), seed=8)
    found = explain(text, POINT, shapes=SHAPES, tangents=tangents, forms=())
    nodes, outputs = found.nodes, found.parts["outputs"]
    forward = {name: np.zeros(np.shape(node["value"])) for name, node in nodes.items() if name not in SHAPES}
    backward = {name: np.full(np.shape(node["value"]), float(name in outputs)) for name, node in nodes.items()}
    for (of, wrt), edge in found.edges.items():
        forward[of] = forward[of] + contracted(edge["value"], nodes[wrt]["tangent"], nodes[wrt]["value"].ndim)
        backward[wrt] = backward[wrt] + contracted(nodes[of]["adjoint"], edge["value"], nodes[of]["value"].ndim)
    for name, node in nodes.items():
        close(node["tangent"], forward.get(name, tangents.get(name)), text)
        close(node["adjoint"], backward[name], text)


@settings(max_examples=40)
@given(programs(scalar=True))
def test_the_ends_are_the_gradient(text: str) -> None:
    """Adjoints of the inputs are the gradient, and along a tangent the output's is its product with it."""
    gradient = compute(Task("gradient", text, variables={n: Declaration(s) for n, s in SHAPES.items()}, at=POINT))
    tangents = random_point(SHAPES, (-1, 1), seed=9)
    found = explain(text, POINT, shapes=SHAPES, tangents=tangents, forms=())
    assert gradient.values is not None
    close(found.answer.values, gradient.values, text)
    total = 0.0
    for block in gradient.blocks:
        close(found.nodes[block.wrt[0]]["adjoint"], block.value, text)
        total += np.sum(block.value * tangents[block.wrt[0]])
    close(found.nodes[found.parts["outputs"][0]]["tangent"], total, text)


def test_names_that_are_assigned_again() -> None:
    """The second node of a name is called so, be the first an input or a line."""
    found = explain("y = x + 1\nx = x*y\ny = x - y\ny = y\nx*y", {"x": 2})
    assert [(n["name"], n["op"], list(n["inputs"])) for n in found.parts["nodes"]] == [
        ("x", "input", []), ("y", "add", ["x"]), ("x#2", "multiply", ["x", "y"]), ("y#2", "subtract", ["x#2", "y"]),
        ("y#3", "alias", ["y#2"]), ("output", "multiply", ["x#2", "y#3"]),
    ]  # fmt: skip
    assert found.column("value") == {"x": 2, "y": 3, "x#2": 6, "y#2": 3, "y#3": 3, "output": 18}
    assert found.column("adjoint") == {"x": 39, "y": 12, "x#2": 9, "y#2": 6, "y#3": 6, "output": 1}


def test_an_edge_stands_where_the_name_does() -> None:
    """Equal expressions under other names are no mention of the name; a line may cancel what it names."""
    found = explain("a = x**2\nb = x**2 + 1\nc = a - a\noutput = b*c\noutput + a", {"x": 3})
    assert list(found.edges) == [
        ("a", "x"), ("b", "x"), ("c", "a"), ("output", "b"), ("output", "c"), ("output#2", "output"), ("output#2", "a"),
    ]  # fmt: skip
    assert found.edges["c", "a"]["value"] == 0
    assert found.parts["outputs"] == ("output#2",)


def test_lists_and_numbers_have_names_too() -> None:
    """Parts of a named list depend on the list, and a number behind a name keeps its exactness as an exponent."""
    found = explain("p = 2\nw = [x**p, x*y]\nz = concatenate([w, [y]])\nsum(stack(w)) + z[1]", {"x": -3, "y": 5})
    assert found.column("value")["output"] == pytest.approx(9 - 15 - 15)
    assert found.nodes["p"]["op"] == "constant"
    close(found.edges["w", "x"]["value"], [-6, 5])
    close(found.nodes["w"]["adjoint"], [1, 2])
    assert ("output", "w") in found.edges
    assert np.isnan(found.nodes["p"]["adjoint"])  # x**p by p takes the logarithm of x
    assert {(w.code, w.where) for w in found.answer.warnings} == {
        ("domain", "/explain/nodes/2/adjoint"), ("domain", "/explain/edges/1/value"),
    }  # fmt: skip


GRAPH = {
    "version": 1,
    "inputs": [{"name": "y", "shape": []}, {"name": "x", "shape": [2]}],
    "constants": [{"name": "A", "shape": [2, 2], "data": [1, 2, 3, 4]}],
    "nodes": [
        {"name": "z", "op": "matmul", "inputs": ["A", "x"]},
        {"name": "f", "op": "multiply", "inputs": ["y", "z"]},
        {"name": "g", "op": "exp", "inputs": ["z"]},
    ],
    "outputs": ["f", "g"],
}


def test_a_graph_with_several_outputs() -> None:
    """All nodes of a graph are named; adjoints are those of all outputs together, weighted by one cotangent."""
    found = explain(graph=GRAPH, at={"y": 3, "x": [1, -1]}, cotangent=[1, 10])
    assert list(found.nodes) == ["y", "x", "A", "z", "f", "g"]
    assert found.parts["outputs"] == ("f", "g")
    close(found.nodes["z"]["adjoint"], np.array([1, 10]) * (3 + np.exp([-1, -1])))
    close(found.nodes["y"]["adjoint"], -11)
    close(found.edges["z", "A"]["value"], np.einsum("ij,k->ijk", np.eye(2), [1, -1]))
    assert found.answer.values is not None
    assert len(found.answer.values) == 2


def test_the_adjoint_of_an_output_that_does_not_exist() -> None:
    """Where one of several outputs is no number, no adjoint is one, and each is accounted for."""
    graph = GRAPH | {
        "nodes": [{"name": "f", "op": "sum", "inputs": ["x"]}, {"name": "g", "op": "log", "inputs": ["y"]}]
    }
    found = explain(graph=graph, at={"y": [-1, 1], "x": [1, 1]}, shapes=None)
    for name, node in found.nodes.items():
        adjoint = node["adjoint"]
        assert np.isnan(adjoint[0]).all(), name
        assert np.isfinite(adjoint[1]).all(), name
    noticed = {notice.where for notice in found.answer.warnings}
    assert {f"/explain/nodes/{place}/adjoint" for place in range(5)} <= noticed


def test_a_batch_is_each_of_its_points() -> None:
    """Every number has the batch axis, and each point those of its own explanation."""
    text, shapes = "r = A @ x\nq = r*c\nsum(q**2)", {"A": (2, 2), "x": (2,), "c": ()}
    xs, arrows = np.array([[1, 2], [3, 4], [-1, 0]]), np.array([[1, 0], [0, 1], [2, 2]])
    fixed = {"A": [[1, 2], [3, 5]], "c": 0.5}
    whole = explain(text, {"x": xs, **fixed}, shapes=shapes, tangents={"x": arrows}, forms=())
    assert whole.answer.batch_size == 3
    for k in range(3):
        one = explain(text, {"x": xs[k], **fixed}, shapes=shapes, tangents={"x": arrows[k]}, forms=())
        for name, node in one.nodes.items():
            for field in ("value", "tangent", "adjoint"):
                close(whole.nodes[name][field][k], node[field])
        for pair, edge in one.edges.items():
            close(whole.edges[pair]["value"][k], edge["value"])


def test_without_a_point() -> None:
    """Shapes in named sizes and closed forms; forward mode then goes along every variable."""
    shapes = {"A": ("m", "n"), "x": ("n",)}
    found = explain("z = A @ x\nf = tanh(z)\nsum(f)", shapes=shapes)
    assert [node["shape"] for node in found.parts["nodes"]] == [("m", "n"), ("n",), ("m",), ("m",), ()]
    assert {pair: edge["display"] for pair, edge in found.edges.items()} == {
        ("z", "A"): "m x (m x n)", ("z", "x"): "m x n", ("f", "z"): "m x m", ("output", "f"): "1 x m",
    }  # fmt: skip
    assert found.edges["z", "A"]["shape"] == ("m", "m", "n")
    assert {node[field] for node in found.parts["nodes"] for field in ("value", "tangent", "adjoint")} == {None}
    assert {step["mode"] for step in found.parts["steps"]} == {"forward", "reverse"}
    settled = explain("z = A @ x\nf = tanh(z)\nsum(f)", {"A": np.eye(2), "x": [0, 1]}, shapes=shapes)
    assert settled.nodes["z"]["shape"] == ("m",)
    close(settled.nodes["x"]["adjoint"], [1, 1 / math.cosh(1) ** 2])


def test_what_is_not_used() -> None:
    """A line that leads nowhere has adjoint 0; a variable without use needs no value, and that is said."""
    found = explain("lost = x**3\nx + 1", {"x": 2}, shapes={"x": (), "q": (2,)})
    assert found.nodes["lost"]["adjoint"] == 0
    assert found.nodes["q"]["value"] is None
    assert [(n.code, n.where) for n in found.answer.warnings] == [("no-value", "/explain/nodes/1/value")]
    close(explain("x + 1", {"x": 2, "q": [1, 2]}, shapes={"x": (), "q": (2,)}).nodes["q"]["adjoint"], [0, 0])


def test_a_partial_that_is_too_large_is_left_out() -> None:
    """The nodes still have their numbers; only these are worth a refusal."""
    request: dict[str, Any] = {"at": {"A": np.eye(20), "x": np.ones(20)}, "mode": "reverse", "forms": ()}
    found = explain("z = A @ x\nsum(z)", **request, limits=Limits(elements=2000))
    assert found.edges["z", "A"]["value"] is None
    assert found.edges["z", "x"]["value"] is not None
    assert [(n.code, n.where) for n in found.answer.warnings] == [("too-large", "/explain/edges/0/value")]
    with pytest.raises(LimitError, match="elements"):
        explain("z = A @ x\nsum(z)", **request, limits=Limits(elements=800))


@pytest.mark.parametrize(
    ("request_", "error", "told"),
    [
        ({"mode": "forward", "at": {"x": 1}}, InvalidRequestError, "tangents is missing"),
        ({"tangents": {"z": 1}, "at": {"x": 1}}, UnknownNameError, "not a variable"),
        ({"cotangent": [[1, 2]], "at": {"x": 1}}, ShapeError, "cotangent has shape"),
        ({"at": {}}, InvalidRequestError, "at has no value for x"),
        ({"graph": GRAPH | {"outputs": ["f", "y"]}, "expression": None, "cotangent": 1}, ShapeError, "several outputs"),
        ({"limits": Limits(nodes=2)}, LimitError, "nodes"),
    ],
)
def test_refusals(request_: dict[str, Any], error: type[Exception], told: str) -> None:
    """What does not fit is refused as it is elsewhere."""
    with pytest.raises(error, match=told):
        explain(**{"expression": "a = x*2\na + x"} | request_)
