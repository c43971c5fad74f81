"""A layer in front of the routes: small JSON requests whose answers are known, or nearly so, never reach these.

What it does not understand at a glance it passes on untouched.
"""

from __future__ import annotations

from collections.abc import Sequence

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.answering import Answering
from service.api.asked import Asked
from service.api.endpoints import ENDPOINTS
from service.api.media import JSON
from service.api.replies import SPENT
from service.tasks.messages import Kind

LONGEST = 65_536  # bytes of a body that is looked at here
PLAIN = {b"*/*", b"application/json", b"application/json, */*", b"*/*, application/json"}
NOT_HERE = frozenset((b"prefer", b"x-request-timeout", b"content-encoding", b"transfer-encoding"))


class Front:
    """ASGI middleware around the application."""

    def __init__(self, app: ASGIApp, answering: Answering) -> None:
        self._app = app
        self._answering = answering
        self._kinds: dict[str, Kind] = {f"/v1/{endpoint.kind}": endpoint.kind for endpoint in ENDPOINTS}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request: answered here, or by the application."""
        kind = self._kinds.get(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None
        validators = None if kind is None else _plain(scope["headers"])
        if kind is None or validators is None:
            await self._app(scope, receive, send)
            return
        first = await receive()
        raw = first.get("body", b"")
        if first.get("more_body") or len(raw) > LONGEST:
            await self._app(scope, again(first, receive), send)
            return
        asked = Asked(kind, JSON, JSON, raw, self._answering.salt)
        reply = await self._answering.at_once(asked)
        if reply is None:
            await self._app(scope, again(first, receive), send)
        else:
            scope["state"][SPENT] = reply.seconds
            await reply.current(validators).send(send)


def _plain(headers: Sequence[tuple[bytes, bytes]]) -> str | None:
    """The `If-None-Match` of a request that has short JSON in and wants JSON out, else None."""
    found = dict(headers)
    if len(found) != len(headers) or not NOT_HERE.isdisjoint(found):
        return None
    if found.get(b"content-type") != b"application/json" or found.get(b"accept", b"*/*") not in PLAIN:
        return None
    return found.get(b"if-none-match", b"").decode("latin-1") if is_short(headers) else None


def is_short(headers: Sequence[tuple[bytes, bytes]]) -> bool:
    """Whether the body may be waited for: one that is announced as long may be refused before it comes."""
    return all(len(value) < len(b"%d" % (10 * LONGEST)) for name, value in headers if name == b"content-length")


def again(first: Message, receive: Receive) -> Receive:
    """What receives the first message once more, and then what comes after it."""
    waiting = [first]

    async def replay() -> Message:
        return waiting.pop() if waiting else await receive()

    return replay
