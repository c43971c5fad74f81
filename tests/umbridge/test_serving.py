"""The protocol under the rules of the service: keys, rates, bounds, numbers that are not finite."""

from __future__ import annotations

import hashlib
import http.client
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import umbridge

from tests.service_process import HOST, running_service
from tests.umbridge.calling import VECTORS, call, failure, refused

AT = b'{"name": "expression", "config": {"expression": "x", "variables": {"x": {"shape": [3]}}}, "input": [%b]}'


@pytest.mark.parametrize(
    "entries", [b"[NaN, Infinity, -Infinity]", b'["NaN", "Infinity", "-Infinity"]', b"[ NaN,\nInfinity\t,-Infinity]"]
)
def test_numbers_that_are_not_finite(server: str, entries: bytes) -> None:
    """As words or as texts, they come back as words; a text that has such words in it is left alone."""
    raw = AT % entries
    connection = http.client.HTTPConnection(server.removeprefix("http://"), timeout=60)
    connection.request("POST", "/Evaluate", raw)
    assert connection.getresponse().read() == b'{"output":[[NaN,Infinity,-Infinity]]}'
    connection.close()
    named = b'{"name": "NaN \\" Infinity", "input": [NaN]}'
    assert "NaN" in refused(server, "Evaluate", named, "ModelNotFound")


@pytest.mark.parametrize(
    "entries", [b"[1, null, 2]", b"[1, true, 2]", b'[1, "2", 3]', b"[1, [2], 3]", b"[1, 1e400, 2]"]
)
def test_what_is_no_number(server: str, entries: bytes) -> None:
    """Nothing is taken for a number that is none."""
    refused(server, "Evaluate", AT % entries)


@pytest.mark.parametrize("raw", [AT % b"[1, 2, -NaN]", AT % b"[1, 2, NaNNaN]", AT % b"[1, 2, nan]"])
def test_what_is_no_word(server: str, raw: bytes) -> None:
    """Only the three words are read."""
    refused(server, "Evaluate", raw)


def test_a_number_stands_for_a_vector_of_one(server: str) -> None:
    """MATLAB writes one for the other."""
    body = {"name": "expression", "input": [3], "config": {"expression": "x**2"}}
    assert call(server, "Evaluate", body) == (200, {"output": [[9.0]]})
    places = {"outWrt": 0, "inWrt": 0, "inWrt1": 0, "inWrt2": 0, "sens": 2, "vec": 5}
    answers = [call(server, feature, body | places)[1] for feature in ("Gradient", "ApplyJacobian", "ApplyHessian")]
    assert answers == [{"output": [12.0]}, {"output": [30.0]}, {"output": [20.0]}]


def test_a_repeated_call_comes_from_a_cache(server: str) -> None:
    """The header tells, the body has nothing of it."""
    body = json.dumps({"name": "rosenbrock", "input": [[0.123, 4.56]]})
    connection = http.client.HTTPConnection(server.removeprefix("http://"), timeout=60)
    found = []
    for _ in range(2):
        connection.request("POST", "/Evaluate", body)
        response = connection.getresponse()
        found.append((response.read(), response.getheader("Cache-Status")))
    connection.close()
    (first, missed), (second, hit) = found
    assert first == second
    assert (missed, hit) == ("derivatives; fwd=miss; stored", "derivatives; hit; detail=memory")


def test_a_value_that_does_not_exist(server: str) -> None:
    """The inverse of a singular matrix is refused, as it is everywhere."""
    config = {"expression": "inv(A)", "variables": {"A": {"shape": [2, 2]}}}
    refused(server, "Evaluate", {"name": "expression", "input": [[1, 1, 1, 1]], "config": config})


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A service with small bounds."""
    with running_service(workers=1, body_bytes=20_000, json_depth=8, elements=1000) as port:
        yield f"http://{HOST}:{port}/umbridge"


def test_bounds(narrow: str) -> None:
    """What is over a bound is named, in the protocol's shape."""
    deep = b'{"name": "rosenbrock", "input": ' + b"[" * 30 + b"]" * 30 + b"}"
    assert "json_depth" in refused(narrow, "Evaluate", deep)
    long = {"name": "rosenbrock", "input": [[1.0] * 10_000]}
    assert "body_bytes" in refused(narrow, "Evaluate", long, "PayloadTooLarge", 413)
    config = {"expression": "outer(x, x)", "variables": {"x": {"shape": [100]}}}
    assert "elements" in refused(narrow, "Evaluate", {"name": "expression", "input": [[1] * 100], "config": config})


def test_a_client_that_will_not_wait(server: str) -> None:
    """What takes longer than a header allows is stopped, or not begun, and the next call is answered."""
    grown = "\n".join(["y0 = x", *(f"y{k + 1} = sin(y{k} @ y{k})" for k in range(90)), "y90"])
    config = {"expression": grown, "variables": {"x": {"shape": [30, 30]}}, "wrt": ["x"]}
    body = {"name": "expression", "config": config, "input": [[0.01] * 900]}
    places = {"outWrt": 0, "inWrt1": 0, "inWrt2": 0, "sens": [1] * 900, "vec": [1] * 900}
    status, answer = call(server, "ApplyHessian", body | places, **{"X-Request-Timeout": "0.02"})
    kinds = {422: "DeadlineExceeded", 503: "Overloaded"}
    jsonschema.validate(answer, failure(kinds[status]))
    assert call(server, "Evaluate", {"name": "rosenbrock", "input": [[1, 1]]})[0] == 200


def test_keys_and_rates() -> None:
    """Without a key, and beyond a rate, the refusal has the protocol's shape and the headers it has elsewhere."""
    digest = hashlib.sha256(b"secret").hexdigest()
    with running_service(workers=1, api_keys=f"me:{digest}", rate_limit="20/minute") as port:
        base, allowed = f"http://{HOST}:{port}", {"Authorization": "Bearer secret"}
        for path in ("Info", "umbridge/Info"):
            status, answer = call(base, path, method="GET")
            assert status == 401
            jsonschema.validate(answer, failure("Unauthorized"))
        assert call(base, "Info", method="GET", **allowed)[1]["protocolVersion"] == 1.0
        model = umbridge.HTTPModel(f"http://x:secret@{HOST}:{port}", "rosenbrock")
        assert model([[1.0, 1.0]]) == [[0.0]]
        body = {"name": "rosenbrock", "input": [[1, 1]]}
        answers = [call(base, "Evaluate", body, **allowed) for _ in range(30)]
    jsonschema.validate(answers[0][1], VECTORS)
    status, answer = answers[-1]
    assert status == 429
    jsonschema.validate(answer, failure("RateLimited"))


def test_the_document_is_silent_about_it() -> None:
    """The protocol has its own description; generated clients are of the service's own interface."""
    root = Path(__file__).resolve().parents[2]
    paths = json.loads((root / "openapi" / "openapi.json").read_text(encoding="utf-8"))["paths"]
    assert not [path for path in paths if not path.startswith("/v1/") and path[1:2].isupper()]
    assert not [path for path in paths if path.startswith("/umbridge")]
