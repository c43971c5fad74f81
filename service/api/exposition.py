"""Numbers in Prometheus' text format, by its own library."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

if TYPE_CHECKING:  # which imports this when it is asked for its numbers
    from service.api.metrics import Metrics

PREFIX = "fluxion"


def text(metrics: Metrics) -> bytes:
    """All numbers."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Families(metrics))
    return generate_latest(registry)


@dataclass(frozen=True)
class _Families(Collector):
    metrics: Metrics

    def collect(self) -> Iterator[Metric]:
        """The families, as prometheus-client wants them."""
        requests = CounterMetricFamily(f"{PREFIX}_requests", "Requests answered.", labels=("route", "status"))
        for labels, number in self.metrics.requests.items():
            requests.add_metric(labels, number)
        bounds = [*map(floatToGoString, self.metrics.bounds), "+Inf"]
        times = HistogramMetricFamily(f"{PREFIX}_request_seconds", "Seconds from request to answer.", labels=("route",))
        for route, found in self.metrics.times.items():
            times.add_metric((route,), list(zip(bounds, accumulate(found.counts), strict=True)), found.seconds)
        yield requests
        yield times
        yield GaugeMetricFamily(f"{PREFIX}_in_flight", "Requests under way.", self.metrics.state.in_flight)
        for name, source in self.metrics.sources.items():
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
