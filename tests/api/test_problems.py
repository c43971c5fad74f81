"""Every way a request can fail is a problem document."""

from __future__ import annotations

import logging

import pytest
from starlette.testclient import TestClient

from service import errors
from service.api.problems import KINDS
from service.errors import FluxionError, LimitError, Place
from tests.api.asserting import pointers, problem
from tests.api.stub import Recorder

BODY = {"expression": "x.T @ x", "at": {"x": [1, 2]}}
REFUSALS = [
    kind
    for kind in FluxionError.__subclasses__()
    if kind.__module__ == errors.__name__ and kind.code != FluxionError.code  # which is that of a defect
]


@pytest.mark.parametrize("kind", [kind for kind in REFUSALS if kind.__init__ is FluxionError.__init__])
def test_every_refusal_has_its_code(client: TestClient, compute: Recorder, kind: type[FluxionError]) -> None:
    """Each class of the error tree is answered under its own code."""
    compute.fail_with(kind("why it failed", pointer="/expression", place=Place(2, 5, "a + b\n    ^")))
    found = problem(client.post("/v1/gradient", json=BODY), 422, kind.code)
    assert found["detail"] == "why it failed"
    assert (found["line"], found["column"], found["excerpt"]) == (2, 5, "a + b\n    ^")
    assert found["errors"] == [{"pointer": "/expression", "message": "why it failed"}]


def test_a_limit_is_named(client: TestClient, compute: Recorder) -> None:
    """Name, value and cap of a limit reach the client."""
    compute.fail_with(LimitError(limit="operations", value=10**12, cap=10**11, hint="try a smaller batch"))
    found = problem(client.post("/v1/gradient", json=BODY), 422, "limit-exceeded")
    assert found["detail"] == "operations: 1000000000000 is over the limit of 100000000000; try a smaller batch"
    assert found["errors"] == []
    assert "line" not in found


def test_the_table_has_every_code_of_the_tree() -> None:
    """A refusal without a status would be answered as a defect."""
    assert {kind.code for kind in REFUSALS} <= set(KINDS)


@pytest.mark.parametrize(
    "error",
    [
        ValueError("secret text"),
        MemoryError("secret text"),
        RecursionError("secret text"),
        SystemExit("secret text"),
        AssertionError("secret text"),
        UnicodeEncodeError("utf-8", "secret text", 0, 1, "why"),
        ExceptionGroup("secret text", [ValueError("secret text")]),
        FluxionError("secret text"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_defect_is_well_formed_and_tells_nothing(
    client: TestClient, compute: Recorder, error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    """Any exception is a 500 for the client, and is in the log for us."""
    compute.fail_with(error)
    with caplog.at_level(logging.ERROR, "fluxion.api"):
        response = client.post("/v1/gradient", json=BODY)
    problem(response, 500, "internal")
    assert "secret" not in response.text
    assert type(error).__name__ in caplog.text


def test_long_details_are_cut(client: TestClient, compute: Recorder) -> None:
    """Even a refusal that forgot to be short is answered in 8 KB of ASCII."""
    compute.fail_with(
        errors.ParseError("\ud800\U0001f600" * 50_000, pointer="/\u00e9", place=Place(1, 1, "\u20ac" * 9000))
    )
    problem(client.post("/v1/gradient", json=BODY), 422, "parse-error")


@pytest.mark.parametrize(
    "path", ["/", "/v1", "/v1/gradients", "/v1/gradient/", "/redoc", "/v1/../etc/passwd", "/\ud7ff"]
)
def test_unknown_addresses(client: TestClient, path: str) -> None:
    """Nothing is redirected and nothing is plain text."""
    problem(client.get(path), 404, "not-found")
    problem(client.post(path, json=BODY), 404, "not-found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/v1/gradient", "POST"),
        ("DELETE", "/v1/plan", "POST"),
        ("OPTIONS", "/v1/plan", "POST"),
        ("POST", "/v1/ops", "GET"),
        ("POST", "/healthz", "GET"),
        ("BREW", "/readyz", "GET"),
        ("PUT", "/v1/jobs/b2nVQdJ0k1uXyC4m9pRt7A", "DELETE, GET"),
    ],
)
def test_wrong_methods(client: TestClient, method: str, path: str, allowed: str) -> None:
    """The answer says which methods there are."""
    response = client.request(method, path)
    problem(response, 405, "method-not-allowed")
    assert response.headers["allow"] == allowed


@pytest.mark.parametrize("path", ["/healthz", "/v1/ops", "/docs", "/openapi.json"])
def test_head_is_get_without_a_body(client: TestClient, path: str) -> None:
    """Every page can be asked for its headers alone."""
    head, get = client.head(path), client.get(path)
    assert head.status_code == get.status_code == 200
    assert head.content == b""
    assert head.headers["content-length"] == get.headers["content-length"]


def test_many_faults_are_cut_to_twenty(client: TestClient) -> None:
    """The rest is counted."""
    body = {"expression": "x", "variables": {f"_{i}": {"shape": []} for i in range(40)}}
    found = problem(client.post("/v1/gradient", json=body), 422, "invalid-request")
    assert len(pointers(found)) == 20
    assert "39 more" in found["detail"]


def test_nothing_is_sniffed(client: TestClient) -> None:
    """Browsers are told to believe the media type."""
    for response in (client.get("/healthz"), client.get("/nowhere"), client.post("/v1/gradient", json=BODY)):
        assert response.headers["x-content-type-options"] == "nosniff"
