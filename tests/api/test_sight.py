"""A request's trace, in its answer and in the log."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import timeit
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

import pytest
import structlog
from starlette.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send

from service.api import logs
from service.api.health import State
from service.api.metrics import Metrics
from service.api.sight import Sight
from service.api.traces import trace_id
from service.main import create_app
from service.settings import Settings
from tests.api.asserting import problem
from tests.api.stub import Recorder, catalogue, square

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"
Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def _own_logs() -> Iterator[None]:
    """What a test does to logging ends with it."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield
    root.handlers[:] = before
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
def lines(_own_logs: None) -> Iterator[Lines]:
    """What is logged, once it is written."""
    reading, writing = os.pipe()
    outlet = logs.configure("json", "debug", writing)

    def written() -> list[dict[str, Any]]:
        outlet.close()
        os.close(writing)
        with os.fdopen(os.dup(reading), "rb") as pipe:
            return [json.loads(line) for line in pipe.read().splitlines()]

    yield written
    os.close(reading)


def test_the_clients_trace_is_kept(client: TestClient) -> None:
    """In the answer's header, and in a problem document, whose length is still right."""
    good = client.get("/healthz", headers={"traceparent": PARENT})
    assert good.headers["x-request-id"] == TRACE
    bad = client.get("/nowhere", headers={"traceparent": PARENT})
    assert problem(bad, 404, "not-found")["trace_id"] == TRACE == bad.headers["x-request-id"]
    assert int(bad.headers["content-length"]) == len(bad.content)
    computed = client.post("/v1/gradient", json={"expression": 1}, headers={"traceparent": PARENT})
    assert problem(computed, 422, "invalid-request")["trace_id"] == TRACE
    head = client.head("/nowhere", headers={"traceparent": PARENT})
    assert head.headers["content-length"] == bad.headers["content-length"]


WRONG = [
    b"",
    b"00",
    b"00-" + b"0" * 32 + b"-b7ad6b7169203331-01",
    b"00-" + TRACE.encode() + b"-0000000000000000-01",
    b"ff-" + TRACE.encode() + b"-b7ad6b7169203331-01",
    b"00-" + TRACE.upper().encode() + b"-b7ad6b7169203331-01",
    PARENT.encode() + b"-more",
    PARENT.encode() + b"\n",
]


@pytest.mark.parametrize("value", WRONG)
def test_what_is_no_trace_is_replaced(value: bytes) -> None:
    """By a new one, which no other request has."""
    found = trace_id([(b"traceparent", value)])
    assert len(found) == 32
    assert int(found, 16)
    assert found != TRACE
    assert found != trace_id([(b"traceparent", value)])


def test_a_version_to_come_is_read() -> None:
    """Its first fields are those of today; two headers are none."""
    parent = (b"traceparent", b"01" + PARENT.encode()[2:] + b"-more")
    assert trace_id([parent]) == TRACE
    assert trace_id([parent, parent]) != TRACE


def test_a_request_is_a_line(lines: Lines, client: TestClient) -> None:
    """With what was asked and answered, and nothing of what the user wrote but a printable piece of the address."""
    client.get("/healthz", headers={"traceparent": PARENT})
    client.post("/v1/gradient", json={"expression": "secret"}, headers={"traceparent": PARENT})
    client.get("/no%0Awhere%1B" + "a" * 500, headers={"traceparent": PARENT})
    alive, computed, nowhere = [line for line in lines() if line["event"] == "request"]
    assert alive["level"] == "debug"
    assert (computed["method"], computed["route"], computed["level"]) == ("POST", "/v1/gradient", "info")
    assert computed["status"] in {200, 422}
    assert computed["bytes"] > 100
    assert computed["seconds"] > 0
    assert "secret" not in json.dumps(computed)
    assert (nowhere["route"], nowhere["status"]) == ("unknown", 404)
    assert nowhere["path"].startswith("/no\\nwhere\\x1b")
    assert len(nowhere["path"]) < 100
    assert {line["trace_id"] for line in (alive, computed, nowhere)} == {TRACE}


