"""Registered functions over HTTP, in processes as they run."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from service.api.endpoints import ENDPOINTS
from service.api.examples import REQUESTS
from tests.jobs.served import ASYNC, JSON, Answer, Service, serving
from tests.redis_server import RedisServer

FUNCTION = {
    "expression": "a = X @ w\nsum(log(1 + exp(a))) - y @ a",
    "variables": {"X": {"shape": [3, 2]}, "w": {"shape": [2]}, "y": {"shape": [3]}},
}
POINT = {"X": [[1, 2], [0, 1], [1, 0]], "w": [0.5, -0.5], "y": [1, 0, 1]}
SPELLINGS = (
    FUNCTION,
    FUNCTION | {"expression": "b = X @ w; c = log(exp(b) + 1); np.sum(c) - y @ b"},
    FUNCTION
    | {"expression": r"\operatorname{sum}(\ln(1 + \exp(X w))) - y^\top (X w)", "syntax": "latex"}
    | {"variables": {"y": {"shape": [3]}, "w": {"shape": [2]}, "X": {"shape": [3, 2]}}},
)


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    """A process of the service."""
    with serving() as process:
        yield process


def post(service: Service, path: str, body: dict[str, Any], **headers: str) -> Answer:
    """The answer to a JSON request."""
    return service.asked("POST", path, json.dumps(body), {**JSON, **headers})


def test_registering(service: Service) -> None:
    """The same function, however spelled, is registered once; reading it answers the same document."""
    first = post(service, "/v1/functions", SPELLINGS[0])
    assert first.status == 201
    where = f"/v1/functions/{first.document['function_id']}"
    assert first.headers["location"] == where
    for spelling in SPELLINGS:
        again = post(service, "/v1/functions", spelling)
        assert again.status == 200
        assert without_end(again) == without_end(first)
    assert without_end(service.asked("GET", where)) == without_end(first)
    assert first.document["variables"] == [
        {"name": "X", "shape": [3, 2]},
        {"name": "w", "shape": [2]},
        {"name": "y", "shape": [3]},
    ]
    listed = service.asked("GET", "/v1/functions?page_size=500").document["functions"]
    assert [one["created_at"] for one in listed if one["function_id"] == first.document["function_id"]] == [
        first.document["created_at"]
    ]


def without_end(answer: Answer) -> dict[str, Any]:
    """A function's document but for its end, which every use moves."""
    return {name: value for name, value in answer.document.items() if name != "expires_at"}


def test_the_document_is_the_function(service: Service) -> None:
    """Its graph and its text are spellings of it."""
    known = post(service, "/v1/functions", FUNCTION).document
    shapes = {one["name"]: {"shape": one["shape"]} for one in known["variables"]}
    for spelling in ({"graph": known["graph"]}, {"expression": known["forms"]["text"], "variables": shapes}):
        again = post(service, "/v1/functions", spelling)
        assert again.status == 200
        assert again.document["function_id"] == known["function_id"]


@pytest.mark.parametrize("kind", [endpoint.kind for endpoint in ENDPOINTS])
def test_every_endpoint_takes_the_id(service: Service, kind: str) -> None:
    """The answer is that to the function written out, when the worker meets it first and when it knows it."""
    body = dict(REQUESTS[kind])
    names = ("expression", "syntax", "graph", "variables")
    function = {name: body.pop(name) for name in names if name in body}
    at = body.get("at", {})
    function.setdefault("variables", {name: {"shape": shape_of(value)} for name, value in at.items()})
    if "graph" in function:
        del function["variables"]
    known = post(service, "/v1/functions", function).document
    body["wrt"] = body.get("wrt") or [one["name"] for one in known["variables"]]
    plain = post(service, f"/v1/{kind}", {**function, **body})
    assert plain.status == 200, plain
    for _ in range(2):
        found = post(service, f"/v1/{kind}", {"function_id": known["function_id"], **body})
        assert found.status == 200, found
        assert found.document["function_id"] == plain.document["function_id"]
        assert found.document.get("value") == plain.document.get("value")
        shown, expected = (document.get("derivatives", []) for document in (found.document, plain.document))
        assert [block["value"] for block in shown] == [block["value"] for block in expected]


