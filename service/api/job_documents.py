"""How jobs and their results are answered, and how that is described."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson
from fastapi import Response
from pydantic import BaseModel, ConfigDict, Field, RootModel

from service.api.answers import Answer
from service.api.declaring import Problem, answers
from service.api.problems import NotFoundError, respond
from service.api.replies import Reply, Sent
from service.jobs.job import Job
from service.jobs.jobs import Jobs

RETRY = {"Retry-After": "1"}
FRESH = {"Cache-Control": "no-store"}
EXAMPLE: dict[str, Any] = {
    "id": "b2nVQdJ0k1uXyC4m9pRt7A",
    "status": "running",
    "progress": 0.25,
    "created_at": "2026-03-01T12:00:00.000Z",
    "expires_at": "2026-03-01T13:00:00.000Z",
    "error": None,
}


class JobDocument(BaseModel):
    """A computation that goes on without a connection."""

    id: str = Field(description="Whoever knows it may read and cancel the job.")
    status: str = Field(json_schema_extra={"enum": ["queued", "running", "succeeded", "failed", "cancelled"]})
    progress: float = Field(ge=0, le=1, description="How much of the work is done.")
    created_at: str = Field(json_schema_extra={"format": "date-time"})
    expires_at: str = Field(json_schema_extra={"format": "date-time"}, description="When the job is forgotten.")
    error: Problem | None = Field(description="Of a job that failed: what a request that waits would have got.")


class JobResult(RootModel[Answer]):
    """What the endpoint that was asked answers; `kind` tells which that was."""


class JobEvents(RootModel[str]):
    """Server-sent events `progress` and `end`, each with the job as its data."""

    model_config = ConfigDict(json_schema_extra={"format": "event-stream"})


_HEADERS = {
    "Location": {"description": "The job's address.", "schema": {"type": "string"}},
    "Retry-After": {"description": "When to look again, in seconds.", "schema": {"type": "integer"}},
}
_ACCEPTED = "It is not done yet, and goes on as a job."
DEFERRED: dict[int | str, dict[str, Any]] = {
    202: {**answers(JobDocument, EXAMPLE)[200], "description": _ACCEPTED, "headers": _HEADERS}
}


def document(job: Job) -> dict[str, Any]:
    """The members of a job's document."""
    return {
        "id": job.id,
        "status": job.status,
        "progress": round(job.progress, 6),
        "created_at": stamp(job.ticket.created_at),
        "expires_at": stamp(job.until),
        "error": job.end.error if job.end else None,
    }


def job_response(job: Job, status: int, headers: Mapping[str, str] | None = None) -> Response:
    """A job's document, its address, and for an unfinished one when to look again."""
    again = {} if job.end else RETRY
    where = {"Location": f"/v1/jobs/{job.id}"}
    return Response(
        orjson.dumps(document(job)), status, {**FRESH, **where, **again, **(headers or {})}, "application/json"
    )


async def result_response(jobs: Jobs, job: Job, validators: str, headers: Mapping[str, str] | None = None) -> Response:
    """What a request that waited would have got: the answer, or the problem; 202 while the job has not ended.

    Raises:
        NotFoundError: the job was cancelled.
    """
    if job.end is None:
        return job_response(job, 202, headers)
    if job.end.error is not None:
        return respond(dict(job.end.error), headers)
    packed = await jobs.result(job) if job.status == "succeeded" else None
    if packed is None:
        detail = "The job was cancelled; it has no result." if job.status == "cancelled" else "The result was lost."
        raise NotFoundError(detail)
    return Sent(Reply.unpacked(packed).with_headers({**job.end.about, **(headers or {})}).current(validators))


def stamp(seconds: float) -> str:
    """A time of the day, in seconds since 1970, as RFC 3339 writes it."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
