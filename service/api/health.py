"""Is the process alive, and can it serve?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import orjson
from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from service.api.answering import Answering
from service.api.asked import Asked
from service.api.declaring import answers, problems
from service.api.media import JSON
from service.api.problems import NotServingError


class Alive(BaseModel):
    """The process answers."""

    status: Literal["ok"]


class Readiness(BaseModel):
    """The service can serve."""

    status: Literal["ready"]
    degraded: list[str] = Field(description="Parts that do not work at present and that the service does without.")


@dataclass
class State:
    """Whether requests are taken: from the end of the self-check to the beginning of the shutdown."""

    serving: bool = False


async def self_check(answering: Answering) -> None:
    """Has a worker compute one small gradient.

    Raises:
        RuntimeError: it is wrong; the service must not start.
    """
    raw = b'{"expression": "x.T @ x", "at": {"x": [1.0, 2.0]}, "forms": []}'
    reply = await answering.answer(Asked("gradient", JSON, JSON, raw, answering.salt))
    found = orjson.loads(reply.body)
    blocks = found.get("derivatives")
    if not blocks or blocks[0]["value"]["data"] != [2.0, 4.0]:
        message = f"the self-check found {found} for the gradient of x'x at (1, 2)"
        raise RuntimeError(message)


def health_router(state: State) -> APIRouter:
    """The routes that an orchestrator asks."""
    router = APIRouter(tags=["health"])

    async def healthz() -> Response:
        """Answers as long as the process does."""
        return Response(b'{"status":"ok"}', media_type="application/json")

    async def readyz() -> Response:
        """Answers once a small gradient was computed, until the service shuts down."""
        if not state.serving:
            detail = "The service is starting or shutting down."
            raise NotServingError(detail, headers={"Retry-After": "1"})
        return Response(b'{"status":"ready","degraded":[]}', media_type="application/json")

    alive = answers(Alive, {"status": "ok"})
    ready = answers(Readiness, {"status": "ready", "degraded": []}) | problems(503)
    for path, route, summary, responses in (
        ("/healthz", healthz, "Is it alive?", alive | problems()),
        ("/readyz", readyz, "Can it serve?", ready),
    ):
        router.add_api_route(
            path, route, operation_id=path[1:], summary=summary, response_class=Response, responses=responses
        )
    return router
