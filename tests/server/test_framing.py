"""What is not one well-formed request is refused, and the connection closed."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from tests.server.processes import Served, slow_service
from tests.server.raw import POST, codes, connect, last_words, rest

BODY_BYTES = 100_000


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """A server with a small bound on bodies."""
    with slow_service(body_bytes=BODY_BYTES) as running:
        yield running


GET = b"GET /healthz HTTP/1.1\r\n"
MALFORMED = {
    "no host": GET + b"\r\n",
    "two hosts": GET + b"Host: a\r\nHost: a\r\n\r\n",
    "two lengths": POST + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\nx",
    "length and chunks": POST + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "gzip, chunked": POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "chunked twice": POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "identity": POST + b"Transfer-Encoding: identity\r\n\r\n",
    "chunks in 1.0": b"POST /slow HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a folded line": GET + b"Host: a\r\nX: a\r\n b\r\n\r\n",
    "a space before the colon": GET + b"Host : a\r\n\r\n",
    "a bare line feed": b"GET /healthz HTTP/1.1\nHost: a\n\n",
    "a negative length": POST + b"Content-Length: -1\r\n\r\n",
    "a chunk of no number": POST + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100),
    "another protocol": b"*1\r\n$8\r\nFLUSHALL\r\n",
    "a version to come": b"GET / HTTP/7.0\r\nHost: a\r\n\r\n",
    "a connection elsewhere": b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n",
}


@pytest.mark.parametrize("sent", MALFORMED.values(), ids=MALFORMED)
def test_what_is_not_http_gets_a_400(served: Served, sent: bytes) -> None:
    """One problem document, and the end."""
    assert codes(last_words(served, sent)) == [(400, "malformed-request")]


@pytest.mark.parametrize("coding", [b"chunked", b"Chunked"])
def test_chunks_are_read(served: Served, coding: bytes) -> None:
    """The one transfer coding there is, by whatever letters."""
    sent = POST + b"Connection: close\r\nTransfer-Encoding: " + coding + b"\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    assert codes(last_words(served, sent)) == [(200, "abc")]


def test_an_old_client_needs_no_host(served: Served) -> None:
    """HTTP/1.0 had no such header."""
    assert codes(last_words(served, b"GET /healthz HTTP/1.0\r\n\r\n")) == [(200, '{"status":"ok"}')]


def test_requests_in_a_row_are_answered_in_order(served: Served) -> None:
    """Pipelined: the slow one first, the malformed one last and after it nothing."""
    first = b"POST /slow?seconds=0.3 HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n1"
    second = POST + b"Content-Length: 1\r\n\r\n2"
    expected = [(200, "1"), (200, "2"), (400, "malformed-request")]
    assert codes(last_words(served, first + second + b"BAD\r\n\r\n" + second)) == expected
    broken = POST + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n"
    assert codes(last_words(served, first + second + broken)) == expected


def test_a_connection_outlives_refusals_of_the_application(served: Served) -> None:
    """Only what is wrong with HTTP itself ends it."""
    missing = b"POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
    long = POST + b"Content-Length: %d\r\n\r\n" % (BODY_BYTES + 1) + bytes(BODY_BYTES + 1)
    last = POST + b"Connection: close\r\nContent-Length: 1\r\n\r\n1"
    with connect(served) as raw:
        for sent in (missing, missing, long, b"\r\n" + last):
            raw.sendall(sent)
        assert codes(rest(raw)) == [(404, "not-found")] * 2 + [(413, "payload-too-large"), (200, "1")]


def test_an_upgrade_is_ignored(served: Served) -> None:
    """As RFC 9110 allows; Java's client asks for HTTP/2 in this way."""
    upgrade = GET + b"Host: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n\r\n"
    with connect(served) as raw:
        raw.sendall(upgrade)
        assert raw.recv(12, socket.MSG_PEEK) == b"HTTP/1.1 200"
        raw.sendall(GET + b"Host: a\r\nConnection: close\r\n\r\n")
        assert codes(rest(raw)) == [(200, '{"status":"ok"}')] * 2


def test_what_follows_a_body_is_no_header(served: Served) -> None:
    """A trailer is read and forgotten, and bounded like headers."""
    chunked = POST + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n"
    assert codes(last_words(served, chunked + b"X-Trailer: b\r\n\r\n")) == [(200, "a")]
    assert codes(last_words(served, chunked + b"X: " + b"a" * 40_000 + b"\r\n\r\n")) == [(431, "headers-too-large")]


HEADERS = {
    "one long": b"X: " + b"a" * 40_000 + b"\r\n",
    "one without end": b"X: " + b"a" * 400_000,
    "many": b"".join(b"X-%d: a\r\n" % number for number in range(120)),
    "many long": b"".join(b"X-%d: %s\r\n" % (number, b"a" * 1000) for number in range(50)),
}


@pytest.mark.parametrize("sent", HEADERS.values(), ids=HEADERS)
@pytest.mark.parametrize("piece", [1000, 1_000_000])
def test_headers_are_bounded(served: Served, sent: bytes, piece: int) -> None:
    """However they arrive, they are refused before the application is asked."""
    whole = GET + b"Host: a\r\n" + sent + b"\r\n"
    pieces = [whole[start : start + piece] for start in range(0, len(whole), piece)]
    assert codes(last_words(served, *pieces))[:1] in ([(431, "headers-too-large")], [])
    assert codes(last_words(served, whole)) == [(431, "headers-too-large")]


def test_an_address_is_bounded(served: Served) -> None:
    """It counts among the headers."""
    assert codes(last_words(served, b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\n\r\n")) == [(431, "headers-too-large")]
    assert codes(last_words(served, b"GET /" + b"a" * 400_000)) == [(431, "headers-too-large")]


def test_a_body_of_too_many_bytes(served: Served) -> None:
    """Announced or counted, it is refused, and no more of it is read."""
    announced = POST + b"Content-Length: 1000000000\r\n\r\n"
    assert codes(last_words(served, announced)) == [(413, "payload-too-large")]
    chunk = b"10000\r\n" + bytes(65_536) + b"\r\n"
    chunked = POST + b"Transfer-Encoding: chunked\r\n\r\n" + 5 * chunk
    assert codes(last_words(served, chunked)) == [(413, "payload-too-large")]


def test_a_client_that_waits_to_be_asked(served: Served) -> None:
    """`Expect: 100-continue`: the body is asked for where it is read, and the connection closed where it is not."""
    expecting = b"Host: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n"
    with connect(served) as raw:
        raw.sendall(b"POST /slow HTTP/1.1\r\nConnection: close\r\n" + expecting)
        assert raw.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        raw.sendall(b"a")
        assert codes(rest(raw)) == [(200, "a")]
    assert codes(last_words(served, b"POST /nowhere HTTP/1.1\r\n" + expecting)) == [(404, "not-found")]
