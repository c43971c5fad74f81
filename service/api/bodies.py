"""Receiving a request body: what it may be, how long it may be, and how long it may take."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.requests import Request

from service.api.problems import (
    NotAcceptableError,
    PayloadTooLargeError,
    RequestTimeoutError,
    UnsupportedMediaTypeError,
)
from service.errors import quote

CLOSE = {"Connection": "close"}
ACCEPTABLE = {"application/json", "application/problem+json", "application/*", "*/*"}
LENGTH_DIGITS = 18


@dataclass(frozen=True)
class BodyBounds:
    """The bounds on a request body: its length, its time to arrive, and the nesting and the number of its lists."""

    body_bytes: int = 32 * 2**20
    body_seconds: float = 10.0
    json_depth: int = 64
    json_containers: int = 1_000_000


def check_accept(headers: Headers) -> None:
    """Refuses (not-acceptable) a request whose `Accept` leaves out JSON."""
    accepted = ",".join(headers.getlist("accept"))
    if accepted.strip() and not any(_acceptable(part) for part in accepted.split(",")):
        detail = "The answer is application/json, which the Accept header leaves out."
        raise NotAcceptableError(detail)


def check_content_type(headers: Headers) -> None:
    """Refuses (unsupported-media-type) anything but plain JSON in UTF-8."""
    stated = headers.get("content-type", "")
    kind, *parameters = [part.strip().lower() for part in stated.split(";")]
    known = all(part in {"", "charset=utf-8", 'charset="utf-8"'} for part in parameters)
    if kind != "application/json" or not known:
        found = quote(stated) if stated else "nothing"
        detail = f"Content-Type must be application/json in UTF-8; {found} was stated."
        raise UnsupportedMediaTypeError(detail)
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"", "identity"}:
        detail = f"Content-Encoding {quote(encoding)} is not read; send the body as it is."
        raise UnsupportedMediaTypeError(detail)


async def receive(request: Request, bounds: BodyBounds) -> bytes:
    """The raw body of a JSON request.

    A body somewhat over the cap is read to its end and thrown away, so that the client gets to read the answer.

    Raises:
        NotAcceptableError, UnsupportedMediaTypeError, PayloadTooLargeError, RequestTimeoutError: as their names say.
    """
    check_accept(request.headers)
    check_content_type(request.headers)
    announced = _announced(request.headers)
    if announced > 2 * bounds.body_bytes or (announced > bounds.body_bytes and "expect" in request.headers):
        raise _too_large(bounds, closing=True)
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(bounds.body_seconds):
            async for chunk in request.stream():
                size += len(chunk)
                chunks.append(chunk if size <= bounds.body_bytes else b"")
                if size > 2 * bounds.body_bytes:
                    raise _too_large(bounds, closing=True)
    except TimeoutError:
        detail = f"body_seconds: the body took longer than {bounds.body_seconds:g} seconds"
        raise RequestTimeoutError(detail, headers=CLOSE) from None
    if size > bounds.body_bytes:
        raise _too_large(bounds, closing=False)
    return b"".join(chunks)


def _announced(headers: Headers) -> int:
    length = headers.get("content-length", "0").strip()
    return int(length[:LENGTH_DIGITS]) if length.isascii() and length.isdigit() else 0


def _too_large(bounds: BodyBounds, *, closing: bool) -> PayloadTooLargeError:
    detail = f"body_bytes: the body is over the limit of {bounds.body_bytes} bytes"
    return PayloadTooLargeError(detail, headers=CLOSE if closing else None)


def _acceptable(part: str) -> bool:
    kind, *parameters = [piece.strip().lower() for piece in part.split(";")]
    return kind in ACCEPTABLE and not _refused(parameters)


def _refused(parameters: Iterable[str]) -> bool:
    return any(p.replace(" ", "") in {"q=0", "q=0.0", "q=0.00", "q=0.000"} for p in parameters)
