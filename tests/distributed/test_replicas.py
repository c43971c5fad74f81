"""Two replicas and a Celery worker with one Redis: what one has made the others have."""

from __future__ import annotations

import http.client
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

import orjson
import pytest

from tests.redis_server import RedisServer
from tests.service_process import HOST, running_service, running_worker

AT_ONCE = 64
COSTLY = "det(A @ A.T + sum(exp(x)) * eye(6)) * sum(log(1 + exp(B @ x))) / (1 + x.T @ A @ x) + norm(A @ x)"


@contextmanager
def replicas(executor: str, **further: object) -> Iterator[list[int]]:
    """The ports of two replicas, with a Celery worker if they are to have one."""
    with ExitStack() as stack:
        settings: dict[str, Any] = {"executor": executor, "redis_url": stack.enter_context(RedisServer()).url} | further
        if executor == "celery":
            stack.enter_context(running_worker(**settings))
        yield [stack.enter_context(running_service(**settings)) for _ in range(2)]


def asked(port: int, body: dict[str, Any], kind: str = "gradient") -> tuple[int, str, bytes]:
    """Status, Cache-Status and body of an answer."""
    connection = http.client.HTTPConnection(HOST, port, timeout=60)
    try:
        connection.request("POST", f"/v1/{kind}", orjson.dumps(body), {"Content-Type": "application/json"})
        response = connection.getresponse()
        return response.status, response.getheader("Cache-Status", ""), response.read()
    finally:
        connection.close()


def number(port: int, name: str) -> float:
    """A number of the metrics, summed over its labels."""
    connection = http.client.HTTPConnection(HOST, port, timeout=60)
    try:
        connection.request("GET", "/metrics")
        lines = connection.getresponse().read().decode().splitlines()
    finally:
        connection.close()
    found = [float(line.rsplit(" ", 1)[1]) for line in lines if line.partition("{")[0].partition(" ")[0] == name]
    assert any(line.startswith(f"# TYPE {name}") for line in lines), name
    return sum(found)


def body(seed: int) -> dict[str, Any]:
    """A request about a function that takes a while to derive."""
    vector = [0.1 * (k + seed) for k in range(6)]
    matrix = [[0.01 * (i * j + seed) for j in range(6)] for i in range(6)]
    return {"expression": COSTLY, "at": {"x": vector, "A": matrix, "B": matrix}}


@pytest.mark.parametrize("executor", ["local", "celery"])
def test_what_one_replica_derives_the_other_finds(executor: str) -> None:
    """The same request is a hit; the same function at another point is not derived again."""
    with replicas(executor) as (first, second):
        status, how, answer = asked(first, body(0))
        assert (status, how) == (200, "derivatives; fwd=miss; stored")
        made = number(first, "fluxion_answering_derived_total")
        status, how, again = asked(second, body(0))
        assert (status, how) == (200, "derivatives; hit; detail=redis")
        assert again == answer
        before = [number(second, f"fluxion_answering_{what}_total") for what in ("derived", "found")]
        assert asked(second, body(1))[0] == 200
        derived, found = (
            number(second, f"fluxion_answering_{what}_total") - was
            for what, was in zip(("derived", "found"), before, strict=True)
        )
        sys.stdout.write(f"{executor}: {made:.0f} derivations by one, {derived:.0f} by the other, {found:.0f} found\n")
        assert made > 0
        assert derived == 0


@pytest.mark.parametrize("executor", ["local", "celery"])
def test_equal_requests_at_once_are_worked_on_once(executor: str) -> None:
    """Half of them to each replica: one order is given, or one by each where Redis was too busy to say."""
    with replicas(executor) as ports, ThreadPoolExecutor(AT_ONCE) as threads:
        before = [number(port, "fluxion_pool_orders_total") for port in ports]
        answers = list(threads.map(lambda k: asked(ports[k % 2], body(0)), range(AT_ONCE)))
        orders = sum(number(port, "fluxion_pool_orders_total") for port in ports) - sum(before)
        derived = sum(number(port, "fluxion_answering_derived_total") for port in ports)
        sys.stdout.write(f"{executor}: {AT_ONCE} equal requests, {orders:.0f} orders, {derived:.0f} derivations\n")
        assert {status for status, _, _ in answers} == {200}
        assert len({answer for _, _, answer in answers}) == 1
        unsaid = sum(number(port, "fluxion_cache_errors_total") for port in ports)
        assert orders == 1 or (orders == 2 and unsaid)


@pytest.mark.parametrize("executor", ["local", "celery"])
def test_functions_reach_every_worker(executor: str) -> None:
    """What one replica has registered, the workers of the other compute, at a point and in parts of a batch."""
    function = {"expression": "exp(x) * sin(x)", "variables": {"x": {"shape": []}}}
    with replicas(executor, shard_operations=0, shard_points=1000) as (first, second):
        status, _, document = asked(first, function, "functions")
        assert status == 201
        named = {"function_id": orjson.loads(document)["function_id"]}
        for x in (0.0, [k / 4000 for k in range(4000)]):
            at = {"at": {"x": x}, "forms": []}
            found, expected = (asked(second, which | at) for which in (named, function))
            assert found[0] == 200, found
            assert found[2] == expected[2]
