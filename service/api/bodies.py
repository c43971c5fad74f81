"""Receiving a request body: how long it may be."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.requests import Request

from service.api.problems import PayloadTooLargeError

CLOSE = {"Connection": "close"}
LENGTH_DIGITS = 18
BRIEF = 2**20  # bytes that are copied sooner than a thread is woken


@dataclass(frozen=True)
class BodyBounds:
    """The bounds on a request body: its length, and the nesting and the number of its lists.

    The members of a compressed archive are as long as they are unpacked.
    """

    body_bytes: int = 32 * 2**20
    json_depth: int = 64
    json_containers: int = 1_000_000


async def receive(request: Request, bounds: BodyBounds) -> bytes:
    """The raw body of a request.

    A body somewhat over the cap is read to its end and thrown away, so that the client gets to read the answer.

    Raises:
        PayloadTooLargeError: as its name says.
    """
    announced = _announced(request.headers)
    if announced > 2 * bounds.body_bytes or (announced > bounds.body_bytes and "expect" in request.headers):
        raise _too_large(bounds, closing=True)
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        chunks.append(chunk if size <= bounds.body_bytes else b"")
        if size > 2 * bounds.body_bytes:
            raise _too_large(bounds, closing=True)
    if size > bounds.body_bytes:
        raise _too_large(bounds, closing=False)
    return await asyncio.to_thread(b"".join, chunks) if size > BRIEF else b"".join(chunks)


def _announced(headers: Headers) -> int:
    length = headers.get("content-length", "0").strip()
    return int(length[:LENGTH_DIGITS]) if length.isascii() and length.isdigit() else 0


def _too_large(bounds: BodyBounds, *, closing: bool) -> PayloadTooLargeError:
    detail = f"body_bytes: the body is over the limit of {bounds.body_bytes} bytes"
    return PayloadTooLargeError(detail, headers=CLOSE if closing else None)
