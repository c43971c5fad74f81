"""A graph, or a function of another format, in place of a text: the same answer at every endpoint."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from service.api.endpoints import ENDPOINTS
from service.api.examples import REQUESTS
from service.frontends.sizes import declared_shape
from service.frontends.text import Scope, read_text
from service.frontends.write_graph import write_graph
from service.main import create_app
from service.settings import Settings
from service.tasks.messages import Limits


@pytest.fixture(scope="module")
def whole() -> Iterator[TestClient]:
    """A client of the service as it is deployed."""
    with TestClient(create_app(Settings())) as client:
        yield client


def as_graph(body: dict[str, Any]) -> dict[str, Any]:
    """The request with its text as a graph, whose inputs have the shapes and facts that are declared or follow."""
    sent = dict(body)
    text, declared = sent.pop("expression"), sent.pop("variables", {})
    shapes = {name: array(value).shape for name, value in body.get("at", {}).items()}
    shapes |= {name: declared_shape(one["shape"], {}, Limits()) for name, one in declared.items()}
    reading = read_text(text, Scope(shapes, open_to_scalars=True), Limits())
    graph = write_graph([reading.output], {**reading.variables, **shapes}.items())
    for entry in graph["inputs"]:
        entry |= {name: value for name, value in declared.get(entry["name"], {}).items() if name == "assume"}
    return {**sent, "graph": graph}


def array(value: Any) -> Any:
    """A tensor of a request."""
    return np.asarray(value["data"]).reshape(value["shape"]) if isinstance(value, dict) else np.asarray(value)


@pytest.mark.parametrize("kind", [kind for kind, body in REQUESTS.items() if "expression" in body])
def test_every_endpoint_takes_a_graph(whole: TestClient, kind: str) -> None:
    """The answer is that to the text."""
    path = "/v1/functions" if kind == "function" else f"/v1/{kind}"
    text, graph = (whole.post(path, json=body) for body in (REQUESTS[kind], as_graph(REQUESTS[kind])))
    assert text.status_code in (200, 201), text.text
    assert graph.status_code in (200, 201), graph.text
    assert told(graph) == told(text)


def told(answer: Any) -> dict[str, Any]:
    """An answer but for what is no part of the function.

    That is when it ends, whether it is in the cache, and what `explain` calls the lines of a text and nodes of a graph.
    """
    found = {name: value for name, value in answer.json().items() if name not in {"explain", "expires_at"}}
    found.get("plan", {}).pop("cached", None)
    return found


MODELS: dict[str, Any] = {
    "mathjson": ["Add", ["Power", "x", 2], ["Sin", ["Multiply", "x", "y"]]],
    "mathoptformat": {
        "type": "ScalarNonlinearFunction",
        "root": {"type": "+", "args": [{"type": "^", "args": ["x", 2]}, {"type": "node", "index": 1}]},
        "node_list": [{"type": "sin", "args": [{"type": "*", "args": ["x", "y"]}]}],
    },
}


EXTRA: dict[str, dict[str, Any]] = {
    "derivative": {"wrt": ["x", "y"]},
    "jvp": {"tangents": {"x": 1, "y": 2}},
    "vjp": {"cotangent": 3},
    "hvp": {"tangents": {"x": 1, "y": 2}},
    "taylor": {"order": 3},
    "check": {"wrt": ["x"], "candidate": "2*x + y*cos(x*y)"},
    "plan": {"kind": "gradient"},
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("kind", [endpoint.kind for endpoint in ENDPOINTS])
def test_every_endpoint_takes_a_model(whole: TestClient, kind: str, name: str) -> None:
    """A function of another format has the id, the numbers and the forms of the text."""
    body = {"at": {"x": 0.5, "y": -2}, **EXTRA.get(kind, {})}
    text = whole.post(f"/v1/{kind}", json={"expression": "x**2 + sin(x*y)", **body})
    model = whole.post(f"/v1/{kind}", json={"model": {"format": name, "content": MODELS[name]}, **body})
    assert text.status_code == model.status_code == 200, (text.text, model.text)
    assert told(model) == told(text)
