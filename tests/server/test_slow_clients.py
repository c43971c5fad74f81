"""Clients that take their time lose their connections; all others are served."""

from __future__ import annotations

import resource
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import psutil
import pytest

from tests.server.processes import HOST, Served, slow_service
from tests.server.raw import POST, codes, connect, rest

HEADERS = b"POST /slow HTTP/1.1\r\nHost: a\r\nX-Slow: "
BEGINNINGS = {
    "headers": HEADERS,
    "body": POST + b"Content-Length: 10000\r\n\r\n",
    "chunks": POST + b"Transfer-Encoding: chunked\r\n\r\n",
    "nothing": b"",
}
DROPS = {"headers": b"a", "body": b"a", "chunks": b"1\r\na\r\n", "nothing": b""}
WAIT = 1.5  # seconds, for each part of a request


@pytest.fixture(autouse=True)
def _many_files() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 8192), most))


@pytest.mark.parametrize("part", BEGINNINGS)
def test_a_slow_part_of_a_request(part: str) -> None:
    """A byte now and then does not keep a connection open; half a request is answered, silence is not."""
    with slow_service(header_seconds=WAIT, body_seconds=WAIT) as served, connect(served) as raw:
        raw.sendall(BEGINNINGS[part])
        raw.setblocking(False)
        answer, open_, deadline = b"", True, time.monotonic() + 30
        while open_ and time.monotonic() < deadline:
            time.sleep(0.05)
            try:
                raw.sendall(DROPS[part])
                answer += (piece := raw.recv(65_536))
                open_ = bool(piece)
            except BlockingIOError:
                pass
            except OSError:
                open_ = False
    assert not open_
    assert codes(answer) == ([] if part == "nothing" else [(408, "request-timeout")])


def test_blank_lines_are_no_request() -> None:
    """They are skipped before a request, but do not keep a connection open."""
    with slow_service(header_seconds=WAIT, idle_seconds=WAIT) as served, connect(served) as raw:
        raw.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        assert raw.recv(65_536).startswith(b"HTTP/1.1 200")
        pieces = 0
        try:
            while pieces < 600:
                raw.sendall(b"\r\n")
                pieces += 1
                time.sleep(0.05)
        except OSError:
            pass  # whichever way the connection ends
    assert pieces < 600


def test_a_client_that_reads_nothing() -> None:
    """Its connection is closed although its answer is not sent; one that reads slowly gets all of it."""
    size = 50_000_000
    ask = b"GET /large?size=%d HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" % size
    with slow_service(send_seconds=WAIT) as served, connect(served) as raw, connect(served) as slow:
        raw.sendall(ask)
        slow.sendall(ask)
        received = 0
        while piece := slow.recv(200_000):
            received += len(piece)
            time.sleep(0.01)
        time.sleep(max(0.0, WAIT))
        unread = len(rest(raw))
    assert received > size
    assert unread < size


@contextmanager
def slow_clients(served: Served, kinds: list[str], number: int) -> Iterator[list[socket.socket]]:
    """So many connections, each within one part of a request, sending a byte now and then."""
    with ExitStack() as stack:
        sockets = []
        for index in range(number):
            raw = stack.enter_context(connect(served))
            raw.sendall(BEGINNINGS[kinds[index % len(kinds)]])
            sockets.append(raw)
        yield sockets


def drip(sockets: list[socket.socket], kinds: list[str], seconds: float) -> list[float]:
    """When each connection was closed by the server, of those that were."""
    start = time.monotonic()
    closed: list[float] = []
    with selectors.DefaultSelector() as selector:
        for index, raw in enumerate(sockets):
            raw.setblocking(False)
            selector.register(raw, selectors.EVENT_READ, DROPS[kinds[index % len(kinds)]])
        while selector.get_map() and time.monotonic() < start + seconds:
            for key, _ in selector.select(0.1):
                raw = key.fileobj  # type: ignore[assignment]
                if _is_closed(raw):
                    selector.unregister(raw)
                    closed.append(time.monotonic() - start)
            for key in tuple(selector.get_map().values()):
                try:
                    key.fileobj.send(key.data)  # type: ignore[union-attr]
                except OSError:
                    continue  # the selector tells
            time.sleep(0.2)
    return closed


