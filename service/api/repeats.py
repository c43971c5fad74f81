"""Requests that equal an earlier one byte for byte, headers included: answered before anything else looks at them.

Kept are only answers that came from the cache, so that each is one that the layers below would give again. Where rates
are limited nothing is kept: every request must be counted there.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import structlog
from cachetools import LRUCache
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.front import again
from service.api.health import State
from service.api.metrics import Metrics
from service.api.replies import OK

LONGEST = 65_536  # bytes of a body, in or out
MOST_BYTES = 2**23  # of all that is kept
TRACED = b"traceparent"  # names each request anew
_ID = b"x-request-id"
_HIT = b"hit; detail=memory"

Header = tuple[bytes, bytes]
Answer = tuple[list[Header], bytes]
Key = tuple[str, bytes, tuple[Header, ...]]


@dataclass
class Counts:
    """Requests that were answered here."""

    hits: int = 0


@dataclass
class Repeats:
    """ASGI middleware around the application, for POST requests to `paths`."""

    app: ASGIApp
    state: State
    metrics: Metrics
    paths: frozenset[str]
    is_off: bool = False
    counts: Counts = field(default_factory=Counts)

    def __post_init__(self) -> None:
        self._kept: LRUCache[Key, Answer] = LRUCache(MOST_BYTES, getsizeof=_size)
        self._log = structlog.get_logger("fluxion.requests").bind()
        self.metrics.watch("repeats", lambda: self.counts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request: answered here if it is a repetition."""
        asks = scope["type"] == "http" and scope["method"] == "POST" and scope["path"] in self.paths
        if not asks or self.is_off or self.state.draining or scope["query_string"]:
            await self.app(scope, receive, send)
            return
        start = perf_counter()
        first = await receive()
        key: Key = (scope["path"], first.get("body", b""), tuple(scope["headers"]))
        known = None if first.get("more_body") else self._kept.get(key)
        if known is None:
            keeper = None if first.get("more_body") or len(key[1]) > LONGEST else _Keeper(send)
            await self.app(scope, again(first, receive), send if keeper is None else keeper.send)
            if keeper is not None and keeper.whole:
                self._keep(key, keeper)
            return
        headers, body = known
        trace = b"%032x" % random.getrandbits(128)
        await send({"type": "http.response.start", "status": OK, "headers": [*headers, (_ID, trace)]})
        await send({"type": "http.response.body", "body": body})
        self._record(scope["path"], perf_counter() - start, len(body), trace)

    def _keep(self, key: Key, keeper: _Keeper) -> None:
        if not any(name == TRACED for name, _ in key[2]) and len(keeper.body) <= LONGEST:
            self._kept[key] = keeper.headers, keeper.body

    def _record(self, route: str, seconds: float, size: int, trace: bytes) -> None:
        self.counts.hits += 1
        self.metrics.count(route, OK, seconds)
        self._log.info(
            "request",
            method="POST",
            route=route,
            status=OK,
            seconds=round(seconds, 6),
            bytes=size,
            trace_id=trace.decode("ascii"),
        )


class _Keeper:
    """Watches an answer go out; `whole` is whether it is one from the cache, and `body` all of it."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.headers: list[Header] = []
        self.body = b""
        self.whole = False

    async def send(self, message: Message) -> None:
        """Passes a part of the answer on."""
        if message["type"] == "http.response.start" and message["status"] == OK:
            headers: Iterable[Header] = message["headers"]
            self.headers = [(name, value) for name, value in headers if name != _ID]
        elif self.headers and not message.get("more_body"):
            self.whole = any(name == b"cache-status" and _HIT in value for name, value in self.headers)
            self.body = bytes(message.get("body", b""))
        await self._send(message)


def _size(answer: Any) -> int:
    headers, body = answer
    return len(body) + LONGEST // 16 + 64 * len(headers)
