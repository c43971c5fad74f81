"""Everything that can be configured: environment variables with the prefix `FLUXION_`.

`python -m service.settings` prints docs/settings.md.
"""

from __future__ import annotations

import os
from typing import Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from service.api.access import digests
from service.api.bodies import BodyBounds
from service.api.logs import Format, Level
from service.api.rates import Rates
from service.api.sharded import ShardBounds
from service.jobs.bounds import JobBounds
from service.pool.bounds import PoolBounds
from service.server.bounds import EdgeBounds
from service.tasks.messages import Limits

HEADER = """# Settings

Environment variables, read once when the service starts. Each has a default; nothing needs to be set.
This page is printed by `python -m service.settings`.

| variable | default | meaning |
| --- | --- | --- |
"""


class Settings(BaseSettings):
    """The configuration of one process; immutable, with a default for everything."""

    model_config = SettingsConfigDict(env_prefix="FLUXION_", frozen=True, extra="ignore", hide_input_in_errors=True)

    log_format: Format = Field(default="json", description="How log lines look: `json` or `console`.")
    log_level: Level = Field(
        default="info", description="The least that is logged: `debug`, `info`, `warning`, `error` or `critical`."
    )
    api_keys: SecretStr = Field(
        default=SecretStr(""),
        description="Who may ask: `name:sha256` of each key with commas between them; empty for anybody. "
        "`python -m service.api.access NAME` makes a key.",
    )
    rate_limit: str = Field(
        default="",
        description="What one key or address may ask for, such as `1000/minute`; a request is 1, a second of computing "
        "100; empty for anything.",
    )
    telemetry: bool = Field(
        default=False,
        description="Whether requests are spans and metrics of OpenTelemetry; its own variables say where these go.",
    )
    host: str = Field(default="127.0.0.1", description="The address to listen on; `0.0.0.0` for every interface.")
    port: int = Field(default=8000, ge=0, le=65_535, description="The TCP port to listen on; 0 takes a free one.")
    body_bytes: int = Field(
        default=BodyBounds.body_bytes, ge=1, description="The longest request body, in bytes, packed and unpacked."
    )
    body_seconds: float = Field(
        default=EdgeBounds.body_seconds, gt=0, description="How long a request body may take to arrive, in seconds."
    )
    header_bytes: int = Field(
        default=EdgeBounds.header_bytes,
        ge=1024,
        description="The address and all header names and values of a request, in bytes.",
    )
    header_fields: int = Field(
        default=EdgeBounds.header_fields, ge=10, description="The number of header fields of a request."
    )
    header_seconds: float = Field(
        default=EdgeBounds.header_seconds, gt=0, description="How long the headers may take to arrive, in seconds."
    )
    idle_seconds: float = Field(
        default=EdgeBounds.idle_seconds,
        gt=0,
        description="How long a connection is kept open between two requests, in seconds.",
    )
    send_seconds: float = Field(
        default=EdgeBounds.send_seconds,
        gt=0,
        description="How long a client may take nothing of its answer before its connection is closed, in seconds.",
    )
    connections: int = Field(
        default=EdgeBounds.connections,
        ge=1,
        description="The number of connections; for one more, that which has owed a request for longest is closed.",
    )
    connections_per_peer: int = Field(
        default=EdgeBounds.connections_per_peer,
        ge=0,
        description="The number of connections from one address, 0 for any; behind a proxy, all are the proxy's.",
    )
    linger_seconds: float = Field(
        default=EdgeBounds.linger_seconds,
        ge=0,
        description="How long the process still listens, and says that it is not ready, after SIGTERM, in seconds.",
    )
    drain_seconds: float = Field(
        default=EdgeBounds.drain_seconds,
        gt=0,
        description="How long after SIGTERM the process ends at the latest, in seconds.",
    )
    json_depth: int = Field(
        default=BodyBounds.json_depth, ge=4, le=512, description="How deep arrays and objects may nest in a JSON body."
    )
    json_containers: int = Field(
        default=BodyBounds.json_containers,
        ge=100,
        description="The number of arrays and objects of a JSON body; flat `data` is one array however long it is.",
    )
    expression_bytes: int = Field(
        default=Limits.expression_bytes, ge=1, description="The longest expression, in bytes."
    )
    tokens: int = Field(default=Limits.tokens, ge=1, description="The number of tokens of an expression.")
    depth: int = Field(default=Limits.depth, ge=1, description="How deep an expression may nest.")
    nodes: int = Field(
        default=Limits.nodes,
        ge=1,
        description="The number of nodes of a graph, and of entries of every list or object of names in a request.",
    )
    axes: int = Field(
        default=Limits.axes, ge=1, le=32, description="The number of axes of a tensor, without a batch axis."
    )
    order: int = Field(default=Limits.order, ge=1, description="The highest order of a derivative.")
    taylor_order: int = Field(
        default=Limits.taylor_order, ge=1, le=100, description="The highest order of a Taylor polynomial."
    )
    elements: int = Field(default=Limits.elements, ge=1, description="The number of entries of one tensor.")
    operations: int = Field(default=Limits.operations, ge=1, description="The estimated operations of one computation.")
    threads: int = Field(
        default=0,
        ge=0,
        le=256,
        description="The threads that share a long batch; 0 for as many as there are processors.",
    )
    workers: int = Field(
        default=PoolBounds.workers,
        ge=0,
        le=1024,
        description="The processes for short work; 0 for as many as there are processors, but two at least.",
    )
    large_workers: int = Field(
        default=PoolBounds.large_workers,
        ge=0,
        le=1024,
        description="The processes for long work, at a lower priority; 0 for half as many as there are processors.",
    )
    small_seconds: float = Field(
        default=PoolBounds.small_seconds, gt=0, description="What takes more seconds is long work."
    )
    worker_bytes: int = Field(
        default=PoolBounds.worker_bytes, ge=64 << 20, description="The memory of one process for work, in bytes."
    )
    worker_orders: int = Field(
        default=PoolBounds.worker_orders, ge=1, description="How many computations a process does until it is replaced."
    )
    queue: int = Field(default=PoolBounds.queue, ge=1, description="How many computations may wait for a process.")
    queue_bytes: int = Field(
        default=PoolBounds.queue_bytes, ge=1, description="How long the data of those that wait may be, in bytes."
    )
    quarantine_seconds: float = Field(
        default=PoolBounds.quarantine_seconds,
        ge=0,
        description="For how many seconds a computation is refused that ended its process twice.",
    )

    deadline_seconds: float = Field(
        default=30, gt=0, description="How long a computation may take, in seconds; a request may ask for less."
    )

    shard_points: int = Field(
        default=ShardBounds.points, ge=1000, description="The points of a part of a long batch, at least."
    )
    shard_operations: int = Field(
        default=ShardBounds.operations, ge=0, description="The estimated operations from which on a batch is parted."
    )
    shards: int = Field(
        default=ShardBounds.at_once, ge=1, description="How many parts of one batch are computed at a time."
    )
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

    redis_url: SecretStr = Field(
        default=SecretStr(""),
        description="Where processes share cache and jobs, `redis://`, `rediss://` or `unix://`; empty for memory.",
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

    def limits(self) -> Limits:
        """The bounds on what is computed."""
        bounds = {name: getattr(self, name) for name in Limits.__dataclass_fields__}
        return Limits(**{**bounds, "threads": self.threads or os.cpu_count() or 1})

    @field_validator("api_keys")
    @classmethod
    def _has_keys(cls, value: SecretStr) -> SecretStr:
        digests(value.get_secret_value())
        return value

    @field_validator("rate_limit")
    @classmethod
    def _is_rate(cls, value: str) -> str:
        Rates(value)
        return value

    def key_digests(self) -> dict[str, bytes]:
        """The digests of the keys, by the name of their owner."""
        return digests(self.api_keys.get_secret_value())

    def edge_bounds(self) -> EdgeBounds:
        """The bounds on connections."""
        return EdgeBounds(**{name: getattr(self, name) for name in EdgeBounds.__dataclass_fields__})

    def pool_bounds(self) -> PoolBounds:
        """The bounds on workers and on what waits for them."""
        return PoolBounds(**{name: getattr(self, name) for name in PoolBounds.__dataclass_fields__})

    def shard_bounds(self) -> ShardBounds:
        """Into what long batches are parted."""
        return ShardBounds(self.shard_points, self.shard_operations, self.shards)

    def job_bounds(self) -> JobBounds:
        """The bounds on jobs."""
        return JobBounds(**{name: getattr(self, name) for name in JobBounds.__dataclass_fields__})

    def body_bounds(self) -> BodyBounds:
        """The bounds on what is received."""
        return BodyBounds(self.body_bytes, self.json_depth, self.json_containers)


def document() -> str:
    """The Markdown page that lists every setting with its default and meaning."""
    rows = [
        f"| `FLUXION_{name.upper()}` | {_shown(field.default)} | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    return HEADER + "\n".join(rows) + "\n"


def _shown(default: object) -> str:
    return f"`{default}`" if str(default) else "empty"


if __name__ == "__main__":
    print(document(), end="")  # noqa: T201 - printing is what it is started for
