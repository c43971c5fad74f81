"""Which models there are: what a config may say, and registered functions."""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

import pytest
import umbridge

from tests.umbridge.calling import INPUT_SIZES, OUTPUT_SIZES, VECTORS, answered, call, refused

LINE = {"version": 1, "inputs": [{"name": "x", "shape": []}], "nodes": [], "outputs": ["x"]}
POLAR = {
    "version": 1,
    "inputs": [{"name": "r", "shape": []}, {"name": "phi", "shape": []}],
    "nodes": [
        {"name": "c", "op": "cos", "inputs": ["phi"]},
        {"name": "x", "op": "multiply", "inputs": ["r", "c"]},
        {"name": "both", "op": "stack", "inputs": ["r", "c"]},
    ],
    "outputs": ["x", "both"],
}


def sizes(server: str, config: Any, name: str = "expression") -> tuple[list[int], list[int]]:
    """The lengths of a model's inputs and outputs."""
    body = {"name": name, "config": config}
    inputs = answered(server, "InputSizes", body, INPUT_SIZES)["inputSizes"]
    return inputs, answered(server, "OutputSizes", body, OUTPUT_SIZES)["outputSizes"]


def evaluated(server: str, config: Any, point: Any, name: str = "expression") -> Any:
    """The values of a model."""
    return answered(server, "Evaluate", {"name": name, "input": point, "config": config}, VECTORS)["output"]


def registered(server: str, **function: Any) -> str:
    """The id of a function that is registered now."""
    address = urlsplit(server)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)
    connection.request("POST", "/v1/functions", json.dumps(function), {"Content-Type": "application/json"})
    found: str = json.loads(connection.getresponse().read())["function_id"]
    connection.close()
    return found


def test_inputs_are_in_order_of_first_use(server: str) -> None:
    """The order of an object's members means nothing, so that all clients get the same."""
    shapes = {"a": {"shape": [2]}, "b": {"shape": []}}
    for variables in (shapes, dict(reversed(shapes.items()))):
        assert sizes(server, {"expression": "b*a", "variables": variables}) == ([1, 2], [2])
    assert sizes(server, {"expression": "b*a", "variables": shapes, "wrt": ["a", "b"]}) == ([2, 1], [2])


def test_values_settle_what_is_left_open(server: str) -> None:
    """Sizes come from data or from `sizes`, shapes of undeclared names from data."""
    shapes = {"A": {"shape": ["m", "n"]}, "x": {"shape": ["n"]}}
    config = {"expression": "A @ x", "variables": shapes}
    assert sizes(server, {**config, "at": {"A": [[1, 2], [3, 4], [5, 6]]}}) == ([2], [3])
    assert sizes(server, {**config, "at": {"A": {"shape": [2, 0], "data": []}}}) == ([0], [2])
    assert sizes(server, {**config, "sizes": {"m": 2, "n": 3}}) == ([6, 3], [2])
    assert "the size m of A is not known" in refused(
        server, "InputSizes", {"name": "expression", "config": {**config, "sizes": {"n": 3}}}
    )
    assert evaluated(server, {"expression": "sum(y)*x", "at": {"y": [1, 2, 3]}}, [[2.0]]) == [[12.0]]


def test_dialects(server: str) -> None:
    """A text is read as it is everywhere."""
    assert evaluated(server, {"expression": "\\frac{x}{2}", "syntax": "latex"}, [[3]]) == [[1.5]]


def test_a_constant_may_be_an_input(server: str) -> None:
    """As `wrt` does in every request, it makes a variable of a graph's constant."""
    graph = {
        "version": 1,
        "inputs": [{"name": "x", "shape": [2]}],
        "constants": [{"name": "W", "shape": [2, 2], "data": [1, 2, 3, 4]}],
        "nodes": [{"name": "y", "op": "matmul", "inputs": ["W", "x"]}],
        "outputs": ["y"],
    }
    config = {"graph": graph, "wrt": ["W"], "at": {"x": [1, 10]}}
    assert sizes(server, config) == ([4], [2])
    assert evaluated(server, config, [[0, 1, 2, 0]]) == [[10.0, 2.0]]
    assert evaluated(server, {"graph": graph}, [[1, 10]]) == [[21.0, 43.0]]


def test_the_same_output_twice(server: str) -> None:
    """Outputs are counted as they are listed."""
    config = {"graph": {**LINE, "outputs": ["x", "x"]}}
    assert evaluated(server, config, [[7]]) == [[7.0], [7.0]]
    body = {"name": "expression", "input": [[7]], "config": config, "inWrt": 0, "outWrt": 1, "sens": [3]}
    assert call(server, "Gradient", body) == (200, {"output": [3.0]})


