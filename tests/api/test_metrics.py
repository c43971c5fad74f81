"""What Prometheus is told."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from service.api.health import State
from service.api.metrics import Metrics


def samples(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every sample by its name and its labels, read by prometheus-client."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_requests_are_counted(client: TestClient) -> None:
    """By route and status; an address that does not exist is no label of its own."""
    for path in ("/healthz", "/healthz", "/nowhere", "/elsewhere"):
        client.get(path)
    client.post("/v1/gradient", json={"expression": "x.T @ x", "at": {"x": [1, 2]}})
    client.post("/v1/gradient", content=b"{", headers={"Content-Type": "application/json"})
    response = client.get("/metrics")
    assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    found = samples(response.text)
    assert found["fluxion_requests_total", (("route", "/healthz"), ("status", "200"))] == 2
    assert found["fluxion_requests_total", (("route", "unknown"), ("status", "404"))] == 2
    assert found["fluxion_requests_total", (("route", "/v1/gradient"), ("status", "200"))] == 1
    assert found["fluxion_requests_total", (("route", "/v1/gradient"), ("status", "400"))] == 1
    assert found["fluxion_request_seconds_bucket", (("le", "+Inf"), ("route", "/healthz"))] == 2
    assert found["fluxion_request_seconds_count", (("route", "/healthz"),)] == 2
    assert found["fluxion_request_seconds_sum", (("route", "/healthz"),)] > 0
    assert found["fluxion_in_flight", ()] == 1


def test_head_is_counted_with_its_route(client: TestClient) -> None:
    """It is the same route."""
    client.head("/healthz")
    found = samples(client.get("/metrics").text)
    assert found["fluxion_requests_total", (("route", "/healthz"), ("status", "200"))] == 1


@dataclass
class Inner:
    """Numbers within numbers."""

    deep: int = 7


@dataclass
class Counts:
    """One of each kind."""

    plain: int = 1
    level: int = field(default=2, metadata={"gauge": True})
    seconds: float = 0.5
    kinds: Counter[str] = field(default_factory=lambda: Counter({"a": 3}))
    pairs: dict[tuple[str, str], int] = field(
        default_factory=lambda: {("a", 'b"\n'): 4}, metadata={"labels": ("one", "two")}
    )
    inner: Inner = field(default_factory=Inner)
    _hidden: int = 9


def test_plain_counters_become_families() -> None:
    """What counts something needs no second place that knows of it; what it counts later is seen."""
    counts, metrics = Counts(), Metrics(State())
    metrics.watch("thing", lambda: counts)
    expected = {
        ("fluxion_thing_plain_total", ()): 1.0,
        ("fluxion_thing_level", ()): 2.0,
        ("fluxion_thing_seconds_total", ()): 0.5,
        ("fluxion_thing_kinds_total", (("kind", "a"),)): 3.0,
        ("fluxion_thing_pairs_total", (("one", "a"), ("two", 'b"\n'))): 4.0,
        ("fluxion_thing_inner_deep_total", ()): 7.0,
    }
    found = samples(metrics.text().decode())
    assert {name: value for name, value in found.items() if "thing" in name[0]} == expected
    counts.plain += 1
    counts.kinds["b"] += 1
    found = samples(metrics.text().decode())
    assert found["fluxion_thing_plain_total", ()] == 2
    assert found["fluxion_thing_kinds_total", (("kind", "b"),)] == 1


def test_times_fall_into_their_bounds() -> None:
    """Buckets are cumulative, and a time on a bound is within it."""
    metrics = Metrics(State())
    for seconds in (0.0001, 0.001, 0.002, 100.0):
        metrics.count("/a", 200, seconds)
    found = samples(metrics.text().decode())
    counts = [found["fluxion_request_seconds_bucket", (("le", le), ("route", "/a"))] for le in ("0.0005", "0.001")]
    assert counts == [1, 2]
    assert found["fluxion_request_seconds_bucket", (("le", "30.0"), ("route", "/a"))] == 3
    assert found["fluxion_request_seconds_bucket", (("le", "+Inf"), ("route", "/a"))] == 4
