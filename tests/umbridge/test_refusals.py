"""Every refusal of the service in the protocol's shape, whoever refuses, and whatever is sent."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

import jsonschema
import orjson
import pytest
from starlette.testclient import TestClient

from service.api.asking import AnsweredError
from service.api.problems import KINDS
from service.api.umbridge.refusals import STATUS, TYPE_OF, refusal
from service.errors import OverloadedError
from service.main import create_app
from service.settings import Settings
from service.tasks.compute import compute
from service.tasks.messages import Answer, Task
from tests.umbridge.calling import ERRORS, call, failure

CALLS = ("ModelInfo", "InputSizes", "OutputSizes", "Evaluate", "Gradient", "ApplyJacobian", "ApplyHessian")
PLACES: dict[str, Any] = {"outWrt": 0, "inWrt": 0, "inWrt1": 0, "inWrt2": 0, "sens": [1], "vec": [1, 2]}
GRAPH = {
    "version": 1,
    "inputs": [{"name": "x", "shape": ["n"]}, {"name": "s", "shape": []}],
    "constants": [{"name": "c", "shape": [2], "data": [1, 2]}],
    "nodes": [
        {"name": "a", "op": "multiply", "inputs": ["x", "s"]},
        {"name": "b", "op": "sum", "inputs": ["a"], "attributes": {"axis": 0}},
    ],
    "outputs": ["b", "a"],
}
TEXT = {
    "expression": "sum(A @ x * exp(x[0]))",
    "variables": {"A": {"shape": ["m", "n"], "assume": ["symmetric"]}, "x": {"shape": ["n"]}},
    "at": {"A": {"shape": [2, 2], "data": [1, 2, 2, 3]}},
}
BODIES: tuple[dict[str, Any], ...] = (
    {"name": "rosenbrock", "input": [[1, 2.5]], "config": {}, **PLACES},
    {"name": "expression", "input": [[1, 2.5]], "config": TEXT, **PLACES},
    {"name": "expression", "input": [[1, 2], [3]], "config": {"graph": GRAPH, "sizes": {"n": 2}}, **PLACES},
)
JUNK: tuple[Any, ...] = (
    None, True, 0, -1, 2**64, 10**30, 1.5, 1e308, "", "x", "NaN", [], [[]], {}, {"a": 1}, [1, "x"], "\0", 300 * "x",
    {"shape": [2], "data": [1, 2]}, "fn_" + 32 * "0",
)  # fmt: skip


def test_every_code_has_a_type() -> None:
    """Those of the protocol with its status, all others with their own."""
    for code, kind in KINDS.items():
        response = refusal(AnsweredError(code, "what is wrong"))
        (error,) = orjson.loads(response.body).values()
        assert error.keys() == {"type", "message"}
        expected = STATUS[error["type"]] if error["type"] in ERRORS else kind.status
        assert response.status_code == expected
    assert set(TYPE_OF.values()) == set(STATUS) == set(ERRORS)
    assert orjson.loads(refusal(AnsweredError("shutting-down", "")).body)["error"]["type"] == "ShuttingDown"


def test_defects_are_hidden() -> None:
    """The client learns nothing of one, and it is a 500."""
    response = refusal(ZeroDivisionError("secret"))
    assert response.status_code == 500
    assert orjson.loads(response.body)["error"]["type"] == "InvalidOutput"
    assert b"secret" not in response.body


def broken(task: Task) -> Answer:
    """Mathematics with a defect that shows after the service has checked itself by a gradient."""
    if task.kind == "gradient":
        return compute(task)
    message = "secret"
    raise ZeroDivisionError(message)


@pytest.fixture
def client() -> Iterator[TestClient]:
    """A client of an application whose mathematics is broken."""
    with TestClient(create_app(Settings(cache_bytes=0), compute=broken)) as started:
        yield started


@pytest.mark.filterwarnings("ignore")
def test_a_defect_in_a_worker(client: TestClient) -> None:
    """It is the protocol's InvalidOutput."""
    response = client.post("/Evaluate", content=json.dumps(BODIES[0]))
    assert response.status_code == 500
    jsonschema.validate(response.json(), failure("InvalidOutput"))
    assert "secret" not in response.text


@pytest.mark.parametrize("path", ["/Info", "//Info", "/umbridge/Info", "/umbridge//Info"])
def test_a_service_that_stops(client: TestClient, path: str) -> None:
    """What is refused before a route is reached has the same shape, and its headers."""
    client.app.state.life.draining = True  # type: ignore[attr-defined]
    response = client.get(f"http://testserver{path}")
    assert response.status_code == 503
    assert response.headers["retry-after"] == "1"
    jsonschema.validate(response.json(), failure("ShuttingDown"))


def test_when_to_try_again() -> None:
    """Overload says so."""
    response = refusal(OverloadedError("busy", 7))
    assert (response.status_code, response.headers["retry-after"]) == (503, "7")


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something stands in a JSON value."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, entry in entries:
        yield (*path, step)
        yield from paths(entry, (*path, step))


def changed(body: dict[str, Any], dice: random.Random) -> dict[str, Any]:
    """The body with something else in one to three places, or without it."""
    found = copy.deepcopy(body)
    for _ in range(dice.choice((1, 1, 2, 3))):
        *outer, last = dice.choice(list(paths(found)) or [("name",)])
        holder: Any = found
        for step in outer:
            holder = holder[step]
        if dice.random() < 0.25 and last in holder:
            del holder[last]
        else:
            holder[last] = copy.deepcopy(dice.choice(JUNK))
    return found


@pytest.mark.parametrize("seed", range(8))
def test_whatever_is_sent(server: str, seed: int) -> None:
    """Every answer is a success with its one member, or a refusal in the protocol's shape; nothing is a defect."""
    dice = random.Random(seed)  # noqa: S311 - to be repeated, not to be secret
    succeeded = 0
    for _ in range(60):
        feature = dice.choice(CALLS)
        status, answer = call(server, feature, changed(dice.choice(BODIES), dice))
        if status == 200:
            succeeded += 1
            assert len(answer) == 1
        else:
            kind = answer["error"]["type"]
            assert (status, kind) in {(400, "ModelNotFound"), (400, "InvalidInput"), (400, "UnsupportedFeature")}
            jsonschema.validate(answer, failure(kind))
    assert 0 < succeeded < 60
