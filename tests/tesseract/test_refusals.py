"""Calls that are refused: a problem document, in which the stock client finds what it looks for."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pydantic_core
import pytest
from tesseract_core import Tesseract

from tests.service_process import HOST, running_service
from tests.tesseract.calling import CASES, at, client, post, registered

PROBLEM = "application/problem+json"
MEMBERS = {"type", "title", "status", "detail", "code", "errors", "trace_id"}


@pytest.fixture(scope="module")
def address(server: str) -> str:
    """A function of x with any number of entries and a number k."""
    return registered(server, {"expression": "k*sin(x)", "variables": {"x": {"shape": ["n"]}, "k": {"shape": []}}})


def encoded(buffer: Any, shape: list[int], dtype: str = "float64", encoding: str = "json", **more: Any) -> Any:
    """An array as a client sends it."""
    return {"shape": shape, "dtype": dtype, "data": {"buffer": buffer, "encoding": encoding, **more}}


def text(array: Any) -> str:
    """The bytes of an array in base64."""
    return base64.b64encode(np.asarray(array).tobytes()).decode()


GOOD: dict[str, Any] = {"x": encoded([1.0, 2.0], [2]), "k": 0.5}
BAD_ARRAYS: dict[str, tuple[Any, str, str]] = {
    "no array": ({}, "/shape", "invalid-request"),
    "unknown key": ({**GOOD["x"], "unit": "m"}, "/unit", "invalid-request"),
    "unknown key of data": (encoded([1.0], [1], order="F"), "/data/order", "invalid-request"),
    "another object": ({**GOOD["x"], "object_type": "table"}, "/object_type", "invalid-request"),
    "complex": (encoded([1.0], [1], "complex128"), "/dtype", "invalid-request"),
    "no dtype": (encoded([1.0], [1], "float128"), "/dtype", "invalid-request"),
    "dtype of no text": ({**GOOD["x"], "dtype": ["float64"]}, "/dtype", "invalid-request"),
    "negative size": (encoded([1.0], [-1]), "/shape", "invalid-request"),
    "size of no number": (encoded([1.0], [True]), "/shape", "invalid-request"),
    "shape of the buffer": (encoded([1.0], [2]), "/data/buffer", "invalid-request"),
    "ragged": (encoded([[1.0], [1.0, 2.0]], [2, 1]), "/data/buffer", "invalid-request"),
    "words": (encoded(["one"], [1]), "/data/buffer", "invalid-request"),
    "nothing": (encoded([None], [1]), "/data/buffer", "invalid-request"),
    "a table in the buffer": (encoded({"shape": [1], "data": [1.0]}, [1]), "/data/buffer", "invalid-request"),
    "fractions for whole numbers": (encoded([1.5], [1], "int64"), "/data/buffer", "invalid-request"),
    "too much for a byte": (encoded([256], [1], "uint8"), "/data/buffer", "invalid-request"),
    "too much for a float32": (encoded([1e39], [1], "float32"), "/data/buffer", "invalid-request"),
    "no base64": (encoded("a!!!", [1], encoding="base64"), "/data/buffer", "invalid-request"),
    "too few bytes": (encoded(text([1.0]), [2], encoding="base64"), "/data/buffer", "invalid-request"),
    "too many bytes": (encoded(text([1.0, 2.0]), [1], encoding="base64"), "/data/buffer", "invalid-request"),
    "a file": (encoded("/etc/passwd:0", [1], encoding="binref"), "/data/encoding", "unsupported-operation"),
    "memory of a device": (encoded("0:0:0:0", [1], encoding="cuda_ipc"), "/data/encoding", "unsupported-operation"),
    "encoding of no text": (encoded([1.0], [1], encoding=[]), "/data/encoding", "unsupported-operation"),  # type: ignore[arg-type]
    "compressed": (
        encoded(text([1.0]), [1], encoding="base64", compression="lz4"), "/data/compression", "unsupported-operation",
    ),
    "immense": (encoded([], [0, 2**40]), "/shape", "limit-exceeded"),
    "many axes": (encoded([], [0] * 40), "/shape", "limit-exceeded"),
    "too many axes": (encoded([[1.0]], [1, 1]), "", "shape-error"),  # not a batch of one, as it were elsewhere
}  # fmt: skip


def faults(address: str, call: str, body: Any, status: int = 422) -> tuple[str, list[tuple[str, str]]]:
    """The code of a refusal, and the places in the body with what is wrong there, listed twice alike."""
    found, document, headers = post(f"{address}/{call}", body)
    assert found == status == document["status"], document
    assert headers["content-type"] == PROBLEM
    assert set(document) == MEMBERS
    listed = [("".join(f"/{step}" for step in entry["loc"][1:]), entry["msg"]) for entry in document["detail"]]
    assert all(entry["loc"][0] == "body" and entry["type"] == document["code"] for entry in document["detail"])
    assert [(fault["pointer"], fault["message"]) for fault in document["errors"]] in (listed, [])
    return document["code"], listed


@pytest.mark.parametrize("what", BAD_ARRAYS)
def test_what_is_no_array_of_the_input(address: str, what: str) -> None:
    """Each is refused where it stands."""
    array, place, code = BAD_ARRAYS[what]
    found, ((where, message),) = faults(address, "apply", {"inputs": {**GOOD, "x": array}})
    assert (found, where) == (code, f"/inputs/x{place}")
    assert message


JAC = {"jac_inputs": ["x"], "jac_outputs": ["output"]}
JVP: dict[str, Any] = {"jvp_inputs": ["x"], "jvp_outputs": ["output"], "tangent_vector": {"x": [1.0, 2.0]}}
VJP: dict[str, Any] = {"vjp_inputs": ["k"], "vjp_outputs": ["output"], "cotangent_vector": {"output": [1.0, 2.0]}}
BAD_CALLS: dict[str, tuple[str, Any, str, str]] = {
    "no object": ("apply", [], "", "invalid-request"),
    "no inputs": ("apply", {}, "/inputs", "invalid-request"),
    "an unknown field": ("apply", {"inputs": GOOD, "run": 1}, "/run", "invalid-request"),
    "an unknown input": ("apply", {"inputs": {**GOOD, "z": 1.0}}, "/inputs/z", "invalid-request"),
    "a missing input": ("apply", {"inputs": {"x": [1.0]}}, "/inputs/k", "invalid-request"),
    "no names": ("jacobian", {"inputs": GOOD, **JAC, "jac_inputs": []}, "/jac_inputs", "invalid-request"),
    "a name for names": ("jacobian", {"inputs": GOOD, **JAC, "jac_inputs": "x"}, "/jac_inputs", "invalid-request"),
    "an input that is none": (
        "jacobian", {"inputs": GOOD, **JAC, "jac_inputs": ["y"]}, "/jac_inputs/0", "unknown-name",
    ),
    "a name of no text": ("jacobian", {"inputs": GOOD, **JAC, "jac_outputs": [[]]}, "/jac_outputs/0", "unknown-name"),
    "an output that is none": (
        "jacobian", {"inputs": GOOD, **JAC, "jac_outputs": ["output0"]}, "/jac_outputs/0", "unknown-name",
    ),
    "a tangent too many": (
        "jacobian_vector_product", {"inputs": GOOD, **JVP, "tangent_vector": {"x": [1.0, 2.0], "k": 1.0}},
        "/tangent_vector/k", "invalid-request",
    ),
    "a missing tangent": (
        "jacobian_vector_product", {"inputs": GOOD, **JVP, "tangent_vector": {}}, "/tangent_vector/x",
        "invalid-request",
    ),
    "many tangents": (
        "jacobian_vector_product", {"inputs": GOOD, **JVP, "tangent_vector": {"x": [[1.0, 2.0]]}},
        "/tangent_vector/x", "shape-error",
    ),
    "many cotangents": (
        "vector_jacobian_product", {"inputs": GOOD, **VJP, "cotangent_vector": {"output": [[1.0, 2.0]]}},
        "/cotangent_vector/output", "shape-error",
    ),
    "a long cotangent": (
        "vector_jacobian_product", {"inputs": GOOD, **VJP, "cotangent_vector": {"output": [1.0, 2.0, 3.0]}},
        "/cotangent_vector/output", "shape-error",
    ),
    "a number to evaluate abstractly": (
        "abstract_eval", {"inputs": {"x": 1.0, "k": 1.0}}, "/inputs/x", "invalid-request",
    ),
    "an abstract input too many axes": (
        "abstract_eval",
        {"inputs": {"x": {"shape": [1, 1], "dtype": "float64"}, "k": {"shape": [], "dtype": "float64"}}},
        "/inputs/x", "shape-error",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD_CALLS)
def test_what_is_no_call(address: str, what: str) -> None:
    """Each is refused where it is wrong, also by what computes."""
    call, body, place, code = BAD_CALLS[what]
    found, listed = faults(address, call, body)
    assert (found, listed[0][0]) == (code, place)


def test_sizes_that_contradict(server: str) -> None:
    """Two inputs have different numbers for one named size; the message says which."""
    square = registered(
        server, {"expression": "A @ x", "variables": {"A": {"shape": ["n", "n"]}, "x": {"shape": ["n"]}}}
    )
    _, ((place, message),) = faults(square, "apply", {"inputs": {"A": [[1.0, 2.0], [3.0, 4.0]], "x": [1.0]}})
    assert place == "/inputs/x"
    assert "where n is 2" in message


def test_cotangents_of_each_others_shapes(server: str) -> None:
    """As many numbers as all outputs have together are not enough: each cotangent has the shape of its output."""
    address, point = registered(server, CASES["several"].registration), at(CASES["several"])
    names = ["output1", "output2"]
    vectors = {"output1": np.ones((2, 3)).tolist(), "output2": np.ones(9).tolist()}  # these have 9 and 6 entries
    body = {"inputs": {name: value.tolist() for name, value in point.items()}, "vjp_inputs": ["x"]}
    call = {**body, "vjp_outputs": names, "cotangent_vector": vectors}
    code, ((place, message),) = faults(address, "vector_jacobian_product", call)
    assert (code, place) == ("shape-error", "/cotangent_vector/output1")
    assert "it takes [3, 3]" in message


def test_the_client_says_what_is_wrong(server: str) -> None:
    """The stock client raises what it raises for a Tesseract of its own kind, with the place and the message."""
    served, point = client(server, CASES["scalar"]), at(CASES["scalar"])
    for change, place in (({"x": np.ones(3)}, "x"), ({"z": np.ones(2)}, "z"), ({"t": np.ones((), complex)}, "dtype")):
        with pytest.raises(pydantic_core.ValidationError) as caught:
            served.apply({**point, **change})
        (error,) = caught.value.errors()
        assert place in error["loc"]
        assert error["msg"]


def test_an_output_that_the_client_asks_a_file_for(server: str) -> None:
    """The client itself refuses what the document does not offer."""
    served = client(server, CASES["scalar"])
    with pytest.raises(ValueError, match="compression"):
        served.with_encoding(compression="lz4")
    with pytest.raises(ValueError, match="binref"):
        served.with_encoding(output_format="json+binref")


@pytest.mark.parametrize("name", ["fn_" + 32 * "0", "fn_0", "all", "%00", 300 * "a"])
def test_a_function_that_nobody_registered(server: str, name: str) -> None:
    """404 at each of its addresses; the client raises it as an error of the server."""
    address = f"{server}/tesseract/{name}"
    for call in ("apply", "jacobian", "jacobian_vector_product", "vector_jacobian_product", "abstract_eval"):
        status, document, headers = post(f"{address}/{call}", {"inputs": {}})
        assert (status, document["code"], headers["content-type"]) == (404, "not-found", PROBLEM)
        assert isinstance(document["detail"], str)
    with pytest.raises(RuntimeError, match="Error 404"):
        Tesseract.from_url(address).health()
    with pytest.raises(RuntimeError, match="Error 404"):
        _ = Tesseract.from_url(address).openapi_schema


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"Accept": "text/plain"}, b"{}", 406),
        ({"Accept": "application/json+binref"}, b"{}", 406),
        ({"Accept": "application/json+base64; compression=lz4"}, b"{}", 406),
        ({"Accept": "application/*; gpu_transport=cuda_ipc"}, b"{}", 406),
        ({"Content-Type": "text/plain"}, b"{}", 415),
        ({}, b'{"inputs"', 400),
        ({}, b"", 400),
        ({}, b'{"inputs": {}, "inputs": {}}', 400),
        ({}, b" " * (33 << 20), 413),
    ],
)
def test_what_is_refused_before_it_is_read(address: str, headers: dict[str, str], body: bytes, status: int) -> None:
    """With its own status and a text as `detail`, which the client shows whole."""
    found, document, _ = post(f"{address}/apply", body, **headers)
    assert found == status
    assert isinstance(document["detail"], str)


@pytest.mark.parametrize(
    ("accept", "encoding"),
    [
        ("*/*", "base64"),
        ("application/json", "json"),
        ("application/json+base64", "base64"),
        ("application/*; gpu_transport=none", "base64"),
        ("application/json; compression=none", "json"),
        ("application/json+binref, application/json;q=0.5", "json"),
        ('application/json+base64; compression="lz4", application/json', "json"),
    ],
)
def test_the_format_that_is_accepted(address: str, accept: str, encoding: str) -> None:
    """The first that is offered and preferred; the media type says which."""
    status, answer, headers = post(f"{address}/apply", {"inputs": GOOD}, Accept=accept)
    assert (status, answer["output"]["data"]["encoding"]) == (200, encoding)
    assert headers["content-type"] == ("application/json" if encoding == "json" else "application/json+base64")


def test_what_the_computation_refuses(server: str) -> None:
    """What the computation refuses has the computation's code, and the place in the call if it has one."""
    fixed = registered(server, {"expression": "x[3]", "variables": {"x": {"shape": ["n"]}}})
    code, listed = faults(fixed, "apply", {"inputs": {"x": [1.0, 2.0]}})
    assert code == "shape-error"
    assert listed[0][1]


def test_a_key() -> None:
    """Without it the client shows the refusal; it takes one in the address."""
    key = "secret"
    with running_service(workers=1, api_keys=f"me:{hashlib.sha256(key.encode()).hexdigest()}") as port:
        address, body = f"http://{HOST}:{port}", {"expression": "x**2"}
        bearer = {"Authorization": f"Bearer {key}"}
        status, answer, _ = post(f"{address}/v1/functions", body, **bearer)
        assert status == 201
        served = Tesseract.from_url(f"{address}/tesseract/{answer['function_id']}")
        with pytest.raises(RuntimeError, match="Error 401"):
            served.apply({"x": np.array(3.0)})
        served = Tesseract.from_url(f"http://x:{key}@{HOST}:{port}/tesseract/{answer['function_id']}")
        assert served.apply({"x": np.array(3.0)})["output"] == 9


def test_another_method(address: str) -> None:
    """GET of a call is refused, and says what is allowed."""
    url = urlsplit(address)
    connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=60)
    connection.request("GET", f"{url.path}/apply")
    response = connection.getresponse()
    assert (response.status, response.headers["Allow"]) == (405, "POST")
    assert json.loads(response.read())["code"] == "method-not-allowed"
    connection.close()
