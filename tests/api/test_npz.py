"""The same numbers as npz and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from starlette.testclient import TestClient

from service.api.bodies import BodyBounds
from service.api.endpoints import ENDPOINTS
from service.api.examples import REQUESTS
from service.api.npz import unpack
from service.api.tensors import NAMED, SINGLE, decode
from service.main import create_app
from service.settings import Settings
from service.tasks.messages import Limits
from tests.api.archive import NPZ, npy, npz, tensors, whole, zipped
from tests.api.stub import Recorder

ASKS = {"Accept": "application/x-npz"}
BOUNDS = BodyBounds()
STRUCTURED = {"expression": "logsumexp(x)", "at": {"x": [0, 1, 2, 3]}, "structure": "auto"}
REVERSED = {"expression": "x[::-1]", "structure": "auto", "at": {"x": [1, 2, 3, 4]}}
OUTPUTS = {
    "version": 1,
    "inputs": [{"name": "x", "shape": [2]}],
    "nodes": [{"name": "y", "op": "exp", "inputs": ["x"]}, {"name": "z", "op": "sum", "inputs": ["x"]}],
    "outputs": ["y", "z"],
}
CASES: dict[str, tuple[str, Any]] = {
    **{endpoint.kind: (endpoint.kind, REQUESTS[endpoint.kind]) for endpoint in ENDPOINTS},
    "low rank": ("hessian", STRUCTURED),
    "sparse": ("jacobian", REVERSED),
    "poles": ("jacobian", {"expression": "1/x", "at": {"x": [0, 1, -1e-310]}}),
    "batch": ("hessian", {"expression": "x**3", "at": {"x": [1, -0.0]}, "variables": {"x": {"shape": []}}}),
    "outputs": ("jacobian", {"graph": OUTPUTS, "at": {"x": [1, 2]}}),
    "forms only": ("gradient", {"expression": "x @ x", "variables": {"x": {"shape": ["n"]}}}),
}


@pytest.fixture(scope="module")
def service() -> Iterator[TestClient]:
    """A client of the service with its own mathematics."""
    with TestClient(create_app(Settings())) as client:
        yield client


def in_members(request: dict[str, Any]) -> bytes:
    """The request as npz, every tensor as a member."""
    rest = {name: value for name, value in request.items() if name not in {*NAMED, SINGLE}}
    members = {
        f"{field}/{name}": decode(value, "", Limits())
        for field in NAMED
        for name, value in request.get(field, {}).items()
    }
    if SINGLE in request:
        members[SINGLE] = decode(request[SINGLE], "", Limits())
    return npz(rest, members)


@pytest.mark.parametrize(("kind", "request_"), CASES.values(), ids=CASES.keys())
def test_both_ways_are_the_same(service: TestClient, kind: str, request_: dict[str, Any]) -> None:
    """Every kind, asked and answered in either way, gives the same fields and the same doubles, bit for bit."""
    service.post(f"/v1/{kind}", json=request_)  # a plan says whether anything was derived before
    plain = service.post(f"/v1/{kind}", json=request_)
    assert plain.status_code == 200, plain.text
    body = in_members(request_)
    sent = service.post(f"/v1/{kind}", content=body, headers=NPZ)
    assert sent.content == plain.content
    for response in (
        service.post(f"/v1/{kind}", json=request_, headers=ASKS),
        service.post(f"/v1/{kind}", content=body, headers=NPZ | ASKS),
    ):
        assert response.headers["content-type"] == "application/x-npz"
        answer, found = tensors(response.content)
        assert json.dumps(whole(answer, found)) == json.dumps(plain.json())  # as texts: -0.0 is not 0.0
        assert bool(found) == ('"data"' in plain.text)


def test_members_have_the_names_of_their_places(service: TestClient) -> None:
    """A name is a JSON pointer without its first slash; the same answer has the same bytes."""
    first, second = (service.post("/v1/hessian", json=STRUCTURED, headers=ASKS).content for _ in range(2))
    assert first == second
    answer, found = tensors(first)
    assert list(found) == ["value", *(f"derivatives/0/factors/{name}" for name in ("diagonal", "left", "right"))]
    assert answer["value"] == {"member": "value"}
    assert answer["derivatives"][0]["value"] is None
    answer, found = tensors(
        service.post("/v1/jacobian", json={"graph": OUTPUTS, "at": {"x": [1, 2]}}, headers=ASKS).content
    )
    assert {"value", "values/0", "values/1", "derivatives/0/value", "derivatives/1/value"} == set(found)
    answer, found = tensors(service.post("/v1/taylor", json=REQUESTS["taylor"], headers=ASKS).content)
    assert answer["taylor"]["terms"][1] == {"member": "taylor/terms/1"}
    assert found["taylor/terms/1"].dtype == np.float64


def test_whole_numbers_stay_whole(service: TestClient) -> None:
    """Positions are int64 in an answer."""
    _, found = tensors(service.post("/v1/jacobian", json=REVERSED, headers=ASKS).content)
    assert found["derivatives/0/factors/indices"].dtype == np.int64


def test_errors_are_problem_documents(service: TestClient) -> None:
    """Whatever `Accept` asks for."""
    response = service.post("/v1/gradient", json={"expression": "x +"}, headers=ASKS)
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"


def test_some_tensors_as_members(client: TestClient, compute: Recorder) -> None:
    """Members stand beside tensors in the JSON."""
    body = npz({"expression": "x", "at": {"a": 1}}, {"at/b": np.arange(3), "at/c": np.float32(0.5)})
    assert client.post("/v1/gradient", content=body, headers=NPZ).status_code == 200
    assert compute.task.at is not None
    assert {name: array.tolist() for name, array in compute.task.at.items()} == {"a": 1.0, "b": [0, 1, 2], "c": 0.5}


def test_a_gradient_at_many_numbers(service: TestClient) -> None:
    """Bulk: the numbers of a large request and answer are those of NumPy."""
    x = np.random.default_rng(5).standard_normal(200_000)
    body = npz({"expression": "sum(x**2)", "forms": []}, {"at/x": x})
    _, found = tensors(service.post("/v1/gradient", content=body, headers=NPZ | ASKS).content)
    np.testing.assert_array_equal(found["derivatives/0/value"], 2 * x)


TYPES = st.one_of(
    arrays.floating_dtypes(endianness="?", sizes=(16, 32, 64)),
    arrays.integer_dtypes(endianness="?"),
    arrays.unsigned_integer_dtypes(endianness="?"),
)


@given(
    array=arrays.arrays(TYPES, arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)),
    fortran=st.booleans(),
    packed=st.booleans(),
    version=st.sampled_from([(1, 0), (2, 0), (3, 0)]),
)
def test_any_array_is_read(array: Any, fortran: bool, packed: bool, version: tuple[int, int]) -> None:  # noqa: FBT001
    """Every real type, byte order, memory order, packing and version of npy arrives as NumPy converts it."""
    array = np.asarray(array, order="F" if fortran else "C")
    found = unpack(zipped({"at/x.npy": npy(array, version)}, 8 if packed else 0), BOUNDS, Limits())["at"]["x"]
    assert (found.dtype, found.shape, found.flags.c_contiguous, found.flags.aligned) == (np.float64, array.shape, 1, 1)
    with np.errstate(invalid="ignore"):
        expected = array.astype(np.float64, order="C")
    assert np.array_equal(found.view(np.int64), expected.view(np.int64))


def test_a_nan_keeps_its_bits() -> None:
    """A double is sent as it is, payload and sign."""
    bits = np.array([0xFFF8_0000_0000_0BAD, 0x7FF0_0000_0000_0000, 0x8000_0000_0000_0000, 1], np.uint64)
    found = unpack(npz({}, {"at/x": bits.view(np.float64)}), BOUNDS, Limits())["at"]["x"]
    np.testing.assert_array_equal(found.view(np.uint64), bits)


def test_what_numpy_writes_compressed_is_read() -> None:
    """`np.savez_compressed` writes a request as well."""
    found = unpack(npz({"order": 2}, {"at/x": np.zeros((3, 4)), "cotangent": 1.5}, packed=True), BOUNDS, Limits())
    assert (found["order"], found["at"]["x"].shape, found["cotangent"].tolist()) == (2, (3, 4), 1.5)
