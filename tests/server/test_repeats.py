"""Requests that equal an earlier one are answered alike, within the bounds that hold for all others."""

from __future__ import annotations

import json
import time

from service.server import repeats
from service.server.repeats import Kept, Repeats
from tests.server.processes import service
from tests.server.raw import connect

MEBIBYTE = 2**20


def request(path: str, **fields: object) -> bytes:
    """The bytes of a request."""
    body = json.dumps({"forms": [], **fields}).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def answer(body: bytes = b"{}", status: bytes = b"hit; detail=memory", more: bytes = b"") -> bytes:
    """The bytes of an answer."""
    return (
        b"HTTP/1.1 200 OK\r\ndate: Thu, 01 Jan 1970 00:00:00 GMT\r\ncache-status: derivatives; %b\r\n"
        b"content-length: %d\r\nx-request-id: %b\r\n%b\r\n%b" % (status, len(body), b"a" * 32, more, body)
    )


def test_what_is_said_again_has_a_date_and_an_id_of_its_own() -> None:
    """And is recorded under the id that the client gets."""
    recorded: list[tuple[str, int, str]] = []
    known, asked = Repeats(lambda *seen: recorded.append(seen)), request("/v1/gradient", expression="x")
    assert known.answer(asked, b"today") is None
    known.learn(asked, answer(b'{"a": 1}'))
    said = known.answer(asked, b"today")
    assert said is not None
    (path, _, name) = recorded[0]
    assert path == "/v1/gradient"
    expected = answer(b'{"a": 1}').replace(b"Thu, 01 Jan 1970 00:00:00 GMT", b"today").replace(b"a" * 32, name.encode())
    assert said == expected


def test_only_what_memory_answered_is_kept() -> None:
    """Not what was computed, what ends the connection, or what another address answers."""
    known, asked = Repeats(lambda *_: None), request("/v1/gradient", expression="x")
    known.learn(asked, answer(status=b"fwd=miss; stored"))
    known.learn(asked, answer(more=b"connection: close\r\n"))
    known.learn(request("/v1/jobs/a", expression="x"), answer())
    known.learn(asked, answer(bytes(repeats.LONGEST)))
    assert known.answer(asked, b"today") is None


def test_what_is_kept_is_bounded_with_its_requests() -> None:
    """Long requests with short answers count too."""
    known = Repeats(lambda *_: None)
    for number in range(600):
        known.learn(request("/v1/evaluate", expression=f"{number}" + " " * 60_000), answer())
    kept: list[Kept] = list(known._kept.values())
    assert 0 < sum(len(one.request) for one in kept) <= repeats.MOST_BYTES


def test_a_client_that_reads_nothing_is_not_answered_for_ever() -> None:
    """Its requests wait like all others while its answers do, however well they are known."""
    asked = request("/v1/evaluate", expression="outer(x, x)", at={"x": [k / 97 + 0.1 for k in range(50)]})
    with service(send_seconds=60) as served, connect(served) as raw:
        size = 0
        for _ in range(4):
            raw.sendall(asked)
            found = b""
            while b"\r\n\r\n" not in found or len(found) < size:
                found += raw.recv(MEBIBYTE)
                head = found.partition(b"\r\n\r\n")[0].lower()
                if b"content-length: " in head:
                    size = len(head) + 4 + int(head.partition(b"content-length: ")[2].split(b"\r\n")[0])
        assert b"detail=memory" in found
        before = served.megabytes()
        raw.setblocking(False)
        for _ in range(600):
            try:
                raw.send(asked)
            except BlockingIOError:
                break
            time.sleep(0.004)  # so that each is a piece of its own
        raised = served.megabytes() - before
        print(f"\nanswers of {size} bytes to a client that reads nothing: {raised:.1f} MB more in memory")
        assert raised < 12
        assert served.gradient()
