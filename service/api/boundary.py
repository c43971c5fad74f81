"""The outermost layer of the application: it lets no request in while the process stops, and no exception out.

An exception that left the application would close the connection under the client's next request.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.bodies import CLOSE
from service.api.health import PATHS, State
from service.api.problems import NotServingError, response_to
from service.errors import FluxionError

NOSNIFF = (b"x-content-type-options", b"nosniff")


Refusal = Callable[[BaseException], Response]


class Boundary:
    """ASGI middleware: HEAD by way of GET, a problem document for every exception, and no work while draining.

    `refusals` has, by its path, how an address of another protocol writes what it refuses.
    """

    def __init__(self, app: ASGIApp, state: State, refusals: Mapping[str, Refusal] | None = None) -> None:
        self._app = app
        self._state = state
        self._refusals = refusals or {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, with or without a happy end."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _Answer(send, bodiless=scope["method"] == "HEAD")
        self._state.in_flight += 1
        try:
            self._check_serving(scope)
            inner = {**scope, "method": "GET"} if answer.bodiless else scope
            await self._app(inner, receive, answer.send)
        except ClientDisconnect:
            return  # nobody is left to be answered
        except FluxionError as error:
            await self._refusals.get(scope["path"], response_to)(error)(scope, receive, answer.send)
        except (Exception, SystemExit) as error:
            if answer.started:
                raise
            await self._refusals.get(scope["path"], response_to)(error)(scope, receive, answer.send)
        finally:
            self._state.in_flight -= 1

    def _check_serving(self, scope: Scope) -> None:
        if self._state.draining and scope["path"] not in PATHS:
            detail = "The service is shutting down."
            raise NotServingError(detail, headers={"Retry-After": "1"} | CLOSE)


class _Answer:
    """Watches one response go out; without a body, it is whole where that would begin, however long it went on."""

    def __init__(self, send: Send, *, bodiless: bool) -> None:
        self._send = send
        self.bodiless = bodiless
        self.started = False
        self._whole = False

    async def send(self, message: Message) -> None:
        """Passes a part of the response on; of the answer to HEAD, only the headers."""
        sent: dict[str, Any] = dict(message)
        if sent["type"] == "http.response.start":
            self.started = True
            sent["headers"] = [*sent.get("headers", ()), NOSNIFF]
        elif self.bodiless and sent["type"] == "http.response.body":
            if self._whole:
                return
            sent, self._whole = {"type": sent["type"], "body": b""}, True
        await self._send(sent)
