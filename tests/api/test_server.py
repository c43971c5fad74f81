"""What only shows on a real connection to a real server."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from service.main import create_app
from service.server.process import Server
from service.settings import Settings
from tests.api.stub import Recorder, catalogue

JSON = {"Content-Type": "application/json"}
BODY = json.dumps({"expression": "x.T @ x", "at": {"x": [1, 2]}})
LIMIT = 300_000
HEAD = b"POST /v1/gradient HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"


@pytest.fixture(scope="module")
def compute() -> Recorder:
    """The mathematics behind the server."""
    return Recorder()


@pytest.fixture(scope="module")
def port(compute: Recorder) -> Iterator[int]:
    """The port of a running server."""
    settings = Settings(body_bytes=LIMIT, body_seconds=0.5, linger_seconds=0, cache_bytes=0)
    app = create_app(settings, compute=compute, catalogue=catalogue)
    server = Server(app, app.state.life, settings.edge_bounds())
    listening = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.01)
    yield listening.getsockname()[1]
    server.should_exit = True
    thread.join()
    listening.close()


def ask(connection: http.client.HTTPConnection, body: object = BODY, *, chunked: bool = False) -> tuple[int, str]:
    """The status and the code of one request; the connection is kept."""
    connection.request("POST", "/v1/gradient", body, JSON, encode_chunked=chunked)  # type: ignore[arg-type]
    response = connection.getresponse()
    document = json.loads(response.read())
    return response.status, document.get("code", "")


def sent_pieces(raw: socket.socket, piece: bytes, most: int) -> int:
    """How many pieces can be sent before the other side closes."""
    for sent in range(most):
        try:
            raw.sendall(piece)
        except OSError:
            return sent
    return most


def test_a_connection_survives_errors(port: int, compute: Recorder) -> None:
    """After each kind of failure the same socket serves the next request."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.connect()
    first = connection.sock
    behave = compute.behave
    for error in (ValueError(), MemoryError(), RecursionError(), SystemExit()):
        compute.fail_with(error)
        assert ask(connection) == (500, "internal")
        compute.behave = behave
        assert ask(connection) == (200, "")
    assert ask(connection, "{") == (400, "malformed-body")
    assert ask(connection, " " * (LIMIT + 1)) == (413, "payload-too-large")
    assert ask(connection) == (200, "")
    assert connection.sock is first
    connection.close()


def test_a_long_chunked_body_is_refused(port: int) -> None:
    """A body of unknown length is counted as it arrives, and the answer can be read."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(
        "POST", "/v1/gradient", iter([b" " * 50_000] * 10), JSON | {"Transfer-Encoding": "chunked"}, encode_chunked=True
    )
    response = connection.getresponse()
    assert (response.status, json.loads(response.read())["code"]) == (413, "payload-too-large")
    assert ask(connection) == (200, "")
    connection.close()


def test_an_endless_body_is_cut_off(port: int) -> None:
    """The server does not read on for ever."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as raw:
        raw.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        pieces = sent_pieces(raw, b"10000\r\n" + b" " * 65_536 + b"\r\n", 2**14)
    assert pieces < 2**10


def received(raw: socket.socket) -> bytes:
    """All that the server sends until it closes the connection."""
    answer = b""
    while piece := raw.recv(65_536):
        answer += piece
    return answer


def test_an_announced_giant_is_refused_unread(port: int) -> None:
    """The length alone is enough, and the connection is closed."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as raw:
        raw.sendall(HEAD + b"Content-Length: 1000000000000\r\n\r\n")
        answer = received(raw)
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"connection: close" in answer.lower()
    assert b'"payload-too-large"' in answer


def test_a_slow_body_times_out(port: int) -> None:
    """A client that stops in the middle is answered and sent away."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as raw:
        raw.sendall(HEAD + b"Content-Length: 10\r\n\r\n{")
        answer = received(raw)
    assert answer.startswith(b"HTTP/1.1 408")
    assert b'"request-timeout"' in answer


def test_a_client_that_leaves_is_no_defect(port: int, caplog: pytest.LogCaptureFixture) -> None:
    """A broken connection is not an error of ours."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as raw:
        raw.sendall(HEAD + b"Content-Length: 10\r\n\r\n{")
    time.sleep(0.2)
    assert not caplog.records


def test_a_request_in_progress_does_not_block_others(port: int, compute: Recorder) -> None:
    """Mathematics runs beside the event loop."""
    behave = compute.behave
    entered, leave = threading.Event(), threading.Event()

    def slow(task: object) -> object:
        entered.set()
        leave.wait(10)
        return behave(task)  # type: ignore[arg-type]

    compute.behave = slow  # type: ignore[assignment]
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("POST", "/v1/gradient", BODY, JSON)
    assert entered.wait(10)
    other = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    other.request("GET", "/healthz")
    assert other.getresponse().status == 200
    compute.behave = behave
    leave.set()
    assert connection.getresponse().status == 200
    connection.close()
    other.close()
