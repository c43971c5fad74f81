"""Hostile graphs, and functions of other formats: each is refused by the whole service, with the node's name."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from service.main import create_app
from service.settings import Settings
from tests.api.hostile_graphs import DOCUMENTS, HOSTILE, LONG, WRONG, source

CODES = {
    "invalid-request", "parse-error", "unknown-name", "shape-error", "limit-exceeded", "unsupported-operation",
    "not-differentiable", "domain-error",
}  # fmt: skip


@pytest.fixture(scope="module")
def service() -> Iterator[TestClient]:
    """A client of the service as it is deployed."""
    with TestClient(create_app(Settings(log_level="critical"))) as client:
        yield client


def asked(service: TestClient, source: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """Status and document of the answer; what is refused is a problem document that is short."""
    answer = service.post("/v1/jacobian", json={**source, "forms": []})
    if answer.status_code != 200:
        assert answer.headers["content-type"] == "application/problem+json"
        assert len(answer.content) < 8192
    return answer.status_code, answer.json()


def paths(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a document."""
    yield path
    entries = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for step, entry in entries:
        yield from paths(entry, (*path, step))


def replaced(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    """A copy with another value at a place."""
    if not path:
        return value
    changed = copy.deepcopy(document)
    piece = changed
    for step in path[:-1]:
        piece = piece[step]
    piece[path[-1]] = value
    return changed


def without(document: Any, path: tuple[Any, ...]) -> Any:
    """A copy that lacks what is at a place."""
    changed = copy.deepcopy(document)
    piece = changed
    for step in path[:-1]:
        piece = piece[step]
    del piece[path[-1]]
    return changed


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_documents_are_taken(service: TestClient, name: str) -> None:
    """As they stand."""
    status, answer = asked(service, source(name, DOCUMENTS[name][0]))
    assert status == 200, answer


@pytest.mark.parametrize("name", DOCUMENTS)
def test_wrong_types_everywhere(service: TestClient, name: str) -> None:
    """Whatever stands anywhere, or is missing, it is an answer or a refusal that points into the document."""
    document, start = DOCUMENTS[name]
    changed = [(path, replaced(document, path, value)) for path in paths(document) for value in WRONG]
    changed += [(path, without(document, path)) for path in paths(document) if path]
    refused = 0
    for path, sent in changed:
        status, answer = asked(service, source(name, sent))
        if status == 200:
            continue
        refused += 1
        told = f"{path} in {json.dumps(sent)[:2000]}: {answer}"
        assert (status, answer["code"] in CODES) == (422, True), told
        assert answer["errors"][0]["pointer"].startswith(start), told
        if name == "graph" and path[:1] == ("nodes",) and len(path) > 2 and path[2] != "name":
            # A wrong output of a node is found at the node that cannot take it.
            assert any(f"'{entry['name']}'" in answer["detail"] for entry in document["nodes"][path[1] :]), told
    assert refused > len(changed) / 2


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_graphs(service: TestClient, name: str) -> None:
    """Each gets its own refusal, which names the node and points at the piece."""
    graph, code, at, message = HOSTILE[name]
    status, answer = asked(service, {"graph": graph})
    assert (status, answer["code"], answer["errors"][0]["pointer"]) == (422, code, at), answer
    assert message in answer["detail"]


@pytest.mark.parametrize("depth", [70, 10_000])
@pytest.mark.parametrize("name", DOCUMENTS)
def test_deep_nesting(service: TestClient, name: str, depth: int) -> None:
    """A body may nest only so deep, wherever it does."""
    body = json.dumps(source(name, "HERE")).replace('"HERE"', "[" * depth + "]" * depth)
    answer = service.post("/v1/jacobian", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed-body")


@pytest.mark.parametrize("name", LONG)
def test_long_documents(service: TestClient, name: str) -> None:
    """Nodes are counted before they are read, and terms before they are written."""
    kind, document, at = LONG[name]
    status, answer = asked(service, source(kind, document))
    assert (status, answer["code"]) == (422, "limit-exceeded"), answer
    assert answer["errors"][0]["pointer"].startswith(f"/model/content/{at}".rstrip("/"))
    assert "nodes" in answer["detail"]
