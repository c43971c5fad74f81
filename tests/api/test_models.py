"""Derivatives as ONNX models over HTTP: in JSON as base64, as the body of an answer, and as the result of a job."""

from __future__ import annotations

import base64
import http.client
import json
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import onnx
import pytest

from tests.onnx_models import run_model
from tests.service_process import HOST, running_service

MODEL = {"Accept": "application/onnx"}
LOSS = {
    "expression": "sum(log(1 + exp(-y * (X @ w))))",
    "variables": {"X": {"shape": ["m", "n"]}, "y": {"shape": ["m"]}, "w": {"shape": ["n"]}},
    "wrt": ["w"],
}
POINT = {
    "X": np.array([[0.5, 1.0], [-1.0, 2.0], [0.3, 0.1]]),
    "y": np.array([1.0, -1.0, 1.0]),
    "w": np.array([0.2, -0.4]),
}
SAME = 1e-13  # a dozen roundings


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """The port of a service in processes of its own."""
    with running_service() as number:
        yield number


def ask(port: int, path: str, body: Any = None, method: str = "POST", **headers: str) -> tuple[int, Any, bytes]:
    """Status, headers and body of an answer."""
    connection = http.client.HTTPConnection(HOST, port, timeout=60)
    content = None if body is None else json.dumps(body)
    connection.request(method, path, content, {"Content-Type": "application/json", **headers})
    response = connection.getresponse()
    found = response.status, response.headers, response.read()
    connection.close()
    return found


def number_of(port: int, kind: str, **more: Any) -> Any:
    """The service's own numbers: of the only block, or of the value."""
    at = {name: value.tolist() for name, value in POINT.items()}
    status, _, body = ask(port, f"/v1/{kind}", {**LOSS, "at": at, "forms": [], **more})
    assert status == 200, body
    answer = json.loads(body)
    tensor = answer["derivatives"][0]["value"] if "derivatives" in answer else answer["value"]
    return np.reshape(tensor["data"], tensor["shape"])


@pytest.mark.parametrize("kind", ["gradient", "hessian", "jacobian"])
def test_as_a_form(port: int, kind: str) -> None:
    """The text is the model in base64; its one output has the name of the kind."""
    status, _, body = ask(port, f"/v1/{kind}", {**LOSS, "forms": ["onnx", "text"]})
    assert status == 200, body
    (block,) = json.loads(body)["derivatives"]
    found = run_model(base64.b64decode(block["forms"]["onnx"], validate=True), POINT)
    assert list(found) == [kind]
    np.testing.assert_allclose(found[kind], number_of(port, kind), SAME)


@pytest.mark.parametrize(("kind", "output"), [("evaluate", "value"), ("gradient", "d_w"), ("hessian", "d_w_w")])
def test_as_the_answer(port: int, kind: str, output: str) -> None:
    """The body is the model, kept and validated like every answer; what is not asked by `Accept` stays JSON."""
    asked = {name: value for name, value in LOSS.items() if kind != "evaluate" or name != "wrt"}
    status, headers, body = ask(port, f"/v1/{kind}", asked, **MODEL)
    assert (status, headers["Content-Type"]) == (200, "application/onnx"), body
    found = run_model(body, POINT)
    np.testing.assert_allclose(found["value"], number_of(port, "evaluate", wrt=["w"]), SAME)
    np.testing.assert_allclose(found[output], number_of(port, kind), SAME)
    again = ask(port, f"/v1/{kind}", asked, **MODEL)
    assert again[2] == body
    assert "hit" in again[1]["Cache-Status"]
    assert ask(port, f"/v1/{kind}", asked, **MODEL, **{"If-None-Match": headers["ETag"]})[0] == 304
    plain = ask(port, f"/v1/{kind}", asked, Accept="application/*")
    assert plain[1]["Content-Type"] != "application/onnx"


def test_the_model_knows_its_function(port: int) -> None:
    """The id in the metadata is that of the JSON answer."""
    body = ask(port, "/v1/gradient", LOSS, **MODEL)[2]
    about = {entry.key: entry.value for entry in onnx.load_from_string(body).metadata_props}
    assert about["function_id"] == json.loads(ask(port, "/v1/gradient", LOSS)[2])["function_id"]


def test_shapes_from_a_point(port: int) -> None:
    """A point tells shapes; the model has no numbers of it, and no batch."""
    at = {"x": [1.0, 2.0, 3.0]}
    status, _, body = ask(port, "/v1/gradient", {"expression": "sum(x**3)", "at": at}, **MODEL)
    assert status == 200, body
    np.testing.assert_allclose(run_model(body, {"x": np.array([2.0, 0.0, 1.0])})["d_x"], [12.0, 0.0, 3.0], SAME)


def test_as_the_result_of_a_job(port: int) -> None:
    """Long work is asked for and fetched the same way."""
    wish = {"Prefer": "respond-async", "Idempotency-Key": '"one"'}
    status, headers, body = ask(port, "/v1/hessian", {**LOSS, "expression": "sum(tanh(X @ w)**2)"}, **MODEL, **wish)
    assert status == 202, body
    deadline = time.monotonic() + 30
    while json.loads(ask(port, headers["Location"], method="GET")[2])["status"] not in {"succeeded", "failed"}:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    status, found, body = ask(port, f"{headers['Location']}/result", method="GET", **MODEL)
    assert (status, found["Content-Type"]) == (200, "application/onnx"), body
    assert run_model(body, POINT)["d_w_w"].shape == (2, 2)


def test_what_has_no_model(port: int) -> None:
    """Other kinds are not acceptable; an operation that ONNX lacks is named, in either way of asking."""
    for kind in ("taylor", "check", "analyze", "explain", "plan"):
        status, headers, body = ask(port, f"/v1/{kind}", LOSS, **MODEL)
        assert (status, json.loads(body)["code"]) == (406, "not-acceptable")
        assert headers["Content-Type"] == "application/problem+json"
    request = {"expression": "eigvalsh(A)[0]", "variables": {"A": {"shape": [3, 3]}}}
    for more, wish in (({"forms": ["onnx"]}, {}), ({}, MODEL)):
        status, _, body = ask(port, "/v1/gradient", request | more, **wish)
        problem = json.loads(body)
        assert (status, problem["code"]) == (422, "unsupported-operation")
        assert "eigvalsh" in problem["detail"] or "eigenprojections" in problem["detail"]
