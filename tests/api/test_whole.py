"""The service with its own mathematics behind it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import numpy as np
import pytest
from starlette.testclient import TestClient

from service.api.compute import ENDPOINTS
from service.api.document import files
from service.api.example_answers import ANSWERS
from service.api.examples import REQUESTS
from service.main import create_app
from service.settings import Settings

DOCUMENT = json.loads(files()["openapi.json"])
GRAPH_FORMAT = json.loads(files()["graph.schema.json"])


@pytest.fixture(scope="module")
def whole() -> Iterator[TestClient]:
    """A client of the service as it is deployed."""
    with TestClient(create_app(Settings())) as client:
        yield client


def fits(answer: Any, component: str) -> None:
    """Checks an answer against its schema."""
    jsonschema.Draft202012Validator({"$ref": f"#/components/schemas/{component}", **DOCUMENT}).validate(answer)


def numbers(answer: Any) -> list[Any]:
    """The value and the derivatives' values, in order."""
    tensors = [answer.get("value"), *(block["value"] for block in answer.get("derivatives", ()))]
    return [tensor and tensor["data"] for tensor in tensors]


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.kind)
def test_the_document_tells_the_truth(whole: TestClient, endpoint: Any) -> None:
    """Each example request is answered in the described form, with the numbers of the example answer."""
    response = whole.post(f"/v1/{endpoint.kind}", json=REQUESTS[endpoint.kind])
    assert response.status_code == 200, response.text
    answer, shown = response.json(), ANSWERS[endpoint.kind]
    fits(answer, endpoint.answer.__name__)
    assert (answer["kind"], answer["batch_size"]) == (shown["kind"], shown["batch_size"])
    for found, expected in zip(numbers(answer), numbers(shown), strict=True):
        assert (found is None) == (expected is None)
        if found is not None:
            np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("expression", "structure", "factors"),
    [
        ("x*x", "diagonal", {"diagonal": ([4], [2.0, 4.0, 6.0, 8.0])}),
        ("x[::-1]", "sparse", {"indices": ([4, 2], [0, 3, 1, 2, 2, 1, 3, 0]), "values": ([4], [1.0] * 4)}),
        ("ones(4)", "zero", {}),
    ],
)
def test_factors(
    whole: TestClient, expression: str, structure: str, factors: dict[str, tuple[list[int], list[float]]]
) -> None:
    """Asked for structure, a structured block has factors in the place of its value; positions are whole numbers."""
    request = {"expression": expression, "variables": {"x": {"shape": [4]}}, "at": {"x": [1, 2, 3, 4]}}
    response = whole.post("/v1/jacobian", json={**request, "structure": "auto"})
    assert response.status_code == 200, response.text
    fits(response.json(), "DerivativeAnswer")
    (block,) = response.json()["derivatives"]
    assert block["structure"] == structure
    assert block["value"] is None
    assert block["factors"] == {name: {"shape": shape, "data": data} for name, (shape, data) in factors.items()}
    assert all(type(place) is int for place in block["factors"].get("indices", {"data": ()})["data"])
    (dense,) = whole.post("/v1/jacobian", json=request).json()["derivatives"]
    assert "factors" not in dense
    assert dense["structure"] == structure


@pytest.mark.parametrize("kind", ["gradient", "jacobian", "hessian", "plan"])
def test_named_sizes(whole: TestClient, kind: str) -> None:
    """Closed forms and plans for every size have the described form."""
    request = {"expression": "sum(exp(A @ x))", "variables": {"A": {"shape": ["m", "n"]}, "x": {"shape": ["n"]}}}
    response = whole.post(f"/v1/{kind}", json=request)
    assert response.status_code == 200, response.text
    fits(response.json(), "PlanAnswer" if kind == "plan" else "DerivativeAnswer")


def test_a_written_graph_is_a_graph(whole: TestClient) -> None:
    """What the form `graph` answers fits the format's schema, and is taken as a request."""
    request = {
        "expression": "sum(log(x[::-1] + [1, 2, 3])) + 0.5 * norm(x)",
        "variables": {"x": {"shape": [3]}},
        "forms": ["graph"],
    }
    response = whole.post("/v1/gradient", json=request)
    assert response.status_code == 200, response.text
    graph = response.json()["derivatives"][0]["forms"]["graph"]
    jsonschema.Draft202012Validator(GRAPH_FORMAT).validate(graph)
    again = whole.post("/v1/evaluate", json={"graph": graph, "at": {"x": [1, 2, 3]}})
    numeric = whole.post("/v1/gradient", json=request | {"at": {"x": [1, 2, 3]}})
    assert again.status_code == 200, again.text
    np.testing.assert_allclose(again.json()["value"]["data"], numeric.json()["derivatives"][0]["value"]["data"])


def test_a_checked_answer(whole: TestClient) -> None:
    """Every block says how it was checked."""
    request = {"expression": "sum(exp(A @ x))", "at": {"A": [[1, 2], [3, 4]], "x": [0.1, 0.2]}, "verify": True}
    answer = whole.post("/v1/hessian", json=request).json()
    fits(answer, "DerivativeAnswer")
    assert [block["verified"]["points"] for block in answer["derivatives"]] == [5, 5, 5]
    assert all(block["verified"]["max_relative_error"] < 1e-9 for block in answer["derivatives"])


def test_a_contradicted_answer_is_a_defect(
    whole: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The client gets no numbers and no details; the log has the function."""
    monkeypatch.setattr("service.tasks.closed_forms.text_form", lambda *_: "sin(x)")
    response = whole.post("/v1/gradient", json={"expression": "sin(x)", "at": {"x": 0.5}, "verify": True})
    assert (response.status_code, response.json()["code"]) == (500, "internal")
    assert "sin" not in response.text
    assert "'sin(x)'" in caplog.text


def test_the_language_is_listed(whole: TestClient) -> None:
    """Every operation has what the schema says."""
    answer = whole.get("/v1/ops").json()
    fits(answer, "OperationList")
    assert {"exp", "matmul", "einsum"} <= {operation["name"] for operation in answer["operations"]}