def test_registered_functions_are_models(server: str) -> None:
    """Under their ids, their inputs in the order of their names, with several outputs or with one."""
    shapes = {"x": {"shape": ["n"]}, "A": {"shape": ["m", "n"]}}
    one, several = registered(server, expression="A @ x", variables=shapes), registered(server, graph=POLAR)
    assert {one, several} <= set(umbridge.supported_models(server))
    assert sizes(server, {"sizes": {"m": 1, "n": 2}}, one) == ([2, 2], [1])
    assert evaluated(server, {"at": {"A": [[1, 2]]}}, [[3, 4]], one) == [[11.0]]
    assert sizes(server, None, several) == ([1, 1], [1, 2])
    model = umbridge.HTTPModel(server, several)
    assert model([[0.0], [3.0]]) == [[3.0], [3.0, 1.0]]
    assert model.gradient(1, 1, [[0.0], [3.0]], [2.0, 5.0]) == [2.0]
    assert model.apply_jacobian(0, 1, [[0.0], [3.0]], [2.0]) == [2.0]
    assert model.apply_hessian(0, 0, 0, [[0.0], [3.0]], [1.0], [2.0]) == [-6.0]


def test_a_function_that_is_not_registered(server: str) -> None:
    """Its id may be well-formed."""
    for name in ("fn_" + 32 * "0", "fn_", "", "Rosenbrock"):
        refused(server, "ModelInfo", {"name": name}, "ModelNotFound")


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (3, "config is an object"),
        ([1], "config is an object"),
        ({"expresion": "x"}, "unknown field 'expresion'; did you mean expression"),
        ({"function_id": "fn_1"}, "unknown field 'function_id'; a registered function is a model"),
        ({"model": {"format": "mathjson", "content": "x"}}, "unknown field 'model'; a registered function is a model"),
        ({}, "none was sent"),
        ({"expression": "x", "graph": LINE}, "exactly one"),
        ({"expression": 1}, "/expression"),
        ({"expression": "log("}, "never closed"),
        ({"expression": "x + y", "variables": {"x": {"shape": []}}}, "y"),
        ({"expression": "x", "wrt": ["y"]}, "wrt names y"),
        ({"expression": "x", "wrt": ["x", "x"]}, "twice"),
        ({"expression": "x", "wrt": "x"}, "/wrt"),
        ({"expression": "x", "wrt": []}, "/wrt"),
        ({"expression": "x", "at": {"x": 1}}, "one at least must be an input"),
        ({"expression": "x*y", "at": {"x": 1}, "wrt": ["x", "y"]}, "x is in wrt and in at"),
        ({"expression": "x*y", "wrt": ["x"]}, "y is neither in wrt nor in at"),
        ({"expression": "x", "at": {"z": 1}}, "z"),
        ({"expression": "x", "at": None}, "/at"),
        ({"expression": "x", "sizes": {"n": 1}}, "not a named size"),
        ({"expression": "x", "variables": {"x": {"shape": ["n"]}}, "sizes": {"n": -1}}, "/sizes/n"),
        ({"expression": "x", "variables": {"x": {"shape": ["n"]}}, "sizes": {"n": 2**31 + 1}}, "/sizes/n"),
        ({"graph": {**LINE, "outputs": []}}, "/graph/outputs"),
        ({"graph": {**LINE, "outputs": ["z"]}}, "z"),
        ({"graph": 7}, "/graph"),
    ],
)
def test_what_a_config_must_not_say(server: str, config: Any, said: str) -> None:
    """It is refused before anything is looked at that is computed with it."""
    for feature in ("InputSizes", "OutputSizes", "Evaluate", "Gradient", "ApplyJacobian", "ApplyHessian"):
        assert said in refused(server, feature, {"name": "expression", "config": config, "input": [[1]]})


def test_there_are_no_batches(server: str) -> None:
    """A value with one axis more is refused, not answered with as many times the numbers."""
    shapes: dict[str, Any] = {"x": {"shape": []}, "y": {"shape": []}}
    config = {"expression": "x*y", "variables": shapes, "at": {"y": [1, 2]}}
    body = {"name": "expression", "input": [[1]], "config": config}
    places = {"outWrt": 0, "inWrt": 0, "inWrt1": 0, "inWrt2": 0, "sens": [1], "vec": [1]}
    for feature in ("Evaluate", "Gradient", "ApplyJacobian", "ApplyHessian"):
        assert "one more axis" in refused(server, feature, body | places)


def test_kinks_may_be_refused(server: str) -> None:
    """`nonsmooth` is heeded."""
    body = {"name": "expression", "input": [[0]], "outWrt": 0, "inWrt": 0, "sens": [1]}
    config = {"expression": "abs(x)"}
    assert call(server, "Gradient", {**body, "config": config}) == (200, {"output": [0.0]})
    refused(server, "Gradient", {**body, "config": {**config, "nonsmooth": "error"}}, "UnsupportedFeature")
