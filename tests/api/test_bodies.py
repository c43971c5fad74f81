"""What a body may be before anything of it is understood."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from service.api.bodies import BodyBounds
from service.api.parsing import parse, survey
from service.api.problems import FaultyRequestError, MalformedBodyError
from service.errors import LimitError
from tests.api.asserting import pointers, problem

BOUNDS = BodyBounds()
JSON = {"Content-Type": "application/json"}
OK = b'{"expression": "x.T @ x", "at": {"x": [1, 2]}}'
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=30,
)


def depth(tree: object) -> int:
    """How deep arrays and objects nest."""
    if isinstance(tree, dict):
        return 1 + max(map(depth, tree.values()), default=0)
    return 1 + max(map(depth, tree), default=0) if isinstance(tree, list) else 0


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   ",
        b"{",
        b"{'expression': 1}",
        b'{"expression":NaN}',
        b'{"at":{"x":Infinity}}',
        b'{"expression":"\\ud800"}',
        b'{"expression":"\xed\xa0\x80"}',
        b'{"expression":"\xff"}',
        b'\xef\xbb\xbf{"expression":"x"}',
        b"[" * 100_000,
        b"[" * 50_000 + b"]" * 50_000,
        b'{"a":' * 70 + b"1" + b"}" * 70,
        b"\x80\x04\x95pickle",
        b'{"expression":"x"} trailing',
    ],
)
def test_what_is_not_json_is_malformed(client: TestClient, body: bytes) -> None:
    """Broken text, foreign encodings, non-finite tokens and deep nesting are refused at once."""
    problem(client.post("/v1/gradient", content=body, headers=JSON), 400, "malformed-body")


def test_malformed_json_is_located(client: TestClient) -> None:
    """The line and column of a mistake are told."""
    found = problem(client.post("/v1/gradient", content=b'{\n  "at": tru\n}', headers=JSON), 400, "malformed-body")
    assert found["line"] == 2
    assert found["column"] >= 9


@pytest.mark.parametrize(
    "body",
    [
        b'{"expression": "x", "expression": "y"}',
        b'{"expression": "x", "at": {"x": 1, "x": 2}}',
        b'{"graph": {"nodes": [{"name": "a", "name": "b"}]}}',
        b'{"expression": "x", "at": {"x": [[1, [{"s": 1, "s": 2}]]]}}',
        b'{"expression": "x", "at": {"x": 1, "\\u0078": 2}}',
    ],
)
def test_repeated_keys_are_refused(client: TestClient, body: bytes) -> None:
    """Which of two values counts is never guessed, wherever the object is."""
    found = problem(client.post("/v1/gradient", content=body, headers=JSON), 400, "malformed-body")
    assert "twice" in found["detail"]


def test_colons_and_brackets_in_strings_do_not_count(client: TestClient) -> None:
    """Only structure is structure."""
    body = {"expression": 'x # "a": {[ \\ \\" [[[' + "[" * 100, "at": {"x": [1]}}
    assert client.post("/v1/gradient", content=json.dumps(body), headers=JSON).status_code == 200


@given(VALUES)
def test_every_value_survives(value: object) -> None:
    """The checks around the parser refuse nothing that is JSON without repeated keys."""
    raw = json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
    assert parse(raw, BOUNDS) == value
    assert survey(raw).depth == depth(value)


@given(VALUES, VALUES, st.text(), st.lists(VALUES, max_size=3))
def test_every_repeated_key_is_found(first: object, second: object, key: str, around: list[object]) -> None:
    """A repeated key is found at any place among other values."""
    name = json.dumps(key)
    raw = f'{{"a": {json.dumps(around)}, "b": [0, {{{name}: {json.dumps(first)}, {name}: {json.dumps(second)}}}]}}'
    with pytest.raises(MalformedBodyError, match="twice"):
        parse(raw.encode(), BOUNDS)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ('{"at": {"x": 1e400}}', "/at/x"),
        ('{"at": {"y": {"a]": 1}, "x\\"": [[1, 2], [3, -1e999]], "z": 1}}', '/at/x"/1/1'),
        ('{"order": ' + "9" * 4000 + "}", "/order"),
        ("1e400", ""),
    ],
)
def test_numbers_beyond_a_double_are_located(text: str, where: str) -> None:
    """A number that would become infinite is an error with its place, not infinity."""
    with pytest.raises(FaultyRequestError, match="beyond the range") as caught:
        parse(text.encode(), BOUNDS)
    assert [fault.pointer for fault in caught.value.faults] == [where]


def test_a_number_beyond_a_double_is_unprocessable(client: TestClient) -> None:
    """It is well-formed JSON, so the answer is 422."""
    found = problem(
        client.post("/v1/gradient", content=b'{"at": {"x": [1, 1e400]}}', headers=JSON), 422, "invalid-request"
    )
    assert pointers(found) == ["/at/x/1"]


def test_a_large_body_is_read() -> None:
    """32 MiB of numbers take no Python step each."""
    for text in ("[" + "0.1234567," * 3_300_000 + "0]", "[" + "[1,2,3]," * 500_000 + '{"a": 1}]'):
        raw = f'{{"expression": "x", "at": {{"x": {text}}}}}'.encode()
        parse(raw, BOUNDS)


def test_many_small_lists_are_refused() -> None:
    """Lists by the million cost seconds in any parser; the flat spelling is recommended."""
    with pytest.raises(LimitError, match=r"json_containers.*flat data"):
        parse(b"[" + b"[]," * 1_000_000 + b"[]]", BOUNDS)


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/octet-stream",
        "application/json; charset=latin-1",
        "image/png",
        "",
        "application/x-npz; charset=utf-8",
    ],
)
def test_other_media_types_are_refused(client: TestClient, content_type: str) -> None:
    """Only JSON in UTF-8 and npz are read, and the type must be stated."""
    response = client.post("/v1/gradient", content=b"\x89PNG\x80", headers={"Content-Type": content_type})
    assert (
        "application/json in UTF-8 or application/x-npz" in problem(response, 415, "unsupported-media-type")["detail"]
    )


def test_a_body_without_a_type_is_refused(client: TestClient) -> None:
    """A body is not guessed at."""
    problem(client.post("/v1/gradient", content=OK), 415, "unsupported-media-type")


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "Application/JSON", "application/json; charset=utf-8", 'application/json;charset="UTF-8"'],
)
def test_json_in_utf_8_is_read(client: TestClient, content_type: str) -> None:
    """Every spelling of the one media type is accepted."""
    assert client.post("/v1/gradient", content=OK, headers={"Content-Type": content_type}).status_code == 200


def test_a_compressed_body_is_refused(client: TestClient) -> None:
    """Nothing is inflated, so nothing can explode."""
    headers = JSON | {"Content-Encoding": "gzip"}
    response = client.post("/v1/gradient", content=gzip.compress(OK), headers=headers)
    problem(response, 415, "unsupported-media-type")
    headers = JSON | {"Content-Encoding": "identity"}
    assert client.post("/v1/gradient", content=OK, headers=headers).status_code == 200


@pytest.mark.parametrize(
    "accept",
    ["text/html", "application/x-npz;q=0, application/json; q=0.0", "application/json;q=0", "image/*", "*/*;q=0"],
)
def test_an_answer_nobody_accepts_is_not_computed(client: TestClient, accept: str) -> None:
    """A client that leaves out JSON and npz is told so."""
    response = client.post("/v1/gradient", content=OK, headers=JSON | {"Accept": accept})
    assert "application/json or application/x-npz" in problem(response, 406, "not-acceptable")["detail"]


def test_a_list_of_operations_is_json_only(client: TestClient) -> None:
    """A route says what it answers."""
    found = problem(client.get("/v1/ops", headers={"Accept": "application/x-npz"}), 406, "not-acceptable")
    assert "npz" not in found["detail"]


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("*/*", "json"),
        ("", "json"),
        ("application/*", "json"),
        ("text/html, application/json;q=0.5", "json"),
        ("application/json", "json"),
        ("Application/JSON;q=1.000", "json"),
        ("application/problem+json", "json"),
        ("application/x-npz;q=0.5, application/json", "json"),
        ("application/x-npz, application/json", "json"),
        ("application/x-npz;q=0.3, */*;q=0.4", "json"),
        ("application/x-npz;q=0, */*", "json"),
        ("application/x-npz", "x-npz"),
        ("application/x-npz, application/problem+json", "x-npz"),
        ("application/x-npz, */*", "x-npz"),
        ("application/x-npz; q=0.9, application/json;q=0.8", "x-npz"),
        ("application/*, application/json;q=0", "x-npz"),
    ],
)
def test_the_preferred_answer_is_given(client: TestClient, accept: str, kind: str) -> None:
    """The higher quality counts, then what is named, then JSON."""
    response = client.post("/v1/gradient", content=OK, headers=JSON | {"Accept": accept})
    assert response.status_code == 200
    assert response.headers["content-type"] == f"application/{kind}"


def test_an_announced_length_over_the_limit_is_refused(client: TestClient) -> None:
    """The limit is named."""
    found = problem(client.post("/v1/gradient", content=b" " * 200_001, headers=JSON), 413, "payload-too-large")
    assert "body_bytes" in found["detail"]
    assert "200000" in found["detail"]


@pytest.mark.parametrize("chunks", [3, 100])
def test_a_length_that_was_not_announced_is_counted(client: TestClient, chunks: int) -> None:
    """A body in chunks has the same limit."""

    def pieces() -> Iterator[bytes]:
        for _ in range(chunks):
            yield b" " * 100_000

    problem(client.post("/v1/gradient", content=pieces(), headers=JSON), 413, "payload-too-large")
