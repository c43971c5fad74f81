"""The service as a process, when the machine or its clients fail it."""

from __future__ import annotations

import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.server.processes import Served, service
from tests.server.raw import codes, connect, rest

POST = b"POST /v1/gradient HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
FLOOD = 200  # MB


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """The service."""
    with service() as running:
        assert running.gradient()
        yield running


def flood(served: Served, beginning: bytes, piece: bytes, megabytes: int) -> tuple[int, bytes]:
    """How many bytes could be sent before the server closed the connection, and what it said."""
    sent = 0
    with connect(served) as raw:
        raw.sendall(beginning)
        try:
            while sent < megabytes * 2**20:
                raw.sendall(piece)
                sent += len(piece)
        except OSError:
            pass
        return sent, rest(raw)


FLOODS = {
    "one header": (b"GET / HTTP/1.1\r\nHost: a\r\nX: ", b"a" * 65_536),
    "headers": (b"GET / HTTP/1.1\r\nHost: a\r\n", b"X: " + b"a" * 1000 + b"\r\n"),
    "an address": (b"GET /", b"a" * 65_536),
    "a chunked body": (POST + b"Transfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + b" " * 65_536 + b"\r\n"),
    "a chunk's extension": (POST + b"Transfer-Encoding: chunked\r\n\r\n1;", b"a" * 65_536),
    "trailers": (POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X: " + b"a" * 1000 + b"\r\n"),
    "blank lines": (b"", b"\r\n" * 32_768),
}


@pytest.mark.parametrize("name", FLOODS)
def test_floods_are_not_kept(served: Served, name: str) -> None:
    """What is sent without end is cut off, and does not stay in memory."""
    before, megabytes = served.megabytes(), 2 * FLOOD if "body" in name else FLOOD
    sent, _ = flood(served, *FLOODS[name], megabytes)
    growth = served.megabytes() - before
    print(f"T42 {name}: cut off after {sent / 2**20:.1f} of {megabytes} MB, memory grew by {growth:.1f} MB")
    assert sent < megabytes * 2**20
    assert growth < 100
    assert served.gradient()


def test_a_process_that_was_stopped(served: Served) -> None:
    """What was sent while it stood still is answered, however long that was; nobody was late."""
    with ExitStack() as stack:
        before = [stack.enter_context(connect(served)) for _ in range(20)]
        for raw in before:
            raw.sendall(b"GET /healthz HTT")
        time.sleep(0.2)
        served.process.send_signal(signal.SIGSTOP)
        for raw in before:
            raw.sendall(b"P/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        time.sleep(3)
        served.process.send_signal(signal.SIGCONT)
        answered = sum(codes(rest(raw)) == [(200, '{"status":"ok"}')] for raw in before)
    print(f"F13 SIGSTOP for 3 s: {answered} of 20 answered")
    assert answered == 20
    assert served.gradient()


def test_a_stopped_process_forgives_deadlines() -> None:
    """A client is late only in time that the process ran."""
    with service(header_seconds=1.5) as served, connect(served) as raw:
        raw.sendall(b"GET /healthz HTT")
        time.sleep(0.2)
        served.process.send_signal(signal.SIGSTOP)
        time.sleep(3)
        served.process.send_signal(signal.SIGCONT)
        time.sleep(0.3)
        raw.sendall(b"P/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert codes(rest(raw)) == [(200, '{"status":"ok"}')]


def test_clients_that_leave(served: Served) -> None:
    """A thousand that ask and close after 10 ms."""
    sent = POST + b"Content-Length: 66\r\n\r\n" + b'{"expression": "sum(exp(x) * %d)", "at": {"x": [1, 2]}, "f": 1    }'

    def ask_and_leave(first: int) -> None:
        for number in range(first, first + 100):
            with connect(served) as raw:
                raw.sendall(sent % number)
                time.sleep(0.01)

    threads = [threading.Thread(target=ask_and_leave, args=(start,)) for start in range(0, 1000, 100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert served.gradient()
    print("F12 1000 clients that disconnect after 10 ms: the next one is answered")


def test_no_descriptors_are_left() -> None:
    """With 64 of them, a hundred idle clients do not keep others out."""
    with service("prlimit", "--nofile=64") as served, ExitStack() as stack:
        for _ in range(100):
            stack.enter_context(connect(served))
        answered = sum(served.gradient() for _ in range(20))
    print(f"F14 64 descriptors, 100 idle clients: {answered} of 20 others answered")
    assert answered == 20


def test_nothing_can_be_logged() -> None:
    """A full log device is no reason to fail."""
    with open("/dev/full", "wb") as full, service(stdout=full.fileno()) as served:  # noqa: PTH123
        assert all(served.gradient() for _ in range(20))
        assert served.ask("/nowhere")[0] == 404
        served.process.send_signal(signal.SIGTERM)
        assert served.process.wait(timeout=60) == 0
    print("F14 stdout=/dev/full: 20 of 20 answered, exit 0")


def test_nobody_reads_the_log() -> None:
    """A pipe that is full blocks whoever writes to it; no request does."""
    reading, writing = socket.socketpair()
    with reading, writing, service(stdout=writing.fileno(), log_level="debug") as served:
        assert all(served.ask("/nowhere")[0] == 404 for _ in range(1500))
        assert served.gradient()
        served.process.send_signal(signal.SIGTERM)
        assert served.process.wait(timeout=60) == 0
