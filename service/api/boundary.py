"""The outermost layer of the application: it bounds headers and lets no exception out.

An exception that left the application would close the connection under the client's next request.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.problems import HeadersTooLargeError, RefusalError, defect, refused

NOSNIFF = (b"x-content-type-options", b"nosniff")


class Boundary:
    """ASGI middleware: caps on headers, HEAD by way of GET, and a problem document for every exception."""

    def __init__(self, app: ASGIApp, header_bytes: int, header_fields: int) -> None:
        self._app = app
        self._header_bytes = header_bytes
        self._header_fields = header_fields

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, with or without a happy end."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _Answer(send, bodiless=scope["method"] == "HEAD")
        try:
            self._check_headers(scope)
            inner = {**scope, "method": "GET"} if answer.bodiless else scope
            await self._app(inner, receive, answer.send)
        except ClientDisconnect:
            return  # nobody is left to be answered
        except RefusalError as error:
            await refused(error)(scope, receive, answer.send)
        except (Exception, SystemExit) as error:
            if answer.started:
                raise
            await defect(error)(scope, receive, answer.send)

    def _check_headers(self, scope: Scope) -> None:
        fields: list[tuple[bytes, bytes]] = scope["headers"]
        size = sum(len(name) + len(value) for name, value in fields)
        for limit, value, cap in (
            ("header_bytes", size, self._header_bytes),
            ("header_fields", len(fields), self._header_fields),
        ):
            if value > cap:
                detail = f"{limit}: {value} is over the limit of {cap}"
                raise HeadersTooLargeError(detail)


class _Answer:
    """Watches one response go out."""

    def __init__(self, send: Send, *, bodiless: bool) -> None:
        self._send = send
        self.bodiless = bodiless
        self.started = False

    async def send(self, message: Message) -> None:
        """Passes a part of the response on; of the answer to HEAD, only the headers."""
        sent: dict[str, Any] = dict(message)
        if sent["type"] == "http.response.start":
            self.started = True
            sent["headers"] = [*sent.get("headers", ()), NOSNIFF]
        elif self.bodiless and sent["type"] == "http.response.body":
            sent["body"] = b""
        await self._send(sent)