def shape_of(value: Any) -> list[int]:
    """The shape of nested lists."""
    if isinstance(value, dict):
        return list(value["shape"])
    return [len(value), *shape_of(value[0])] if isinstance(value, list) else []


def test_new_points(service: Service) -> None:
    """Small requests for a function that is known are answered as by a worker, also without one."""
    known = post(service, "/v1/functions", {"expression": "x**2 + 3*x"}).document["function_id"]
    for x in range(200):
        found = post(service, "/v1/gradient", {"function_id": known, "at": {"x": x}, "forms": []})
        assert found.document["derivatives"][0]["value"]["data"] == [2.0 * x + 3.0]


def test_unknown_functions(service: Service) -> None:
    """An id that nobody has registered is 404 everywhere, and says what to do."""
    for answer in (
        service.asked("GET", "/v1/functions/fn_0"),
        post(service, "/v1/gradient", {"function_id": "fn_0", "at": {"x": 1}}),
        post(service, "/v1/plan", {"function_id": "fn_0"}),
    ):
        assert answer.status == 404
        assert answer.document["code"] == "not-found"
        assert "fn_0" in answer.document["detail"]
    job = post(service, "/v1/gradient", {"function_id": "fn_0", "at": {"x": 1}}, **ASYNC)
    ended = service.ended(job.headers["location"])
    assert ended["error"]["code"] == "not-found"


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("page_size=0", "/page_size"),
        ("page_size=501", "/page_size"),
        ("page_size=x", "/page_size"),
        ("page_token=x", "/page_token"),
    ],
)
def test_pages_that_cannot_be(service: Service, query: str, pointer: str) -> None:
    """A wrong size of pages, and a page that there is not, are named."""
    answer = service.asked("GET", f"/v1/functions?{query}")
    assert answer.status == 422
    assert answer.document["errors"][0]["pointer"] == pointer


@pytest.mark.parametrize(
    ("query", "media", "pointer"),
    [
        ("parameters=W&parameters=b", "application/onnx", "/parameters"),
        ("parameter=W", "application/onnx", "/parameter"),
        ("parameters=W", "application/json", "/parameters"),
    ],
)
def test_a_query_that_is_not_understood(service: Service, query: str, media: str, pointer: str) -> None:
    """It is refused: the function that is meant is another one."""
    answer = service.asked("POST", f"/v1/functions?{query}", '{"expression": "x"}', {"Content-Type": media})
    assert answer.status == 422
    assert answer.document["errors"][0]["pointer"] == pointer
    assert "with commas" in answer.document["detail"]


def test_names_of_a_model_as_the_file_has_them(service: Service) -> None:
    """The refusal says what they are called here."""
    answer = post(service, "/v1/gradient", {"graph": GRAPH, "wrt": ["net.0.weight"]})
    assert answer.status == 422
    assert "other characters of a model's names become underscores" in answer.document["detail"]


def test_an_id_that_cannot_be_one(service: Service) -> None:
    """It is repeated as other input is: printable, and not all of it."""
    answer = service.asked("GET", f"/v1/functions/%00{'a' * 4000}")
    assert answer.status == 404
    assert len(answer.document["detail"]) < 200
    assert answer.document["detail"].isprintable()


GRAPH = {
    "version": 1,
    "inputs": [{"name": "x", "shape": [2]}],
    "constants": [{"name": "weight", "shape": [2, 2], "data": [1, 2, 3, 4]}],
    "nodes": [
        {"name": "z", "op": "matmul", "inputs": ["weight", "x"]},
        {"name": "f", "op": "sum", "inputs": ["z"]},
    ],
    "outputs": ["f"],
}


