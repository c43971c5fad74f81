"""Numbers for Prometheus: of requests, and of whatever else counts something."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter, Response

from service.api.declaring import problems
from service.api.health import State

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)  # seconds

Source = Callable[[], Any]


@dataclass
class Times:
    """How many requests ended within each bound, and their seconds in all."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    seconds: float = 0.0


class Metrics:
    """The numbers of one application. They are turned into families only when somebody asks."""

    bounds = BOUNDS

    def __init__(self, state: State) -> None:
        self.state = state
        self.requests: Counter[tuple[str, str]] = Counter()
        self.times: defaultdict[str, Times] = defaultdict(Times)
        self.sources: dict[str, Source] = {}

    def watch(self, name: str, source: Source) -> None:
        """Shows what a source answers when it is asked: a dataclass or a mapping of numbers, nested at will.

        Of a dataclass, a field is a counter unless its metadata has `gauge`; the keys of a mapping are values of the
        label `kind`, or of those that the metadata of its field has as `labels`.
        """
        self.sources[name] = source

    def count(self, route: str, status: int, seconds: float) -> None:
        """A request was answered."""
        self.requests[route, str(status)] += 1
        times = self.times[route]
        times.counts[bisect_left(BOUNDS, seconds)] += 1
        times.seconds += seconds

    def text(self) -> bytes:
        """All numbers, in Prometheus' text format."""
        from service.api.exposition import text  # nobody asks for it before the process has started

        return text(self)


def metrics_router(metrics: Metrics) -> APIRouter:
    """The route that Prometheus asks."""
    router = APIRouter(tags=["health"])

    async def show() -> Response:
        """Counts requests, and what the cache, the workers and the connections do."""
        return Response(metrics.text(), media_type=CONTENT_TYPE)

    content = {"text/plain": {"schema": {"type": "string"}}}
    described: dict[int | str, dict[str, Any]] = {200: {"description": "Prometheus' text format.", "content": content}}
    router.add_api_route(
        "/metrics",
        show,
        operation_id="metrics",
        summary="What does it do?",
        response_class=Response,
        responses=described | problems(),
    )
    return router
