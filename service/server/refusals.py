"""What is answered below the application, where there is no request yet: problem documents as bytes on the wire."""

from __future__ import annotations

import http
import json

from service.api.problems import MEDIA_TYPE, problem


class Refusal(Exception):  # noqa: N818 - an answer, raised to leave the parser
    """A connection's last words."""

    def __init__(self, code: str, detail: str, *, retry: bool = False) -> None:
        super().__init__(detail)
        document = problem(code, detail)
        body = json.dumps(document).encode("ascii")
        status = http.HTTPStatus(document["status"])
        lines = (
            f"HTTP/1.1 {status.value} {status.phrase}",
            f"content-type: {MEDIA_TYPE}",
            f"content-length: {len(body)}",
            *(("retry-after: 1",) if retry else ()),
            "x-content-type-options: nosniff",
            "connection: close",
        )
        self.wire = "\r\n".join(lines).encode("ascii") + b"\r\n\r\n" + body


def malformed(detail: str) -> Refusal:
    """What is not HTTP as RFC 9112 wants it."""
    return Refusal("malformed-request", detail)


def over(limit: str, cap: int) -> Refusal:
    """Headers over a bound; what is over it was not kept, so that its size is not known."""
    return Refusal("headers-too-large", f"{limit}: over the limit of {cap}")


def late(part: str, seconds: float) -> Refusal:
    """Half a request, and its time is over; `part` is headers or body."""
    bound = {"headers": "header_seconds", "body": "body_seconds"}[part]
    return Refusal("request-timeout", f"{bound}: the {part} took longer than {seconds:g} seconds")


FULL = Refusal("overloaded", "connections: there are as many as there may be.", retry=True)
STOPPING = Refusal("shutting-down", "The service is shutting down.", retry=True)