def test_a_defect_has_the_requests_trace(lines: Lines) -> None:
    """So that the answer's id finds the traceback."""
    compute = Recorder()
    app = create_app(Settings(), compute=compute, catalogue=lambda: 1 / 0)  # type: ignore[arg-type,return-value]
    with TestClient(app) as started:
        answer = started.get("/v1/ops", headers={"traceparent": PARENT})
    assert answer.json()["trace_id"] == TRACE
    (line,) = [line for line in lines() if "ZeroDivisionError" in line.get("exception", "")]
    assert (line["trace_id"], line["logger"]) == (TRACE, "fluxion.api")


def test_long_texts_are_shortened(lines: Lines) -> None:
    """Whoever logs, and what is not Unicode does no harm. Both ends are there: a traceback has its error at the end."""
    structlog.get_logger("a").info("b" * 1000 + "error", other="\ud800" + "c" * 1000, object=object())
    logging.getLogger("d").warning("e%s\n{}", "f" * 1000)
    first, second = lines()
    assert len(first["event"]) < 400
    assert first["event"].startswith("bbb")
    assert first["event"].endswith("error")
    assert len(first["other"]) < 400
    assert len(second["event"]) < 400
    assert second["logger"] == "d"


@pytest.mark.usefixtures("_own_logs")
def test_a_console_gets_no_commands() -> None:
    """Lines for people are read by terminals, which obey what they are told."""
    reading, writing = os.pipe()
    outlet = logs.configure("console", "info", writing)
    structlog.get_logger("a").info("event\x1b[31m", other="\x9b\x07")
    logging.getLogger("b").warning("second\x1b[31m")
    outlet.close()
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        text = pipe.read()
    assert b"event\\x1b[31m" in text
    assert b"second\\x1b[31m" in text
    assert not set(text) & {0x1B, 0x07}


def test_lines_that_find_no_room_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody reads the pipe; whoever logs goes on."""
    monkeypatch.setattr(logs, "ROOM", 100)
    monkeypatch.setattr(logs, "LAST_SECONDS", 0.1)
    reading, writing = os.pipe()
    outlet = logs.Outlet(writing)
    for _ in range(10):
        outlet.write(bytes(100_000))
        for _ in range(200):
            outlet.write(b"a")
    outlet.close()
    assert outlet.counts.dropped > 500
    os.close(reading)  # ends the write that waits


def test_telemetry_without_its_sdk() -> None:
    """Its interface alone makes no spans; requests are answered with a trace of ours."""
    with TestClient(create_app(Settings(telemetry=True), compute=square, catalogue=catalogue)) as started:
        answer = started.get("/healthz", headers={"traceparent": PARENT})
    assert (answer.status_code, answer.headers["x-request-id"]) == (200, TRACE)


@pytest.mark.skipif(find_spec("opentelemetry.sdk") is not None, reason="its SDK is installed")
def test_telemetry_says_what_is_missing(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Spans that were asked for and cannot be sent are told of, and requests go on."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    for telemetry in (False, True):
        app = create_app(Settings(telemetry=telemetry), compute=square, catalogue=catalogue)
        with TestClient(app) as started:
            assert started.get("/healthz").status_code == 200
        assert ("requires fastapi[opentelemetry]" in caplog.text) is telemetry


@pytest.mark.usefixtures("_own_logs")
def test_what_it_costs() -> None:
    """A figure: what is done for every request, its line in the log included."""

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})

    async def nothing(_message: Message) -> None:
        pass

    async def receive() -> Message:
        return {"type": "http.request"}

    null = os.open(os.devnull, os.O_WRONLY)
    levels: tuple[logs.Level, ...] = ("warning", "info")
    for level in levels:
        outlet = logs.configure("json", level, null)
        sight = Sight(app, Metrics(State()), frozenset({"/v1/gradient"}))
        scope: Scope = {"type": "http", "method": "POST", "path": "/v1/gradient", "headers": [(b"host", b"a")] * 8}

        async def many(of: Any, scope: Scope = scope) -> float:
            start = timeit.default_timer()
            for _ in range(5000):
                await of(scope, receive, nothing)
            return (timeit.default_timer() - start) / 5000 * 1e6

        bare, seen = asyncio.run(many(app)), asyncio.run(many(sight))
        print(f"level {level}: {seen - bare:.1f} us a request")
        outlet.close()
        assert seen > bare > 0
