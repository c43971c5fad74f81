"""The routes of the endpoints that compute."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from fastapi import APIRouter, Request, Response
from starlette.requests import ClientDisconnect

from service.api.answering import Answering
from service.api.asked import Asked
from service.api.bodies import receive
from service.api.declaring import NpzArchive, answers, problems, takes
from service.api.endpoints import ENDPOINTS, Endpoint
from service.api.example_answers import ANSWERS
from service.api.examples import REQUESTS
from service.api.media import JSON, NPZ, answer_type, body_type
from service.api.preferences import wishes
from service.api.replies import SPENT, Sent

BINARY = {NPZ: NpzArchive}
BODY_PROBLEMS = (400, 406, 408, 413, 415, 422, 503)

T = TypeVar("T")


def compute_router(answering: Answering) -> APIRouter:
    """The routes of all compute endpoints."""
    router = APIRouter(prefix="/v1", tags=["compute"])
    for endpoint in ENDPOINTS:
        router.add_api_route(
            f"/{endpoint.kind}",
            _route(endpoint, answering),
            methods=["POST"],
            operation_id=endpoint.kind,
            summary=endpoint.summary,
            description=endpoint.description,
            response_class=Response,
            responses=answers(endpoint.answer, ANSWERS[endpoint.kind], BINARY) | problems(*BODY_PROBLEMS),
            openapi_extra=takes(endpoint.request, REQUESTS[endpoint.kind], BINARY),
        )
    return router


def _route(endpoint: Endpoint, answering: Answering) -> Callable[..., Any]:
    async def route(request: Request) -> Response:
        answered, sent = answer_type(request.headers, JSON, NPZ), body_type(request.headers)
        wished = wishes(request.headers)
        raw = await receive(request, answering.bounds.body)
        asked = Asked(endpoint.kind, sent, answered, raw, answering.salt)
        reply = answering.recall(asked)
        if reply is None:
            reply = await unless_gone(request, answering.answer(asked, wished.seconds))
            request.scope["state"][SPENT] = reply.seconds
        applied = {"Preference-Applied": wished.applied} if wished.applied else {}
        return Sent(reply.current(request.headers.get("if-none-match", "")).with_headers(applied))

    return route


async def unless_gone(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """What the work answers; it is cancelled when the client leaves.

    Raises ClientDisconnect when that has happened.
    """
    working, leaving = asyncio.ensure_future(work), asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientDisconnect
        return working.result()
    finally:
        leaving.cancel()
        working.cancel()


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
