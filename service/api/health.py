"""Is the process alive, and can it serve?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import orjson
from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from service.api.answering import Answering
from service.api.asked import Asked
from service.api.declaring import Described, answers, problems
from service.api.media import JSON
from service.api.problems import NotServingError

PATHS = frozenset({"/healthz", "/readyz", "/metrics"})  # what an orchestrator asks, until the end


class Alive(BaseModel):
    """The process answers."""

    status: Literal["ok"]


class Readiness(BaseModel):
    """The service can serve."""

    status: Literal["ready"]
    degraded: list[str] = Field(description="Parts that do not work at present and that the service does without.")


@dataclass
class State:
    """Whether requests are taken, how many are under way, and which parts of the service work.

    It is `serving` from the end of the self-check to the end of the process, and `draining` once it was asked to stop.
    `parts` has a question for each part that the service can do without: does it work?
    """

    serving: bool = False
    draining: bool = False
    in_flight: int = 0
    parts: dict[str, Callable[[], bool]] = field(default_factory=dict)

    def degraded(self) -> list[str]:
        """The parts that do not work at present."""
        return [name for name, works in self.parts.items() if not works()]


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
        """Answers once a small gradient was computed, until the service is asked to stop."""
        if state.draining or not state.serving:
            detail = "The service is starting or shutting down."
            raise NotServingError(detail, headers={"Retry-After": "1"})
        body = orjson.dumps({"status": "ready", "degraded": state.degraded()})
        return Response(body, media_type="application/json")

    alive = answers(Alive, {"status": "ok"})
    ready = answers(Readiness, {"status": "ready", "degraded": []}) | problems(503)
    Described("GET", "/healthz", healthz, "Is it alive?", alive | problems()).add_to(router)
    Described("GET", "/readyz", readyz, "Can it serve?", ready).add_to(router)
    return router
