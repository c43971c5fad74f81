"""From a JSON object to a task."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from service.api.endpoints import ENDPOINTS
from service.api.examples import REQUESTS
from service.tasks.messages import Declaration, Limits
from tests.api.asserting import pointers, problem
from tests.api.stub import Recorder

GRAPH: dict[str, Any] = {
    "version": 1,
    "inputs": [{"name": "x", "shape": ["n"], "assume": ["positive"]}],
    "constants": [{"name": "c0", "shape": [2], "data": [1, "NaN"]}],
    "nodes": [{"name": "a", "op": "getitem", "inputs": ["x"], "attributes": {"index": [0, None, {"start": 1}]}}],
    "outputs": ["a"],
}


def test_every_field_arrives(client: TestClient, compute: Recorder) -> None:
    """What is sent is what the mathematics gets."""
    body = {
        "expression": "x.T @ x",
        "syntax": "python",
        "variables": {"x": {"shape": [2], "assume": ["positive"]}, "lambda": {"shape": ["n", 3]}},
        "wrt": ["x", "lambda"],
        "at": {"x": [1, 2]},
        "layout": "denominator",
        "forms": ["numpy", "graph"],
        "structure": "dense",
        "verify": False,
        "nonsmooth": "default",
        "kind": "hessian",
    }
    assert client.post("/v1/plan", json=body).status_code == 200
    task = compute.task
    assert (task.kind, task.plan_kind, task.expression, task.syntax) == ("plan", "hessian", "x.T @ x", "python")
    assert task.variables == {"x": Declaration((2,), ("positive",)), "lambda": Declaration(("n", 3))}
    assert (task.wrt, task.layout, task.forms, task.graph) == (("x", "lambda"), "denominator", ("numpy", "graph"), None)
    assert task.at is not None
    np.testing.assert_array_equal(task.at["x"], [1.0, 2.0])
    assert task.limits == Limits(elements=10_000, expression_bytes=1000, nodes=50, threads=os.cpu_count() or 1)


@pytest.mark.parametrize("verify", [True, False])
def test_verify_arrives(client: TestClient, compute: Recorder, verify: bool) -> None:  # noqa: FBT001 - what is sent
    """A check is made when it is asked for."""
    client.post("/v1/gradient", json={"expression": "x", "verify": verify})
    assert compute.task.verify is verify


def test_what_is_left_out_has_its_default(client: TestClient, compute: Recorder) -> None:
    """Absent fields are told from empty ones."""
    client.post("/v1/jacobian", json={"expression": "x"})
    task = compute.task
    assert (task.kind, task.plan_kind, task.layout, task.forms) == (
        "jacobian",
        "jacobian",
        "numerator",
        ("text", "latex"),
    )
    assert (task.variables, task.wrt, task.at, task.graph) == (None, None, None, None)
    client.post("/v1/jacobian", json={"expression": "1", "variables": {}, "at": {}, "forms": []})
    assert (compute.task.variables, compute.task.at, compute.task.forms) == ({}, {}, ())


def test_a_graph_arrives_as_sent(client: TestClient, compute: Recorder) -> None:
    """Its reader gets the JSON values themselves."""
    assert client.post("/v1/jacobian", json={"graph": GRAPH}).status_code == 200
    assert compute.task.graph == GRAPH
    assert compute.task.expression is None


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.kind)
def test_the_examples_are_requests(client: TestClient, compute: Recorder, endpoint: Any) -> None:
    """What the document shows can be sent."""
    assert client.post(f"/v1/{endpoint.kind}", json=REQUESTS[endpoint.kind]).status_code == 200
    assert compute.task.kind == endpoint.kind


@pytest.mark.parametrize(
    ("body", "where", "message"),
    [
        ([], "", "JSON object"),
        ("text", "", "JSON object"),
        ({}, "", "exactly one of"),
        ({"at": {"x": 1}}, "", "exactly one of"),
        ({"expression": 1}, "/expression", "string"),
        ({"expression": None}, "/expression", "string"),
        ({"expression": "x", "varables": {}}, "/varables", "did you mean variables?"),
        ({"expression": "x", "kind": "jacobian"}, "/kind", "unknown field"),
        ({"expression": "x", "variables": {"x": {"shpe": []}}}, "/variables/x/shpe", "did you mean shape?"),
        ({"expression": "x", "variables": {"x": {}}}, "/variables/x/shape", "required"),
        ({"expression": "x", "variables": {"x": {"shape": [True]}}}, "/variables/x/shape/0", "whole number"),
        ({"expression": "x", "variables": {"x": {"shape": [-1]}}}, "/variables/x/shape/0", "whole number"),
        ({"expression": "x", "variables": {"x": {"shape": [2.0]}}}, "/variables/x/shape/0", "whole number"),
        ({"expression": "x", "variables": {"x": {"shape": ["3"]}}}, "/variables/x/shape/0", "or a name"),
        ({"expression": "x", "variables": {"x": {"shape": "n"}}}, "/variables/x/shape", "list"),
        ({"expression": "x", "variables": {"x": {"shape": [], "assume": ["odd"]}}}, "/variables/x/assume/0", "symm"),
        ({"expression": "x", "variables": {"for": {"shape": []}}}, "/variables/for", "word of Python"),
        ({"expression": "x", "variables": {"_x": {"shape": []}}}, "/variables/_x", "a name is a letter"),
        ({"expression": "x", "variables": {"x\n": {"shape": []}}}, "/variables/x\n", "a name is a letter"),
        ({"expression": "x", "variables": {"\uff45": {"shape": []}}}, "/variables/\uff45", "a name is a letter"),
        ({"expression": "x", "at": {"a/b~": 1}}, "/at/a~1b~0", "a name is a letter"),
        ({"expression": "x", "at": {"x": True}}, "/at/x", "true, not a number"),
        ({"expression": "x", "at": {"x": [[1], [2, 3]]}}, "/at/x", "ragged"),
        ({"expression": "x", "at": [1]}, "/at", "dictionary"),
        ({"expression": "x", "wrt": []}, "/wrt", "at least 1"),
        ({"expression": "x", "wrt": "x"}, "/wrt", "list"),
        ({"expression": "x", "wrt": [1]}, "/wrt/0", "string"),
        ({"expression": "x", "layout": "rows"}, "/layout", "'numerator' or 'denominator'"),
        ({"expression": "x", "forms": ["text", "word"]}, "/forms/1", "'text', 'latex'"),
        ({"expression": "x", "syntax": "perl"}, "/syntax", "'python'"),
        ({"expression": "x", "verify": 1}, "/verify", "boolean"),
        ({"function_id": "x y"}, "/function_id", "pattern"),
        ({"graph": {**GRAPH, "version": 2}}, "/graph/version", "number 1"),
        ({"graph": {**GRAPH, "version": True}}, "/graph/version", "number 1"),
        ({"graph": {**GRAPH, "version": 1.0}}, "/graph/version", "number 1"),
        ({"graph": {**GRAPH, "outputs": []}}, "/graph/outputs", "at least 1"),
        ({"graph": {**GRAPH, "node": []}}, "/graph/node", "did you mean nodes?"),
        ({"graph": {**GRAPH, "nodes": [{"name": "a"}]}}, "/graph/nodes/0/op", "required"),
    ],
)
def test_faults_are_located(client: TestClient, body: Any, where: str, message: str) -> None:
    """Each fault has a JSON pointer and a sentence."""
    found = problem(client.post("/v1/gradient", json=body), 422, "invalid-request")
    assert where in pointers(found)
    assert any(message in fault["message"] for fault in found["errors"])


@pytest.mark.parametrize("index", [True, 1.5, [[1]], [True], {"start": 1}, [{"begin": 1}], [{"start": 1.5}]])
def test_what_is_no_index(client: TestClient, index: Any) -> None:
    """An index is a position or size, or a list of these, of nulls and of slices."""
    node = {"name": "a", "op": "getitem", "inputs": ["x"], "attributes": {"index": index}}
    found = problem(client.post("/v1/gradient", json={"graph": {**GRAPH, "nodes": [node]}}), 422, "invalid-request")
    assert pointers(found) == ["/graph/nodes/0/attributes/index"]


def test_only_one_function_is_taken(client: TestClient) -> None:
    """Each of two functions is pointed at."""
    found = problem(client.post("/v1/gradient", json={"expression": "x", "graph": GRAPH}), 422, "invalid-request")
    assert pointers(found) == ["/expression", "/graph"]


@pytest.mark.parametrize(
    ("body", "limit", "where"),
    [
        ({"expression": "x" * 1001}, "expression_bytes", "/expression"),
        ({"expression": "\u00e9" * 501}, "expression_bytes", "/expression"),
        ({"expression": "x", "variables": {"x": {"shape": [1] * 17}}}, "axes", "/variables/x/shape"),
        ({"expression": "x", "variables": {"x": {"shape": [2**31 + 1]}}}, "size of an axis", "/variables/x/shape"),
        ({"expression": "x", "at": {"x": [0] * 10_001}}, "elements", "/at/x"),
        ({"expression": "x", "wrt": [1] * 51}, "nodes", "/wrt"),
        ({"expression": "x", "at": {f"x{i}": 1 for i in range(51)}}, "nodes", "/at"),
        ({"graph": {"nodes": [1] * 51}}, "nodes", "/graph/nodes"),
        ({"graph": {**GRAPH, "inputs": [{"name": "x", "shape": [1] * 17}]}}, "axes", "/graph/inputs/0/shape"),
    ],
)
def test_limits_are_named(client: TestClient, body: dict[str, Any], limit: str, where: str) -> None:
    """What is over a bound is refused with the bound's name, value and cap, before any work."""
    found = problem(client.post("/v1/gradient", json=body), 422, "limit-exceeded")
    assert f"{limit}: " in found["detail"]  # an input is named before
    assert "is over the limit of" in found["detail"]
    assert pointers(found) == [where]


@pytest.mark.parametrize(
    "body",
    [
        {"expression": "x", "y" * 100_000: 1},
        {"expression": ["z" * 150_000]},
        {"expression": "x", "at": {"x" * 100_000: "y" * 50_000}},
        {"expression": "x", "at": {"x": "y" * 100_000}},
        {"expression": "x", "wrt": ["y" * 100_000]},
        {"expression": "x", "variables": {f"\U0001f600{'y' * 2000}{i}": {"shape": []} for i in range(50)}},
        {"expression": "x", "layout": "y" * 100_000},
    ],
)
def test_little_of_the_input_is_repeated(client: TestClient, body: dict[str, Any]) -> None:
    """An error is short, whatever was sent."""
    response = client.post("/v1/gradient", json=body)
    problem(response, 422, "invalid-request")
    assert "y" * 81 not in response.text
    assert "z" * 81 not in response.text
