"""What of MathOptFormat is refused, and how; and its bounds."""

from __future__ import annotations

import math
from typing import Any

import pytest

from service.errors import LimitError
from service.frontends.graph import read_graph
from service.frontends.mathoptformat import read_mathoptformat
from service.tasks.messages import Limits
from tests.frontends.foreign import refusal
from tests.frontends.mathoptformat import affine, call, model, node, nonlinear, read
from tests.frontends.reading import LIMITS

ROOT = "/model/content/root"
NODES = "/model/content/node_list"
REFUSED: list[tuple[Any, str, str, str]] = [
    (nonlinear(call("sine", "x")), "unknown-name", ROOT, "root ('sine'): 'sine' is not an operator of MathOptFormat"),
    (nonlinear(node(1), call("erfinv", "x")), "unsupported-operation", f"{NODES}/0", "node 1 ('erfinv')"),
    (nonlinear({"type": "complex", "real": 1, "imag": 2}), "unsupported-operation", ROOT, "numbers are real"),
    (nonlinear(node(1), call("sin", "x", "y")), "parse-error", f"{NODES}/0", "sin takes 1 operands, got 2"),
    (nonlinear(call("-", "x", "y", "z")), "parse-error", ROOT, "- takes 1 or 2 operands, got 3"),
    (nonlinear(call("+")), "parse-error", ROOT, "+ takes 1 or more operands, got 0"),
    (nonlinear(call("ifelse", "x", 1, 2)), "parse-error", ROOT, "operand 1 of ifelse is a condition"),
    (nonlinear(call("ifelse", 2, 1, 2)), "parse-error", ROOT, "operand 1 of ifelse is a condition"),
    (nonlinear(call("&&", 1, "x")), "parse-error", ROOT, "operand 2 of && is a condition"),
    (nonlinear(node(1), call("sin", node(1))), "parse-error", f"{NODES}/0/args/0", "node 1 is made of itself"),
    (nonlinear(node(1), call("sin", node(2)), call("cos", node(1))), "parse-error", f"{NODES}/1/args/0",
     "node 2 ('cos'), argument 1: node 1 is made of itself"),
    (nonlinear(node(1), node(1)), "parse-error", f"{NODES}/0", "node 1 is made of itself"),
    (nonlinear(node(0), "x"), "unknown-name", f"{ROOT}/index", "there is no node of that number: there are 1"),
    (nonlinear(node(2), "x"), "unknown-name", f"{ROOT}/index", "there is no node of that number"),
    (nonlinear(node(10**50), "x"), "unknown-name", f"{ROOT}/index", "there is no node of that number"),
    (nonlinear({"type": "node", "index": True}, "x"), "invalid-request", f"{ROOT}/index", "a whole number, from 1"),
    (nonlinear({"type": "node", "index": 1.0}, "x"), "invalid-request", f"{ROOT}/index", "a whole number, from 1"),
    (nonlinear({"type": "node"}), "invalid-request", f"{ROOT}/index", "needs the field 'index'"),
    (nonlinear({"type": []}), "invalid-request", f"{ROOT}/type", "an object in a function has a 'type'"),
    (nonlinear({"args": ["x"]}), "invalid-request", f"{ROOT}/type", "an object in a function has a 'type'"),
    (nonlinear({"type": "sin"}), "invalid-request", f"{ROOT}/args", "needs the field 'args'"),
    (nonlinear({"type": "sin", "args": "x"}), "invalid-request", f"{ROOT}/args", "an array is expected"),
    (nonlinear({"type": "sin", "args": ["x"], "arg": 1}), "invalid-request", f"{ROOT}/arg", "no field 'arg'"),
    (nonlinear(None), "invalid-request", ROOT, "root: a number within the range"),
    (nonlinear(True), "invalid-request", ROOT, "a number within the range"),
    (nonlinear(10**400), "invalid-request", ROOT, "a number within the range"),
    (nonlinear(float("inf")), "invalid-request", ROOT, "a number within the range"),
    (nonlinear(["sin", "x"]), "invalid-request", ROOT, "a number within the range"),
    (nonlinear(""), "parse-error", ROOT, "has no letter or digit"),
    (nonlinear("x" * 65), "parse-error", ROOT, "at most 64 characters"),
    ({**nonlinear("x"), "node_list": {}}, "invalid-request", NODES, "an array is expected"),
    ({"type": "ScalarNonlinear"}, "invalid-request", "/model/content/type", "did you mean ScalarNonlinearFunction"),
    ({"type": "VectorOfVariables", "variables": []}, "parse-error", "/model/content", "at least one row"),
    ({"type": "VectorOfVariables", "variables": [1]}, "invalid-request", "/model/content/variables/0", "a text"),
    (affine((1.0, "x"), constant=math.nan), "invalid-request", "/model/content/constant", "a number within"),
    ([], "invalid-request", "/model/content", "a MathOptFormat document is an object"),
    ("x", "invalid-request", "/model/content", "a MathOptFormat document is an object"),
    ({}, "invalid-request", "/model/content/version", "a model needs the field 'version'"),
    ({**model(affine(), "x"), "version": {"major": 2}}, "invalid-request", "/model/content/version", "'major' is 1"),
    ({**model(affine(), "x"), "version": 1}, "invalid-request", "/model/content/version", "'major' is 1"),
    ({**model(affine(), "x"), "objective": {"sense": "feasibility"}}, "unsupported-operation",
     "/model/content/objective/sense", "no objective"),
    ({**model(affine(), "x"), "objective": {"sense": "min"}}, "invalid-request",
     "/model/content/objective/function", "needs the field 'function'"),
    (model(affine(), "x", "x"), "parse-error", "/model/content/variables/1/name", "the name 'x' is taken"),
    (model(affine(), "x[1]", "x_1"), "parse-error", "/model/content/variables/1/name", "both are written x_1"),
    (model(affine((1.0, "y")), "x"), "unknown-name", "/model/content/objective/function/terms/0/variable",
     "'y' is no variable of the model"),
    ({**model(affine(), "x"), "variables": ["x"]}, "invalid-request", "/model/content/variables/0", "is an object"),
    ({**model(affine(), "x"), "variables": [{"name": 1}]}, "invalid-request", "/model/content/variables/0/name",
     "a name is a text"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "code", "pointer", "message"), REFUSED, ids=[f"{k} {case[3][:40]}" for k, case in enumerate(REFUSED)]
)
def test_refusals(content: Any, code: str, pointer: str, message: str) -> None:
    """An error points at the node and names it."""
    error = refusal(read_mathoptformat, content)
    assert (error.code, error.pointer) == (code, pointer), error.detail
    assert message in error.detail


