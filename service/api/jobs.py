"""The routes of jobs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event

from service.api.declaring import Described, NpzArchive, OnnxFile, answers, problems
from service.api.example_answers import ANSWERS
from service.api.health import State
from service.api.job_documents import (
    DEFERRED,
    EXAMPLE,
    FRESH,
    JobDocument,
    JobEvents,
    JobResult,
    document,
    job_response,
    result_response,
)
from service.api.media import NPZ, ONNX
from service.api.problems import NotFoundError
from service.api.stated import UNCHANGED, VALIDATORS
from service.errors import OverloadedError
from service.jobs.job import Job
from service.jobs.jobs import Jobs

EVENTS = "text/event-stream"
STREAM_SECONDS = 300.0
SILENCE_SECONDS = 15.0
_FAILED = (400, 404, 413, 422, 503)  # what a computation can end with, and what has no result
_ENDED = EXAMPLE | {"status": "cancelled"}
_ID = {
    "name": "job_id",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]{22}$"},
    "example": EXAMPLE["id"],
}


class JobRoutes:
    """What is answered at the addresses of jobs."""

    def __init__(self, jobs: Jobs, state: State) -> None:
        self._jobs = jobs
        self._state = state
        self._streams = 0

    async def get_job(self, request: Request) -> Response:
        """How far the job is; `Retry-After` says when to look again."""
        return job_response(await self._found(request), 200)

    async def get_job_result(self, request: Request) -> Response:
        """Exactly what a request that waited would have got: the answer with its `ETag`, or the problem.

        202 and the job while it has not ended; 404 if it was cancelled.
        """
        job = await self._found(request)
        return await result_response(self._jobs, job, request.headers.get("if-none-match", ""))

    async def stream_job(self, request: Request) -> Response:
        """Server-sent events: `progress` now and whenever the job is further, and `end`.

        The data of each is the job. A comment is sent every 15 seconds in which nothing happens. A stream ends with
        the job, after 5 minutes, or when the service stops; whoever connects again hears how the job stands.
        """
        job = await self._found(request)
        if self._streams >= self._jobs.bounds.job_streams:
            message = f"job_streams: there are {self._streams} streams, as many as there may be; try again in 5 s"
            raise OverloadedError(message, 5)
        return StreamingResponse(self._events(job), headers={**FRESH, "X-Accel-Buffering": "no"}, media_type=EVENTS)

    async def cancel_job(self, request: Request) -> Response:
        """Stops the work, and answers the job; of one that has ended, all is forgotten."""
        job = await self._found(request)
        if job.end:
            await self._jobs.forget(job)
            return job_response(job, 200)
        return job_response(await self._jobs.cancel(job), 200)

    async def _found(self, request: Request) -> Job:
        job = await self._jobs.find(request.path_params["job_id"])
        if job is None:
            detail = "There is no such job; it may have expired."
            raise NotFoundError(detail)
        return job

    async def _events(self, job: Job) -> AsyncIterator[bytes]:
        self._streams += 1
        try:
            number = 0
            watched = self._jobs.watch(job, STREAM_SECONDS, SILENCE_SECONDS, lambda: not self._state.draining)
            async for news in watched:
                number += 1
                yield KEEPALIVE_COMMENT if news is None else _event(news, number)
        finally:
            self._streams -= 1


def jobs_router(jobs: Jobs, state: State) -> APIRouter:
    """The routes of all jobs."""
    router, routes = APIRouter(prefix="/v1/jobs/{job_id}", tags=["jobs"]), JobRoutes(jobs, state)
    binary = {NPZ: NpzArchive, ONNX: OnnxFile}
    result = answers(JobResult, ANSWERS["gradient"], binary) | DEFERRED | UNCHANGED | problems(*_FAILED)
    gone = problems(404, 503)
    named, validated = {"parameters": [_ID]}, {"parameters": [_ID, VALIDATORS]}
    for one in (
        Described("GET", "", routes.get_job, "How far is it?", answers(JobDocument, EXAMPLE) | gone, named),
        Described("GET", "/result", routes.get_job_result, "Its answer", result, validated),
        Described("GET", "/events", routes.stream_job, "Its progress, as it happens", _streamed() | gone, named),
        Described("DELETE", "", routes.cancel_job, "Cancel it", answers(JobDocument, _ENDED) | gone, named),
    ):
        one.add_to(router)
    return router


def _streamed() -> dict[int | str, dict[str, Any]]:
    described = answers(JobEvents, {})[200]
    schema = described["content"]["application/json"]["schema"]
    example = _event_text("progress", EXAMPLE, 1).decode()
    return {200: {**described, "content": {EVENTS: {"schema": schema, "example": example}}}}


def _event(job: Job, number: int) -> bytes:
    return _event_text("end" if job.end else "progress", document(job), number)


def _event_text(name: str, data: dict[str, Any], number: int) -> bytes:
    return format_sse_event(event=name, data_str=orjson.dumps(data).decode(), id=str(number))
