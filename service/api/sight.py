"""What is seen of every request: its trace, its place in the metrics, and its line in the log."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.health import PATHS
from service.api.logs import quoted
from service.api.metrics import Metrics
from service.api.problems import MEDIA_TYPE
from service.api.replies import OK
from service.api.traces import NOTHING, TRACE, current_span, trace_id

GONE = 499  # for a client that left before its answer
FIRST_ERROR = 400
ELSEWHERE = "unknown"
_PROBLEM = MEDIA_TYPE.encode("ascii")


def recorder(metrics: Metrics) -> Callable[[str, int, str], None]:
    """What notes an answer that was given again before its request had come as far as `Sight`."""
    log = structlog.get_logger("fluxion.requests").bind()

    def record(path: str, size: int, trace: str) -> None:
        metrics.count(path, OK, 0.0)
        log.info("request", method="POST", route=path, status=OK, bytes=size, trace_id=trace, repeated=True)

    return record


class Sight:
    """ASGI middleware around everything else. `routes` are the paths that are their own names in the metrics."""

    def __init__(self, app: ASGIApp, metrics: Metrics, routes: frozenset[str], *, telemetry: bool = False) -> None:
        self._app = app
        self._metrics = metrics
        self._routes = routes
        self._telemetry = telemetry
        self._log = structlog.get_logger("fluxion.requests").bind()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, seen from its first to its last byte."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        trace = current_span() if self._telemetry else NOTHING
        if trace == NOTHING:
            trace = trace_id(scope["headers"])
        TRACE.set(trace)
        seen = _Seen(send, trace)
        start = perf_counter()
        try:
            await self._app(scope, receive, seen.send)
        finally:
            self._record(scope, seen, perf_counter() - start)

    def _record(self, scope: Scope, seen: _Seen, seconds: float) -> None:
        path = scope["path"]
        route = path if path in self._routes else getattr(scope.get("route"), "path", ELSEWHERE)
        self._metrics.count(route, seen.status, seconds)
        say = self._log.debug if path in PATHS else self._log.info
        further: dict[str, Any] = {"path": quoted(path)} if route == ELSEWHERE else {}
        if "client" in scope.get("state", ()):
            further["client"] = scope["state"]["client"]
        say(
            "request",
            method=scope["method"],
            route=route,
            status=seen.status,
            seconds=round(seconds, 6),
            bytes=seen.bytes,
            **further,
        )


class _Seen:
    """Watches one answer go out, and says in it what its trace is. It writes into the messages, which nobody keeps."""

    __slots__ = ("_addition", "_send", "_trace", "bytes", "status")

    def __init__(self, send: Send, trace: str) -> None:
        self._send = send
        self._trace = trace.encode("ascii")
        self._addition = b""
        self.status = GONE
        self.bytes = 0

    async def send(self, message: Message) -> None:
        """Passes a part of the answer on; a problem document gets one more member."""
        if message["type"] == "http.response.body":
            body = message.get("body", b"")
            if self._addition and body and not message.get("more_body"):
                message["body"] = body = bytes(body).removesuffix(b"}") + self._addition
            self.bytes += len(body)
        elif message["type"] == "http.response.start":
            self.status = message["status"]
            headers = message["headers"]
            if self.status >= FIRST_ERROR and (b"content-type", _PROBLEM) in headers:
                self._addition = b', "trace_id": "%s"}' % self._trace
                headers = [(name, self._length(name, value)) for name, value in headers]
            message["headers"] = [*headers, (b"x-request-id", self._trace)]
        await self._send(message)

    def _length(self, name: bytes, value: bytes) -> bytes:
        return b"%d" % (int(value) + len(self._addition) - 1) if name == b"content-length" else value
