"""Archives that lie, explode or run code."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zipfile
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from service.api.bodies import BodyBounds
from service.api.npz import unpack
from service.errors import FluxionError
from service.tasks.messages import Limits
from tests.api.archive import NPZ, headed, npy, npz, stated, zipped
from tests.api.asserting import pointers, problem

SOUND = npz({"expression": "x"}, {"at/x": np.arange(6.0).reshape(2, 3)})
ENTRY_BYTES = 46  # of the directory, before the name
MALFORMED = (400, "malformed-body")
INVALID = (422, "invalid-request")
LIMITED = (422, "limit-exceeded")


def one(content: bytes) -> bytes:
    """An archive whose member `at/x` has this content."""
    return zipped({"at/x.npy": content})


def pickled() -> bytes:
    """An array of objects as NumPy pickles it."""
    file = io.BytesIO()
    np.lib.format.write_array(file, np.array([{}, print], object), allow_pickle=True)
    return file.getvalue()


def request_as(array: Any) -> bytes:
    """An npz whose request is any array."""
    file = io.BytesIO()
    np.savez(file, request=array)
    return file.getvalue()


def twice() -> bytes:
    """An archive that has one name for two members."""
    return zipped({"at/x.npy": npy([1.0]), "at/y.npy": npy([2.0])}).replace(b"at/y.npy", b"at/x.npy")


def setting(offset: int, form: str, value: int, content: bytes = b"", method: int = zipfile.ZIP_STORED) -> bytes:
    """A sound archive with one field, at an offset, of the directory's entry of `at/x` replaced."""
    raw = bytearray(zipped({"at/x.npy": content or npy(np.arange(4.0))}, method))
    struct.pack_into(form, raw, raw.rindex(b"at/x.npy") - ENTRY_BYTES + offset, value)
    return bytes(raw)


class Pipe:
    """A file that can only be written to."""

    def __init__(self) -> None:
        self.written: list[bytes] = []

    def write(self, data: Any) -> int:
        """Takes the next bytes."""
        self.written.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""


