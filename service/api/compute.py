"""The routes of the endpoints that compute."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from service.api.answering import Answering
from service.api.asked import Asked
from service.api.bodies import receive
from service.api.declaring import NpzArchive, OnnxFile, answers, problems, takes
from service.api.deferring import KEY_HEADER, Deferring
from service.api.disconnecting import unless_gone
from service.api.endpoints import ENDPOINTS, Endpoint
from service.api.example_answers import ANSWERS
from service.api.examples import REQUESTS
from service.api.job_documents import DEFERRED
from service.api.media import JSON, NPZ, ONNX, answer_type, body_type
from service.api.preferences import wishes
from service.api.replies import SPENT, Sent, charged
from service.api.stated import COMPUTING, UNCHANGED
from service.tasks.messages import MODELLED

BINARY: dict[str, type[BaseModel]] = {NPZ: NpzArchive}
MODEL: dict[str, type[BaseModel]] = {ONNX: OnnxFile}
OTHERWISE = DEFERRED | UNCHANGED | problems(400, 404, 406, 408, 413, 415, 422, 429, 503)


def compute_router(answering: Answering, deferring: Deferring) -> APIRouter:
    """The routes of all compute endpoints."""
    router = APIRouter(prefix="/v1", tags=["compute"])
    for endpoint in ENDPOINTS:
        router.add_api_route(
            f"/{endpoint.kind}",
            _route(endpoint, answering, deferring),
            methods=["POST"],
            operation_id=endpoint.kind,
            summary=endpoint.summary,
            description=endpoint.description,
            response_class=Response,
            responses=answers(endpoint.answer, ANSWERS[endpoint.kind], _binary(endpoint)) | OTHERWISE,
            openapi_extra={"parameters": [*COMPUTING], **takes(endpoint.request, REQUESTS[endpoint.kind], BINARY)},
        )
    return router


def _binary(endpoint: Endpoint) -> Mapping[str, type[BaseModel]]:
    """What an endpoint answers beside JSON."""
    return BINARY | MODEL if endpoint.kind in MODELLED else BINARY


def _route(endpoint: Endpoint, answering: Answering, deferring: Deferring) -> Callable[..., Any]:
    async def route(request: Request) -> Response:
        answered, sent = answer_type(request.headers, JSON, *_binary(endpoint)), body_type(request.headers, JSON, NPZ)
        wished = wishes(request.headers)
        raw = await receive(request, answering.bounds.body)
        asked = await Asked(endpoint.kind, sent, answered, raw, answering.salt).named()
        reply = None if wished.is_async and KEY_HEADER in request.headers else answering.recall(asked)
        if reply is None and wished.is_async:
            return await deferring.response(request, asked, wished)
        if reply is None:
            computing = unless_gone(request, answering.answer(asked, wished.seconds))
            reply = await charged(computing, partial(request.scope["state"].__setitem__, SPENT))
        stated = replace(wished, is_async=False).applied
        applied = {"Preference-Applied": stated} if stated else {}
        return Sent(reply.current(request.headers.get("if-none-match", "")).with_headers(applied))

    return route
