"""Numbers for Prometheus: of requests, and of whatever else counts something."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from itertools import accumulate
from typing import Any

from fastapi import APIRouter, Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from service.api.declaring import problems
from service.api.health import State

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)  # seconds
PREFIX = "fluxion"
_BOUNDS = [*map(floatToGoString, BOUNDS), "+Inf"]

Source = Callable[[], Any]


@dataclass
class _Times:
    """How many requests ended within each bound, and their seconds in all."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    seconds: float = 0.0


class Metrics(Collector):
    """The numbers of one application. Plain counters are turned into families only when somebody asks."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._requests: Counter[tuple[str, str]] = Counter()
        self._times: defaultdict[str, _Times] = defaultdict(_Times)
        self._sources: dict[str, Source] = {}
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def watch(self, name: str, source: Source) -> None:
        """Shows what a source answers when it is asked: a dataclass or a mapping of numbers, nested at will.

        Of a dataclass, a field is a counter unless its metadata has `gauge`; the keys of a mapping are values of the
        label `kind`, or of those that the metadata of its field has as `labels`.
        """
        self._sources[name] = source

    def count(self, route: str, status: int, seconds: float) -> None:
        """A request was answered."""
        self._requests[route, str(status)] += 1
        times = self._times[route]
        times.counts[bisect_left(BOUNDS, seconds)] += 1
        times.seconds += seconds

    def text(self) -> bytes:
        """All numbers, in Prometheus' text format."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """The families, as prometheus-client wants them."""
        requests = CounterMetricFamily(f"{PREFIX}_requests", "Requests answered.", labels=("route", "status"))
        for labels, number in self._requests.items():
            requests.add_metric(labels, number)
        times = HistogramMetricFamily(f"{PREFIX}_request_seconds", "Seconds from request to answer.", labels=("route",))
        for route, found in self._times.items():
            times.add_metric((route,), list(zip(_BOUNDS, accumulate(found.counts), strict=True)), found.seconds)
        yield requests
        yield times
        yield GaugeMetricFamily(f"{PREFIX}_in_flight", "Requests under way.", self._state.in_flight)
        for name, source in self._sources.items():
            yield from families(f"{PREFIX}_{name}", source())


def families(name: str, value: Any, metadata: Mapping[str, Any] | None = None) -> Iterator[Metric]:
    """The metric families of a number, a mapping of numbers, or a dataclass of these."""
    if is_dataclass(value):
        for part in fields(value):
            if not part.name.startswith("_"):
                yield from families(f"{name}_{part.name}", getattr(value, part.name), part.metadata)
        return
    known = metadata or {}
    kind = GaugeMetricFamily if known.get("gauge") else CounterMetricFamily
    text = name.removeprefix(f"{PREFIX}_").replace("_", " ").capitalize() + "."
    if isinstance(value, Mapping):
        family = kind(name, text, labels=known.get("labels", ("kind",)))
        for key, number in tuple(value.items()):
            family.add_metric([str(part) for part in (key if isinstance(key, tuple) else (key,))], number)
        yield family
    else:
        yield kind(name, text, value)


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