def test_constants_as_variables(service: Service) -> None:
    """What a request names is a variable: its value is the constant's, or the one that is sent."""
    sent = {"graph": GRAPH, "wrt": ["weight"], "at": {"x": [1, 10]}}
    found = post(service, "/v1/gradient", sent).document
    assert found["value"]["data"] == [64.0]
    assert found["derivatives"][0]["value"]["data"] == [1.0, 10.0, 1.0, 10.0]
    moved = post(service, "/v1/evaluate", {"graph": GRAPH, "at": {"x": [1, 10], "weight": [[0, 0], [0, 1]]}}).document
    assert moved["value"]["data"] == [10.0]
    along = {"graph": GRAPH, "at": {"x": [1, 10]}, "tangents": {"weight": [[1, 0], [0, 0]]}}
    assert post(service, "/v1/jvp", along).document["derivatives"][0]["value"]["data"] == [1.0]
    known = post(service, "/v1/functions", {"graph": GRAPH, "parameters": ["weight"]}).document
    assert [one["name"] for one in known["variables"]] == ["weight", "x"]
    assert known["function_id"] == found["function_id"] == moved["function_id"]


def test_a_parameter_that_is_no_constant(service: Service) -> None:
    """It is named; a function has no other way to say what varies."""
    answer = post(service, "/v1/functions", {"graph": GRAPH, "parameters": ["wieght"]})
    assert answer.status == 422
    assert answer.document["errors"][0]["pointer"] == "/parameters/0"
    assert "did you mean weight" in answer.document["detail"]
    answer = post(service, "/v1/functions", {"graph": GRAPH, "parameters": ["weight", "weight"]})
    assert answer.status == 422
    assert answer.document["errors"][0]["pointer"] == "/parameters/1"


def test_processes_share_functions() -> None:
    """What one process has registered, another computes with, also after the first has gone."""
    with RedisServer() as server:
        with serving(redis_url=server.url) as first:
            known = post(first, "/v1/functions", FUNCTION).document["function_id"]
        with serving(redis_url=server.url) as second:
            found = post(second, "/v1/gradient", {"function_id": known, "wrt": ["w"], "at": POINT})
            assert found.status == 200, found
            assert found.document["value"] == post(second, "/v1/evaluate", {**FUNCTION, "at": POINT}).document["value"]
            assert [one["function_id"] for one in second.asked("GET", "/v1/functions").document["functions"]] == [known]
            server.kill()
            other = {"function_id": "fn_1", "wrt": ["w"], "at": POINT}
            assert post(second, "/v1/gradient", other).status == 503


def test_functions_end() -> None:
    """Without Redis they end with the process, and in any case some time after their last use."""
    with serving(function_seconds=1) as service:
        known = post(service, "/v1/functions", FUNCTION).document["function_id"]
        where = f"/v1/functions/{known}"
        assert service.asked("GET", where).status == 200
        time.sleep(1.2)
        assert service.asked("GET", where).status == 404


@pytest.mark.parametrize(
    ("declared", "code", "where"),
    [
        ({"x": {"shape": [3]}}, "shape-error", "/variables/x/shape"),
        ({"y": {"shape": [2]}}, "unknown-name", "/variables/y"),
    ],
)
def test_declarations_agree_with_the_function(
    service: Service, declared: dict[str, Any], code: str, where: str
) -> None:
    """Of two shapes, either might be meant."""
    known = post(service, "/v1/functions", {"graph": GRAPH}).document["function_id"]
    for function in ({"graph": GRAPH}, {"function_id": known}):
        assert post(service, "/v1/gradient", {**function, "variables": {"x": {"shape": [2]}}}).status == 200
        refused = post(service, "/v1/gradient", {**function, "variables": declared, "at": {"x": [1, 2]}})
        assert (refused.status, refused.document["code"]) == (422, code)
        assert refused.document["errors"][0]["pointer"] == where
