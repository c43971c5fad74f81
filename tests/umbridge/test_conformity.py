"""What the protocol asks of every server, of the first model that it lists, at the root and under the prefix."""

from __future__ import annotations

import http.client
from typing import Any
from urllib.parse import urlsplit

import jsonschema
import pytest

from tests.umbridge.calling import (
    INFO,
    INPUT_SIZES,
    MODEL_INFO,
    OUTPUT_SIZES,
    VECTOR,
    VECTORS,
    answered,
    call,
    refused,
)

WRONG = {"name": "wrong_model_name"}
PRODUCTS = ("Gradient", "ApplyJacobian", "ApplyHessian")
CALLS = ("Evaluate", *PRODUCTS)


@pytest.fixture
def name(base: str) -> str:
    """The first model."""
    found: str = call(base, "Info", method="GET")[1]["models"][0]
    return found


def complete(base: str, name: str, value: float = 0.0) -> dict[str, Any]:
    """A body with every field that any call has, at a constant point."""
    inputs = answered(base, "InputSizes", {"name": name}, INPUT_SIZES)["inputSizes"]
    outputs = answered(base, "OutputSizes", {"name": name}, OUTPUT_SIZES)["outputSizes"]
    places = dict.fromkeys(("outWrt", "inWrt", "inWrt1", "inWrt2"), 0)
    further = {"sens": [0] * outputs[0], "vec": [value] * inputs[0], "config": {}}
    return {"name": name, "input": [[value] * size for size in inputs], **places, **further}


def test_connection(base: str) -> None:
    """HEAD on the address itself has some answer, without a body."""
    address = urlsplit(base)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)
    connection.request("HEAD", address.path or "/")
    assert connection.getresponse().read() == b""
    connection.close()


def test_info(base: str) -> None:
    """The version is the number 1.0."""
    status, answer = call(base, "Info", method="GET")
    assert (status, answer["protocolVersion"], type(answer["protocolVersion"])) == (200, 1.0, float)
    jsonschema.validate(answer, INFO)


def test_an_address_may_end_with_a_slash(base: str, name: str) -> None:
    """Clients put the slash of a call behind it."""
    assert call(base + "/", "Info", method="GET") == call(base, "Info", method="GET")
    assert call(base + "/", "Evaluate", complete(base, name)) == call(base, "Evaluate", complete(base, name))


def test_model_info(base: str, name: str) -> None:
    """The first model supports everything, so that every test below is one."""
    support = answered(base, "ModelInfo", {"name": name}, MODEL_INFO)["support"]
    assert support == dict.fromkeys(CALLS, True)


@pytest.mark.parametrize("feature", ["ModelInfo", "InputSizes", "OutputSizes", *CALLS])
def test_a_wrong_name_is_what_is_seen_first(base: str, feature: str) -> None:
    """No other field is missed before the model."""
    refused(base, feature, WRONG, "ModelNotFound")


@pytest.mark.parametrize("value", [0.0, 0.7])
def test_evaluate(base: str, name: str, value: float) -> None:
    """A vector for each output, as long as it is said to be."""
    found = answered(base, "Evaluate", complete(base, name, value), VECTORS)["output"]
    sizes = answered(base, "OutputSizes", {"name": name}, OUTPUT_SIZES)["outputSizes"]
    assert [len(vector) for vector in found] == sizes


@pytest.mark.parametrize("feature", PRODUCTS)
@pytest.mark.parametrize("value", [0.0, 0.7])
def test_products(base: str, name: str, feature: str, value: float) -> None:
    """A vector as long as the input or the output that it is of."""
    found = answered(base, feature, complete(base, name, value), VECTOR)["output"]
    which = ("OutputSizes", "outputSizes") if feature == "ApplyJacobian" else ("InputSizes", "inputSizes")
    schema = OUTPUT_SIZES if feature == "ApplyJacobian" else INPUT_SIZES
    assert len(found) == answered(base, which[0], {"name": name}, schema)[which[1]][0]