def test_shapes_of_the_request() -> None:
    """Variables are scalars, and those of a model are known."""
    assert "scalars" in refusal(read_mathoptformat, affine((1.0, "x")), shapes={"x": [3]}).detail
    assert "no variable" in refusal(read_mathoptformat, model(affine(), "x"), shapes={"y": []}).detail
    assert "no variable" in refusal(read_mathoptformat, affine((1.0, "x")), shapes={"y": []}).detail


def test_bounds() -> None:
    """Nodes are counted before they are read, and as they are made."""
    few = Limits(nodes=5)
    for content in (
        nonlinear("x", *["x"] * 6),
        model(affine(), *[f"x{k}" for k in range(6)]),
        nonlinear(call("+", *[f"x{k}" for k in range(6)])),
        {"type": "VectorOfVariables", "variables": ["x"] * 6},
    ):
        with pytest.raises(LimitError, match="nodes"):
            read(content, few)


@pytest.mark.parametrize("forward", [True, False])
def test_long_chains(*, forward: bool) -> None:
    """A node may be as deep as the limit on nodes, whichever way the list is ordered."""
    count = 9000
    links = range(2, count + 1) if forward else range(1, count)
    chain = [call("sin", node(k)) for k in links]
    nodes = [*chain, call("sin", "x")] if forward else [call("sin", "x"), *chain]
    graph = read(nonlinear(node(1 if forward else count), *nodes))
    assert len(graph["nodes"]) == count
    assert read_graph(graph, LIMITS).outputs


def test_deep_operations() -> None:
    """Nor does depth within one node matter."""
    deep: Any = "x"
    for _ in range(9000):
        deep = call("sin", deep)
    assert len(read(nonlinear(deep))["nodes"]) == 9000
