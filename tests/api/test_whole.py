"""The service with its own mathematics behind it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import numpy as np
import pytest
from starlette.testclient import TestClient

from service.api.document import files
from service.api.endpoints import ENDPOINTS
from service.api.example_answers import ANSWERS
from service.api.examples import REQUESTS
from service.main import create_app
from service.settings import Settings
from service.tasks.compute import compute
from tests.api.asserting import pointers, problem

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


def test_a_contradicted_answer_is_a_defect(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """The client gets no numbers and no details; the log has the function."""
    monkeypatch.setattr("service.tasks.closed_forms.text_form", lambda *_: "sin(x)")
    request = {"expression": "sin(x)", "at": {"x": 0.5}, "verify": True}
    with TestClient(create_app(Settings(), compute=compute)) as here:  # where the patch is
        response = here.post("/v1/gradient", json=request)
    assert (response.status_code, response.json()["code"]) == (500, "internal")
    assert "sin" not in response.text
    assert "'sin(x)'" in caplog.text


def test_the_language_is_listed(whole: TestClient) -> None:
    """Every operation has what the schema says."""
    answer = whole.get("/v1/ops").json()
    fits(answer, "OperationList")
    assert {"exp", "matmul", "einsum"} <= {operation["name"] for operation in answer["operations"]}


@pytest.mark.parametrize(("kind", "part"), [("taylor", "taylor"), ("check", "check"), ("analyze", "analysis")])
def test_the_parts_of_an_answer(whole: TestClient, kind: str, part: str) -> None:
    """What stands in place of derivatives has the fields and numbers of the example."""
    found, shown = whole.post(f"/v1/{kind}", json=REQUESTS[kind]).json()[part], ANSWERS[kind][part]
    assert found.keys() == shown.keys()
    for name, expected in shown.items():
        if isinstance(expected, list):
            assert [tensor["shape"] for tensor in found[name]] == [tensor["shape"] for tensor in expected]
            real, example = ([tensor["data"] for tensor in tensors] for tensors in (found[name], expected))
            np.testing.assert_allclose(real, example, rtol=1e-6)
        elif isinstance(expected, dict) and "data" in expected:
            assert found[name]["shape"] == expected["shape"]
            np.testing.assert_allclose(found[name]["data"], expected["data"], rtol=1e-6, atol=1e-12)
        elif isinstance(expected, float):
            assert found[name] == pytest.approx(expected)
        else:
            assert found[name] == expected


ABSENT_PARTS = [
    ("taylor", {"expression": "sqrt(x)", "order": 2, "at": {"x": 0}, "evaluate_at": {"x": 1}}),
    ("taylor", {"expression": "x @ x", "order": 2, "variables": {"x": {"shape": ["n"]}}}),
    ("check", {"expression": "x @ x", "at": {"x": [0, 0]}, "step": 1, "tolerance": 0}),
    ("analyze", {"expression": "x**1.5", "at": {"x": 0}}),
    ("analyze", {"expression": "[x, 2*x, y]", "at": {"x": 1, "y": 2}}),
]


@pytest.mark.parametrize(("kind", "request_"), ABSENT_PARTS)
def test_absent_parts_fit_the_schema(whole: TestClient, kind: str, request_: dict[str, Any]) -> None:
    """Where something does not exist or does not apply, the answer has the described form all the same."""
    response = whole.post(f"/v1/{kind}", json=request_)
    assert response.status_code == 200, response.text
    (endpoint,) = [endpoint for endpoint in ENDPOINTS if endpoint.kind == kind]
    fits(response.json(), endpoint.answer.__name__)


REFUSED = [
    ("taylor", {}, "invalid-request", "/order", "Field required"),
    ("taylor", {"order": -1}, "invalid-request", "/order", "greater than or equal to 0"),
    ("taylor", {"order": 2.0}, "invalid-request", "/order", "a valid integer"),
    ("taylor", {"order": 21}, "limit-exceeded", "/order", "taylor_order: 21 is over the limit of 20"),
    ("taylor", {"order": 1, "evalute_at": {}}, "invalid-request", "/evalute_at", "did you mean evaluate_at?"),
    ("check", {"step": 0}, "invalid-request", "/step", "greater than 0"),
    ("check", {"step": 1e-30}, "invalid-request", "/step", "too small beside x = 1"),
    ("check", {"scheme": "backward"}, "invalid-request", "/scheme", "'forward' or 'central'"),
    ("check", {"candidate": "2*$"}, "parse-error", "/candidate", "'$' is not part of the language"),
    ("check", {"candidate": "x" * 70_000}, "limit-exceeded", "/candidate", "expression_bytes: 70000"),
    ("jvp", {"tangents": {"x": [1, 2, 3], "y": 1}, "at": {"x": 1, "y": 1}}, "unknown-name", "/tangents/y", "y"),
    ("jvp", {"tangents": {"x": [[1], [2]]}}, "shape-error", "/tangents/x", "d_x has shape ()"),
    ("hvp", {"tangents": {"x": [[1], [2]]}}, "shape-error", "/tangents/x", "d_x has shape ()"),
    ("hvp", {"tangents": {"x": 1}, "cotangent": [[1]]}, "shape-error", "/cotangent", "cotangent has shape ()"),
    ("vjp", {"cotangent": [[1], [2]]}, "shape-error", "/cotangent", "cotangent has shape ()"),
    ("explain", {"mode": "reverse", "cotangent": [[1]]}, "shape-error", "/cotangent", "cotangent has shape ()"),
    ("analyze", {"step_size": -1}, "invalid-request", "/step_size", "greater than 0"),
    (
        "analyze",
        {"variables": {"x": {"shape": []}}, "at": {"x": [1, 2]}},
        "unsupported-operation",
        "/at",
        "a batch of 2",
    ),
]


@pytest.mark.parametrize(("kind", "more", "code", "place", "message"), REFUSED)
def test_refused_fields(
    whole: TestClient, kind: str, more: dict[str, Any], code: str, place: str, message: str
) -> None:
    """A field that only some endpoints have is refused as the others are, with its pointer."""
    response = whole.post(f"/v1/{kind}", json={"expression": "x**2", "at": {"x": 1}} | more)
    document = problem(response, 422, code)
    assert pointers(document) == [place]
    assert message in document["detail"]