BROKEN = [
    ("empty", b"", *MALFORMED, "no directory"),
    ("no zip", b"\x80\x04\x95pickle", *MALFORMED, "no directory"),
    ("npy alone", npy([1.0]), *MALFORMED, "no directory"),
    ("cut short", SOUND[:-1], *MALFORMED, "directory"),
    ("cut in half", SOUND[: len(SOUND) // 2], *MALFORMED, "directory"),
    ("something before", b"#!/bin/sh\n" + SOUND, *MALFORMED, "directory"),
    ("something after", SOUND + b"\0", *MALFORMED, "directory"),
    ("twice", twice(), *MALFORMED, "'at/x.npy' is there twice"),
    ("encrypted", setting(8, "<H", 1), *MALFORMED, "'at/x.npy' is encrypted"),
    ("other packing", setting(10, "<H", 12), *MALFORMED, "'at/x.npy' is packed by method 12"),
    ("checksum", setting(16, "<L", 7), *MALFORMED, "'at/x.npy' does not have the checksum"),
    ("64 bits", setting(24, "<L", 2**32 - 1), *MALFORMED, "'at/x.npy' has its size in 64 bits"),
    ("packed size", setting(20, "<L", 2**31), *MALFORMED, "'at/x.npy' is not where"),
    ("size", setting(24, "<L", 100), *MALFORMED, "'at/x.npy' does not have the 100 bytes"),
    ("start", setting(42, "<L", 1), *MALFORMED, "points to nothing"),
    ("start beyond", setting(42, "<L", 2**31), *MALFORMED, "points to nothing"),
    ("other start", setting(42, "<L", 0), *MALFORMED, "'at/x.npy' is not where"),
    ("long name", setting(28, "<H", 2**16 - 1), *MALFORMED, "directory"),
    ("total", setting(24, "<L", 2**31), 413, "payload-too-large", "body_bytes: the members have 2147"),
    ("no deflate", setting(10, "<H", 8, b"\xff" * 20), *MALFORMED, "'at/x.npy' cannot be unpacked"),
    ("not npy", one(b"1, 2, 3"), *MALFORMED, "'at/x' is not npy"),
    ("no content", one(b""), *MALFORMED, "'at/x' is not npy"),
    ("only magic", one(b"\x93NUMPY\x01\x00"), *MALFORMED, "'at/x' is not npy"),
    ("version", one(b"\x93NUMPY\x09\x00" + npy([1.0])[8:]), *MALFORMED, "'at/x' is not npy"),
    ("short header", one(npy([1.0])[:40]), *MALFORMED, "'at/x' has a header that npy does not have"),
    ("huge header", one(headed(" " * 60_000)), *MALFORMED, "'at/x' has a header of 60000 bytes"),
    ("code", one(headed("__import__('os').abort()")), *MALFORMED, "header that npy does not have"),
    ("brackets", one(headed("(" * 1000)), *MALFORMED, "header that npy does not have"),
    ("spaces", one(stated("(3)" + " " * 900)), *MALFORMED, "bytes of entries"),
    ("spaces between", one(stated("(3" + " " * 900 + "x)")), *MALFORMED, "header that npy does not have"),
    ("negative", one(stated("(-1, -1)", entries=bytes(8))), *MALFORMED, "header that npy does not have"),
    ("no tuple", one(stated("(3 4)")), *MALFORMED, "header that npy does not have"),
    ("too few", one(stated("(3,)", entries=bytes(16))), *MALFORMED, "'at/x' has 16 bytes of entries, but"),
    ("too many", one(npy([1.0]) + b"\0"), *MALFORMED, "'at/x' has 9 bytes of entries, but"),
    ("overflow", one(stated(f"({2**62}, {2**62})")), *LIMITED, "size of an axis"),
    ("overflow to 0", one(stated(f"({2**31}, {2**31}, {2**31}, 0)")), *LIMITED, "elements"),
    ("elements", one(npy(np.zeros(10_001, np.int8))), *LIMITED, "elements: 10001 is over the limit of 10000"),
    ("axes", one(npy(np.zeros((1,) * 18))), *LIMITED, "axes: 18"),
    ("objects", one(pickled()), *INVALID, "'at/x' has the type \"'|O'\"; a tensor has real numbers"),
    ("complex", one(npy([1j])), *INVALID, "'at/x' has the type \"'<c16'\""),
    ("booleans", one(npy([True])), *INVALID, "'at/x' has the type \"'|b1'\""),
    ("texts", one(npy(["1"])), *INVALID, "'at/x' has the type \"'<U1'\""),
    ("long doubles", one(npy(np.zeros(1, np.longdouble))), *INVALID, "'at/x' has the type \"'<f16'\""),
    ("dates", one(npy(np.zeros(1, "M8[s]"))), *INVALID, "'at/x' has the type"),
    ("records", one(npy(np.zeros(1, "f8,f8"))), *INVALID, "'at/x' has the type"),
    ("unknown", zipped({"x.npy": npy([1.0])}), *INVALID, "'x.npy' is no member of a request; they are request, at/"),
    ("raw", zipped({"at/x": npy([1.0])}), *INVALID, "'at/x' is no member of a request"),
    ("folder", zipped({"at/": b""}), *INVALID, "'at/' is no member of a request"),
    ("path", zipped({"../../x.npy": npy([1.0])}), *INVALID, "'../../x.npy' is no member"),
    ("inner path", zipped({"at/../x.npy": npy([1.0])}), *INVALID, "a name is a letter"),
    ("no name", zipped({"at/.npy": npy([1.0])}), *INVALID, "a name is a letter"),
    ("other field", zipped({"tangents/x.npy": npy([1.0])}), *INVALID, "unknown field 'tangents'"),
    ("endless name", zipped({"at/" + "x" * 60_000 + ".npy": npy([1.0])}), *INVALID, "a name is a letter"),
    (
        "both",
        npz({"expression": "x", "at": {"x": 1}}, {"at/x": 1.0}),
        *INVALID,
        "both in the JSON and the member 'at/x'",
    ),
    ("not an object", npz({"expression": "x", "at": [1]}, {"at/x": 1.0}), *INVALID, "/at"),
    ("a list", npz([1], {"at/x": 1.0}), *INVALID, "the body is a JSON object"),
    ("no request", npz({}, {}).replace(b"request.npy", b"at/abcd.npy"), *INVALID, "there is no member request.npy"),
    ("request as text", request_as("{}"), *INVALID, "'request' has the type \"'<U2'\"; the JSON is sent as"),
    ("request as matrix", request_as(np.zeros((1, 2), np.uint8)), *INVALID, "'request' has 2 axes"),
    ("request broken", request_as(np.frombuffer(b'{"a": tru}', np.uint8)), *MALFORMED, "line 1, column"),
]


@pytest.mark.parametrize(("body", "status", "code", "words"), [c[1:] for c in BROKEN], ids=[c[0] for c in BROKEN])
def test_what_is_wrong_is_named(client: TestClient, body: bytes, status: int, code: str, words: str) -> None:
    """Every fault of an archive has a problem document that names the member or the bound."""
    found = problem(client.post("/v1/gradient", content=body, headers=NPZ), status, code)
    assert words in found["detail"]


def test_a_fault_in_a_tensor_has_its_pointer(client: TestClient) -> None:
    """As in JSON."""
    for body in (one(npy([1j])), one(npy(np.zeros(10_001, np.int8)))):
        assert pointers(client.post("/v1/gradient", content=body, headers=NPZ).json()) == ["/at/x"]


def test_many_members_are_not_looked_at(client: TestClient) -> None:
    """Their number is bounded before there is work for each."""
    body = zipped({f"at/x{number}.npy": b"" for number in range(60)})
    found = problem(client.post("/v1/gradient", content=body, headers=NPZ), *LIMITED)
    assert "nodes: 61 is over the limit of 50" in found["detail"]


def test_a_bomb_is_told_by_its_directory(client: TestClient) -> None:
    """What would unpack to more than a body may have is not unpacked."""
    body = zipped({"at/x.npy": npy(np.zeros(10**6))}, zipfile.ZIP_DEFLATED)
    assert len(body) < 20_000
    found = problem(client.post("/v1/gradient", content=body, headers=NPZ), 413, "payload-too-large")
    assert "body_bytes: the members have 80" in found["detail"]


def test_a_bomb_that_lies_is_stopped() -> None:
    """Unpacking ends at the stated size, whatever there is: memory follows what is stated."""
    body = setting(24, "<L", 1000, npy(np.zeros(10**7)), zipfile.ZIP_DEFLATED)
    tracemalloc.start()
    with pytest.raises(FluxionError, match=r"'at/x.npy' does not have the 1000 bytes"):
        unpack(body, BodyBounds(), Limits())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**20


def test_archives_of_other_writers_are_read() -> None:
    """Sizes that follow a member, as a writer to a pipe puts them, and a comment at the end are allowed."""
    pipe = Pipe()
    with zipfile.ZipFile(cast("Any", pipe), "w") as archive:
        archive.writestr("request.npy", npy(np.frombuffer(b"{}", np.uint8)))
        archive.writestr("at/x.npy", npy([1.0, 2.0]))
        archive.comment = b"written elsewhere"
    found = unpack(b"".join(pipe.written), BodyBounds(), Limits())
    assert found["at"]["x"].tolist() == [1, 2]


@given(place=st.integers(0, len(SOUND) - 1), value=st.integers(0, 255), cut=st.integers(0, 40))
def test_a_changed_byte_is_no_defect(place: int, value: int, cut: int) -> None:
    """However an archive is changed, it is read to the same tensor or refused."""
    raw = bytearray(SOUND)
    raw[place] = value
    del raw[place + 1 : place + 1 + cut]
    try:
        found = unpack(bytes(raw), BodyBounds(), Limits())
    except FluxionError:
        return
    assert found["at"]["x"].tolist() == [[0, 1, 2], [3, 4, 5]]


@given(st.binary(max_size=200))
def test_no_header_is_a_defect(header: bytes) -> None:
    """Whatever stands where a header should be."""
    content = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
    with pytest.raises(FluxionError):
        unpack(one(content), BodyBounds(), Limits())