@pytest.mark.parametrize("feature", CALLS)
def test_wrong_dimensions(base: str, name: str, feature: str) -> None:
    """Vectors that are too long, too many vectors, and too few."""
    body = complete(base, name)
    for wrong in ([[*vector, 0.0] for vector in body["input"]], [*body["input"], [0.0]], []):
        refused(base, feature, {**body, "input": wrong})


@pytest.mark.parametrize("feature", PRODUCTS)
@pytest.mark.parametrize("place", ["outWrt", "inWrt", "inWrt1", "inWrt2"])
@pytest.mark.parametrize("wrong", [1, -1, True, 0.5, "0", None])
def test_wrong_places(base: str, name: str, feature: str, place: str, wrong: Any) -> None:
    """An index beyond the last input or output, and what is no index."""
    body = {**complete(base, name), place: wrong}
    used = {"Gradient": ("outWrt", "inWrt"), "ApplyJacobian": ("outWrt", "inWrt")}
    if place in used.get(feature, ("outWrt", "inWrt1", "inWrt2")):
        assert place in refused(base, feature, body)
    else:
        answered(base, feature, body, VECTOR)


@pytest.mark.parametrize(("feature", "field"), [(f, w) for f in PRODUCTS for w in ("sens", "vec")])
def test_wrong_weights(base: str, name: str, feature: str, field: str) -> None:
    """`sens` is as long as its output, `vec` as its input."""
    body = complete(base, name)
    wrongs: tuple[Any, ...] = ([*body[field], 0.0], [], None, {}, ["1", *body[field][1:]])
    for wrong in wrongs:
        if (feature, field) in {("Gradient", "vec"), ("ApplyJacobian", "sens")}:
            answered(base, feature, {**body, field: wrong}, VECTOR)
        else:
            assert field in refused(base, feature, {**body, field: wrong})


def test_the_order_of_checks(base: str, name: str) -> None:
    """With everything wrong, the model is missed first, then the vectors, the places, and the weights."""
    body: dict[str, Any] = {**WRONG, "input": [], "outWrt": 9, "inWrt": 9, "sens": []}
    whole = complete(base, name)
    refused(base, "Gradient", body, "ModelNotFound")
    seen = []
    for field in ("name", "input", "outWrt", "inWrt", "sens"):
        body[field] = whole[field]
        status, answer = call(base, "Gradient", body)
        seen.append("" if status == 200 else answer["error"]["message"].split()[0])
    assert seen == ["input", "outWrt", "inWrt", "sens", ""]


@pytest.mark.parametrize("config", [{}, None, []])
def test_no_config_is_an_empty_one(base: str, name: str, config: Any) -> None:
    """Null and an empty list are what some clients write for an empty object."""
    body = complete(base, name, 0.5)
    absent = {field: value for field, value in body.items() if field != "config"}
    assert call(base, "Evaluate", {**body, "config": config}) == call(base, "Evaluate", absent)
    assert call(base, "InputSizes", {"name": name, "config": config}) == call(base, "InputSizes", {"name": name})


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "", "application/x-www-form-urlencoded", "junk"])
def test_a_body_is_read_whatever_its_type(base: str, name: str, kind: str) -> None:
    """Clients state many types, and none."""
    headers = {"Content-Type": kind}
    assert call(base, "ModelInfo", {"name": name}, **headers) == call(base, "ModelInfo", {"name": name})


@pytest.mark.parametrize("raw", [b"", b" ", b"null", b"[1]", b'"x"', b"{", b"\xff", b'{"name": 1}', b'{"config": {}}'])
def test_what_is_no_call(base: str, raw: bytes) -> None:
    """Every refusal has the protocol's shape."""
    for feature in ("ModelInfo", "InputSizes", *CALLS):
        refused(base, feature, raw)


@pytest.mark.parametrize("feature", ["TestShMem", "EvaluateShMem", "GradientShMem"])
def test_shared_memory_is_not_served(base: str, feature: str) -> None:
    """Clients that look for it find a status and JSON, and go on without."""
    status, answer = call(base, feature, {"name": "rosenbrock"})
    assert (status, answer["code"]) == (404, "not-found")
