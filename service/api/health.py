"""Is the process alive, and can it serve?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from service.api.compute import Compute
from service.api.declaring import answers, problems
from service.api.problems import NotServingError
from service.tasks.messages import Limits, Task


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


def self_check(compute: Compute, limits: Limits) -> None:
    """Computes one small gradient.

    Raises:
        RuntimeError: it is wrong; the service must not start.
    """
    task = Task("gradient", "x.T @ x", wrt=("x",), at={"x": np.array([1.0, 2.0])}, forms=(), limits=limits)
    answer = compute(task)
    found = answer.blocks[0].value if answer.blocks else None
    if found is None or not np.allclose(found, [2.0, 4.0], rtol=1e-12):
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