def _is_closed(raw: socket.socket) -> bool:
    try:
        return not raw.recv(65_536)
    except OSError:
        return True


def in_background(action: Callable[[], None]) -> threading.Thread:
    """A thread that does it."""
    thread = threading.Thread(target=action)
    thread.start()
    return thread


def ask_until(served: Served, is_over: threading.Event) -> list[tuple[int, bytes]]:
    """What other clients are answered in the meantime."""
    answers = []
    while not is_over.is_set():
        answers.append(served.ask("/slow", b"quick"))
        time.sleep(0.02)
    return answers


@pytest.mark.parametrize("connections", [4000, 500])
def test_two_thousand_slow_clients(connections: int) -> None:
    """Everybody else is served while they are there, whether or not all connections are taken, and they are closed."""
    kinds, wait, is_over = list(BEGINNINGS), 4.0, threading.Event()
    answers: list[tuple[int, bytes]] = []
    with (
        slow_service(header_seconds=wait, body_seconds=wait, connections=connections) as served,
        slow_clients(served, kinds, 2000) as sockets,
    ):
        asking = in_background(lambda: answers.extend(ask_until(served, is_over)))
        closed = drip(sockets, kinds, 60)
        is_over.set()
        asking.join()
        left = sockets_left(served)
    good = sum(answer == (200, b"quick") for answer in answers)
    print(
        f"T43 2000 slow sockets, {connections} allowed: {good} of {len(answers)} others served, "
        f"{len(closed)} closed, the last after {max(closed):.1f} s; {left} sockets left"
    )
    assert len(closed) == 2000
    assert good == len(answers) > 0
    assert left < 20


def sockets_left(served: Served, patience: float = 20.0) -> int:
    """How many sockets the server has open, once it had time to close those whose clients have read their answer."""
    process, deadline = psutil.Process(served.process.pid), time.monotonic() + patience
    while len(process.net_connections()) > 20 and time.monotonic() < deadline:
        time.sleep(0.1)
    return len(process.net_connections())


def test_one_address_has_a_bound_of_its_own() -> None:
    """The one that owed a request for longest makes place; when all are at work, there is none."""
    with slow_service(connections_per_peer=3, header_seconds=30) as served:
        idle = [connect(served) for _ in range(3)]
        with connect(served) as fourth:
            fourth.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            assert rest(fourth).startswith(b"HTTP/1.1 200")
        assert rest(idle[0]) == b""
        for raw in idle:
            raw.close()


def test_those_that_were_refused_make_place() -> None:
    """A client that does not close after its last answer keeps nobody out."""
    with slow_service(connections=5) as served, ExitStack() as stack:
        for _ in range(100):
            stack.enter_context(connect(served)).sendall(b"BAD\r\n\r\n")
        answers = [served.ask("/slow", b"good") for _ in range(20)]
    assert answers == [(200, b"good")] * 20


def test_no_place_is_left() -> None:
    """While every connection has an answer coming, a new one is told to come back."""
    with slow_service(connections=3) as served:
        busy = [connect(served) for _ in range(3)]
        for raw in busy:
            raw.sendall(
                b"POST /slow?seconds=1.5 HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 1\r\n\r\n1"
            )
        time.sleep(0.5)
        with socket.create_connection((HOST, served.port), timeout=10) as late:
            answer = rest(late)
        assert codes(answer) == [(503, "overloaded")]
        assert b"retry-after: 1" in answer
        assert [codes(rest(raw)) for raw in busy] == [[(200, "1")]] * 3
        for raw in busy:
            raw.close()
        assert served.ask("/slow", b"again") == (200, b"again")
