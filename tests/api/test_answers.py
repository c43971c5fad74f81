"""What the endpoints answer."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import numpy as np
import pytest
from starlette.testclient import TestClient

from service.api.document import files
from service.api.endpoints import ENDPOINTS
from service.api.example_answers import ANSWERS
from service.tasks.messages import Answer, Block, Notice, Task, Verified
from tests.api.stub import OPERATION, Recorder

BODY = {"expression": "x.T @ x", "at": {"x": [1, 2]}}


def validator(component: str) -> jsonschema.Draft202012Validator:
    """Checks a value against a component of the document."""
    whole = json.loads(files()["openapi.json"])
    return jsonschema.Draft202012Validator({"$ref": f"#/components/schemas/{component}", **whole})


def test_a_gradient(client: TestClient) -> None:
    """The answer's exact form."""
    assert client.post("/v1/gradient", json=BODY).json() == {
        "function_id": "fn_square",
        "kind": "gradient",
        "layout": "numerator",
        "batch_size": None,
        "value": {"shape": [], "data": [5.0]},
        "derivatives": [
            {
                "output": 0,
                "wrt": ["x"],
                "shape": [2],
                "structure": "dense",
                "forms": {"text": "2 * x"},
                "value": {"shape": [2], "data": [2.0, 4.0]},
            }
        ],
        "warnings": [],
    }


def test_a_check_is_shown_where_it_was_asked_for(client: TestClient, compute: Recorder) -> None:
    """Its outcome, or null where it was not possible; without a request there is no such field."""

    def behave(task: Task) -> Answer:
        found = [Verified("differences", 4, 1e-12), Verified(), None]
        blocks = tuple(Block(0, ("x",), (), "dense", {}, None, verified=one) for one in found)
        return Answer("fn_x", task.kind, task.layout, None, None, blocks)

    compute.behave = behave
    answer = client.post("/v1/gradient", json=BODY | {"verify": True}).json()
    validator("DerivativeAnswer").validate(answer)
    first, second, third = answer["derivatives"]
    assert first["verified"] == {"method": "differences", "points": 4, "max_relative_error": 1e-12}
    assert second["verified"] is None
    assert "verified" not in third


def test_closed_forms_alone(client: TestClient) -> None:
    """Without a point the numbers are null, not absent."""
    answer = client.post("/v1/hessian", json={"expression": "x.T @ x"}).json()
    assert answer["value"] is None
    assert answer["derivatives"][0]["value"] is None
    assert answer["derivatives"][0]["shape"] == ["n"]


def test_a_value_has_no_derivatives(client: TestClient) -> None:
    """Evaluate answers the value only."""
    answer = client.post("/v1/evaluate", json=BODY).json()
    assert set(answer) == {"function_id", "kind", "layout", "batch_size", "value", "warnings"}


def test_a_plan_has_no_numbers(client: TestClient) -> None:
    """Plan answers the plan only."""
    answer = client.post("/v1/plan", json=BODY).json()
    assert set(answer) == {"function_id", "kind", "layout", "batch_size", "plan", "warnings"}
    assert answer["plan"] == {"kind": "jacobian"}


def test_several_outputs_have_several_values(client: TestClient, compute: Recorder) -> None:
    """The first is also the value."""

    def behave(task: Task) -> Answer:
        return Answer("fn_two", task.kind, task.layout, 2, (np.ones(2), np.arange(6.0).reshape(2, 3).T[:, ::-1].T))

    compute.behave = behave
    answer = client.post("/v1/evaluate", json=BODY).json()
    assert answer["value"] == answer["values"][0] == {"shape": [2], "data": [1.0, 1.0]}
    assert answer["values"][1] == {"shape": [2, 3], "data": [3.0, 4.0, 5.0, 0.0, 1.0, 2.0]}
    assert answer["batch_size"] == 2


def test_non_finite_numbers_are_named(client: TestClient) -> None:
    """There are no NaN tokens; positions are listed and a warning is given."""
    response = client.post("/v1/gradient", json={"expression": "x.T @ x", "at": {"x": [1, "NaN", "-Infinity"]}})
    assert b"NaN" not in response.content
    answer = response.json()
    assert answer["derivatives"][0]["value"] == {
        "shape": [3],
        "data": [2.0, None, None],
        "nonfinite": {"nan": [1], "neginf": [2]},
    }
    assert answer["warnings"] == [{"code": "non_finite", "message": "x is not finite", "where": "value"}]


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.kind)
def test_the_examples_have_the_described_form(endpoint: Any) -> None:
    """The document's examples fit its schemas."""
    validator(endpoint.answer.__name__).validate(ANSWERS[endpoint.kind])


def test_answers_have_the_described_form(client: TestClient, compute: Recorder) -> None:
    """A real answer fits its schema, with and without numbers, batch and non-finite entries."""

    def behave(task: Task) -> Answer:
        block = Block(1, ("x", "x"), ("n", 2), "low_rank", {"latex": "A"}, np.array([[np.nan, np.inf], [-np.inf, 0]]))
        values = (np.zeros(2), np.array([np.nan, 1]))
        return Answer("fn_x", task.kind, task.layout, 2, values, (block,), (Notice("a", "b", "c"),))

    check = validator("DerivativeAnswer")
    check.validate(client.post("/v1/hessian", json={"expression": "x"}).json())
    compute.behave = behave
    check.validate(client.post("/v1/hessian", json=BODY).json())
    validator("ValueAnswer").validate(client.post("/v1/evaluate", json=BODY).json())


def test_operations_are_listed(client: TestClient) -> None:
    """The language describes itself."""
    answer = client.get("/v1/ops").json()
    assert answer == {"operations": [OPERATION]}
    validator("OperationList").validate(answer)


def test_health(client: TestClient, compute: Recorder) -> None:
    """A started service is alive and ready, after one gradient."""
    assert [task.kind for task in compute.tasks] == ["gradient"]
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ready", "degraded": []}
