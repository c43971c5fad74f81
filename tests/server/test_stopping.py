"""SIGTERM: readiness fails first, what is under way is finished, nothing else holds the process up."""

from __future__ import annotations

import http.client
import json
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import psutil
import pytest

from tests.server.processes import HOST, Served, service, slow_service
from tests.server.raw import POST, codes, connect, rest

SLOW = b"POST /slow?seconds=%s HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n1"


def ended(served: Served) -> int:
    """The status of the process, which ends before long."""
    return served.process.wait(timeout=60)


def test_nothing_is_lost() -> None:
    """200 requests under way are answered, while ten clients of each kind that stalls are not waited for."""
    stalled = (POST + b"Content-Length: 10\r\n\r\n1", b"POST /sl", b"", b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
    unread = b"GET /large?size=20000000 HTTP/1.1\r\nHost: a\r\n\r\n"
    with slow_service(linger_seconds=0.2) as served, ExitStack() as stack:
        for sent in (*stalled, unread):
            for _ in range(10):
                stack.enter_context(connect(served)).sendall(sent)
        working = [stack.enter_context(connect(served)) for _ in range(200)]
        for raw in working:
            raw.sendall(SLOW % b"1.5")
        time.sleep(0.5)
        start = time.monotonic()
        served.process.send_signal(signal.SIGTERM)
        with ThreadPoolExecutor(20) as pool:
            answers = list(pool.map(rest, working))
        status = ended(served)
        seconds = time.monotonic() - start
    answered = sum(codes(answer) == [(200, "1")] for answer in answers)
    closing = sum(b"connection: close" in answer for answer in answers)
    print(f"F11 SIGTERM with 200 in flight, 50 stalled: {answered} answered, {200 - answered} lost, "
          f"exit {status} in {seconds:.1f} s")  # fmt: skip
    assert (answered, closing, status) == (200, 200, 0)
    assert seconds < 20


def test_computations_are_finished() -> None:
    """The service itself: its workers end after what they compute was sent, and with it."""

    def ask(size: int) -> int:
        x = [1.0 + index / size for index in range(size)]
        asked = {"expression": f"sum(inv(outer(x, x) + {size} * eye({size})))", "at": {"x": x}, "forms": []}
        return served.ask("/v1/gradient", json.dumps(asked).encode(), {"Content-Type": "application/json"})[0]

    with service(log_level="warning") as served, ThreadPoolExecutor(12) as pool:
        children = psutil.Process(served.process.pid).children(recursive=True)
        asked = [pool.submit(ask, 1000 + number) for number in range(12)]
        time.sleep(0.5)
        start = time.monotonic()
        served.process.send_signal(signal.SIGTERM)
        answers = [answer.result() for answer in asked]
        status = ended(served)
        seconds = time.monotonic() - start
        _, alive = psutil.wait_procs(children, timeout=10)
    print(f"F11 SIGTERM with 12 inverses of 1000 rows: {answers.count(200)} answered, exit {status} in {seconds:.1f} s")
    assert answers == [200] * 12
    assert status == 0
    assert not alive


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_service_ends_at_once(number: signal.Signals) -> None:
    """With status 0, whichever signal it is."""
    with slow_service() as served, connect(served) as idle:
        served.process.send_signal(number)
        assert ended(served) == 0
        assert rest(idle) == b""


def test_load_balancers_see_it_first() -> None:
    """While it still listens it says that it is not ready, and refuses work so that it can be sent elsewhere."""
    with slow_service(linger_seconds=3) as served:
        kept = http.client.HTTPConnection(HOST, served.port, timeout=10)
        kept.request("GET", "/healthz")
        assert kept.getresponse().read() == b'{"status":"ok"}'
        served.process.send_signal(signal.SIGTERM)
        while served.ask("/readyz")[0] == 200:
            time.sleep(0.01)
        assert codes_of(served, b"GET /readyz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n") == (
            503,
            "shutting-down",
        )
        assert served.ask("/healthz")[0] == 200
        assert codes_of(served, SLOW % b"0") == (503, "shutting-down")
        kept.request("POST", "/slow", b"1")
        refused = kept.getresponse()
        assert (refused.status, refused.headers["retry-after"]) == (503, "1")
        assert refused.headers["connection"] == "close"
        assert ended(served) == 0


def codes_of(served: Served, sent: bytes) -> tuple[int, str]:
    """The one answer to a request."""
    with connect(served) as raw:
        raw.sendall(sent)
        (answer,) = codes(rest(raw))
        return answer


def test_a_half_sent_request_is_told() -> None:
    """It gets an answer that lets its client try elsewhere."""
    with slow_service() as served, connect(served) as body, connect(served) as head:
        body.sendall(POST + b"Content-Length: 10\r\n\r\n1")
        head.sendall(b"POST /sl")
        time.sleep(0.3)
        served.process.send_signal(signal.SIGTERM)
        assert codes(rest(body)) == codes(rest(head)) == [(503, "shutting-down")]
        assert ended(served) == 0


def test_a_client_that_was_refused_does_not_end_it() -> None:
    """Nothing more can be said to one that reads why, and all others are still answered."""
    twice = POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n"
    with slow_service() as served, connect(served) as refused, connect(served) as working:
        working.sendall(SLOW % b"2")
        refused.sendall(twice)
        assert refused.recv(65_536).startswith(b"HTTP/1.1 400")
        served.process.send_signal(signal.SIGTERM)
        assert codes(rest(working)) == [(200, "1")]
        assert ended(served) == 0


def test_what_takes_too_long_is_left() -> None:
    """The process ends in the time it was given, and with status 0."""
    with slow_service(drain_seconds=1) as served, connect(served) as raw:
        raw.sendall(SLOW % b"30")
        time.sleep(0.3)
        start = time.monotonic()
        served.process.send_signal(signal.SIGTERM)
        assert ended(served) == 0
        assert time.monotonic() - start < 15
        assert rest(raw) == b""


def test_a_second_signal_ends_it_at_once() -> None:
    """Whatever is under way."""
    with slow_service(drain_seconds=60) as served, connect(served) as raw:
        raw.sendall(SLOW % b"60")
        time.sleep(0.3)
        served.process.send_signal(signal.SIGTERM)
        with pytest.raises(Exception, match="timed out"):
            served.process.wait(timeout=1)
        served.process.send_signal(signal.SIGTERM)
        assert ended(served) == 1
