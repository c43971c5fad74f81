"""What may be computed, and by how many processes."""

from __future__ import annotations

import os

from pydantic import Field
from pydantic_settings import BaseSettings

from service.api.sharded import ShardBounds
from service.pool.bounds import PoolBounds
from service.tasks.messages import Limits


class Computing(BaseSettings):
    """The bounds on functions, on their computation and on the processes that do it."""

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

    def limits(self) -> Limits:
        """The bounds on what is computed."""
        bounds = {name: getattr(self, name) for name in Limits.__dataclass_fields__}
        return Limits(**{**bounds, "threads": self.threads or os.cpu_count() or 1})

    def pool_bounds(self) -> PoolBounds:
        """The bounds on workers and on what waits for them."""
        return PoolBounds(**{name: getattr(self, name) for name in PoolBounds.__dataclass_fields__})

    def shard_bounds(self) -> ShardBounds:
        """Into what long batches are parted."""
        return ShardBounds(self.shard_points, self.shard_operations, self.shards)
