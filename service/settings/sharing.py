"""What processes keep, and share with others: answers, jobs and work."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings

from service.functions.bounds import FunctionBounds
from service.jobs.bounds import JobBounds


class Sharing(BaseSettings):
    """The cache, jobs, and the machines that share them."""

    job_seconds: float = Field(
        default=JobBounds.job_seconds, gt=0, description="How long the computation of a job may take, in seconds."
    )
    job_keep_seconds: float = Field(
        default=JobBounds.job_keep_seconds,
        gt=0,
        description="How long a job is kept, from its begin and again from its end, in seconds.",
    )
    jobs: int = Field(
        default=JobBounds.jobs, ge=1, description="The number of jobs that are kept; shared by all that share Redis."
    )
    job_queue: int = Field(default=JobBounds.job_queue, ge=1, description="The number of jobs that have not ended.")
    jobs_per_client: int = Field(
        default=JobBounds.jobs_per_client, ge=1, description="The number of jobs of one client that have not ended."
    )
    job_bytes: int = Field(
        default=JobBounds.job_bytes,
        ge=1,
        description="The memory for the requests and results of jobs, in bytes, without Redis.",
    )
    job_streams: int = Field(
        default=JobBounds.job_streams, ge=0, description="The number of streams of events of one process."
    )
    running_jobs: int = Field(
        default=JobBounds.running_jobs,
        ge=0,
        description="The jobs that one process runs at a time; 0 for as many as it has processes for long work.",
    )
    functions: int = Field(
        default=FunctionBounds.functions, ge=1, description="The functions that are registered; shared as jobs are."
    )
    function_seconds: float = Field(
        default=FunctionBounds.function_seconds,
        ge=1,
        description="How long a registered function is kept after its last use, in seconds.",
    )
    function_bytes: int = Field(
        default=FunctionBounds.function_bytes,
        ge=1,
        description="The memory for registered functions, in bytes, without Redis.",
    )
    redis_url: SecretStr = Field(
        default=SecretStr(""),
        description="What processes share is kept there, `redis://`, `rediss://` or `unix://`; empty for memory.",
    )
    executor: Literal["local", "celery"] = Field(
        default="local",
        description="Who computes: processes of this machine, or Celery workers, `python -m service.worker`.",
    )
    broker_url: SecretStr = Field(
        default=SecretStr(""),
        description="The Redis by which work reaches Celery workers; empty for that of `FLUXION_REDIS_URL`.",
    )
    visibility_seconds: float = Field(
        default=3600, ge=120, description="When Celery hands work out again, in seconds; at least twice its longest."
    )
    cache_bytes: int = Field(default=64 * 2**20, ge=0, description="The memory of one process' cache, in bytes.")
    cache_seconds: float = Field(default=86_400, gt=0, description="How long the cache keeps an answer, in seconds.")
    cache_secret: SecretStr = Field(
        default=SecretStr(""),
        description="A secret shared by all processes; what is in Redis but was not written with it counts as absent.",
    )

    @field_validator("redis_url", "broker_url")
    @classmethod
    def _known_scheme(cls, url: SecretStr) -> SecretStr:
        if url.get_secret_value() and not url.get_secret_value().startswith(("redis://", "rediss://", "unix://")):
            message = "must start with redis://, rediss:// or unix://"
            raise ValueError(message)
        return url

    def function_bounds(self) -> FunctionBounds:
        """The bounds on registered functions."""
        return FunctionBounds(**{name: getattr(self, name) for name in FunctionBounds.__dataclass_fields__})

    def job_bounds(self) -> JobBounds:
        """The bounds on jobs."""
        return JobBounds(**{name: getattr(self, name) for name in JobBounds.__dataclass_fields__})
