"""Long batches through workers of both kinds, in processes as they run."""

from __future__ import annotations

import asyncio
import io
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from urllib.request import Request, urlopen

import numpy as np
import orjson
import pytest

from service.api.answering import Answering
from service.api.asked import Asked
from service.api.media import NPZ
from service.api.npz import archived
from service.main import _answering, _functions
from service.settings import Settings
from tests.redis_server import RedisServer
from tests.service_process import running_service, running_worker

POINTS = 10**7
WIDE: dict[str, Any] = {
    "elements": 10**8,
    "body_bytes": 10**9,
    "operations": 10**12,
    "deadline_seconds": 100,
    "shard_operations": 0,
}
BODY = {"expression": "exp(x) * sin(x) + x**3", "variables": {"x": {"shape": []}}, "forms": ["text"]}


@contextmanager
def settings_of(executor: str) -> Iterator[dict[str, Any]]:
    """Settings with which orders go to workers of one kind, which are there."""
    with ExitStack() as stack:
        found = {**WIDE, "executor": executor}
        if executor == "celery":
            found["redis_url"] = stack.enter_context(RedisServer()).url
            stack.enter_context(running_worker(**found))
        yield found


def request_of(x: np.ndarray[Any, Any]) -> bytes:
    """The npz of a request."""
    return archived({"request": np.frombuffer(orjson.dumps(BODY), np.uint8), "at/x": x})


def check(reply: bytes | memoryview, x: np.ndarray[Any, Any]) -> None:
    """Asserts that an answer is right at every point."""
    with np.load(io.BytesIO(reply)) as found:
        head = orjson.loads(bytes(found["answer"]))
        assert head["batch_size"] == len(x)
        assert head["warnings"] == []
        assert head["derivatives"][0]["forms"]["text"]
        np.testing.assert_allclose(found["value"], np.exp(x) * np.sin(x) + x**3, rtol=1e-12, atol=1e-12)
        slope = np.exp(x) * (np.sin(x) + np.cos(x)) + 3 * x**2
        np.testing.assert_allclose(found["derivatives/0/value"], slope, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("executor", ["local", "celery"])
def test_ten_million_points_over_http(executor: str) -> None:
    """Sent and answered as npz, computed in parts."""
    x = np.random.default_rng(0).standard_normal(POINTS)
    with settings_of(executor) as settings, running_service(**settings) as port:
        since = time.monotonic()
        headers = {"Content-Type": NPZ, "Accept": NPZ}
        with urlopen(Request(f"http://127.0.0.1:{port}/v1/gradient", request_of(x), headers)) as response:
            reply = response.read()
        sys.stdout.write(f"{executor}: {POINTS} points over HTTP in {time.monotonic() - since:.1f} s\n")
    check(reply, x)


async def leaves(answering: Answering, asked: Asked) -> None:
    """Asks for an answer in parts, and goes."""
    object.__setattr__(answering.shards, "operations", 0)
    leaving = asyncio.ensure_future(answering.answer(Asked("gradient", NPZ, NPZ, asked.raw, b"leaving")))
    await asyncio.sleep(0.3)
    leaving.cancel()
    await asyncio.wait({leaving})
    assert leaving.cancelled()


@pytest.mark.parametrize("executor", ["local", "celery"])
def test_progress_and_bits(executor: str) -> None:
    """Parts tell how many points are done; the answer is that of one order, byte by byte; whoever goes ends all."""
    x = np.random.default_rng(1).standard_normal(POINTS // 5)

    async def scenario(settings: Settings) -> None:
        answering = _answering(settings, _functions(settings)[0], None, None)
        await answering.start()
        try:
            asked = Asked("gradient", NPZ, NPZ, request_of(x), answering.salt)
            told = list[tuple[int, int]]()
            since = time.monotonic()
            reply = await answering.answer(asked, report=lambda done, whole: told.append((done, whole)))
            seconds, parts = time.monotonic() - since, answering.counts.shards
            sys.stdout.write(f"{executor}: {len(x)} points in {parts} parts, {seconds:.1f} s\n")
            assert parts == len(told) > 4
            assert told == sorted(told)
            assert told[-1] == (len(x), len(x))
            check(bytes(reply.body), x)
            object.__setattr__(answering.shards, "operations", 10**15)
            again = await answering.answer(Asked("gradient", NPZ, NPZ, asked.raw, b"whole"))
            assert answering.counts.shards == parts
            assert bytes(again.body) == bytes(reply.body)
            await leaves(answering, asked)
        finally:
            await answering.stop()

    with settings_of(executor) as settings:
        asyncio.run(scenario(Settings(**settings)))


def test_what_is_to_be_said_of_one_point_is_said_as_ever() -> None:
    """A kink and a pole in one part: the whole answer is that of one order."""
    x = np.random.default_rng(2).standard_normal(POINTS // 10)
    x[len(x) // 2] = 0

    async def scenario(settings: Settings) -> None:
        answering = _answering(settings, _functions(settings)[0], None, None)
        await answering.start()
        try:
            body = {**BODY, "expression": "abs(x) + 1 / x"}
            raw = archived({"request": np.frombuffer(orjson.dumps(body), np.uint8), "at/x": x})
            parted = await answering.answer(Asked("gradient", NPZ, NPZ, raw, b"1"))
            object.__setattr__(answering.shards, "operations", 10**15)
            whole = await answering.answer(Asked("gradient", NPZ, NPZ, raw, b"2"))
            assert bytes(parted.body) == bytes(whole.body)
            with np.load(io.BytesIO(whole.body)) as found:
                warnings = orjson.loads(bytes(found["answer"]))["warnings"]
            assert any(f"at point {len(x) // 2}" in warning["message"] for warning in warnings)
        finally:
            await answering.stop()

    asyncio.run(scenario(Settings(**WIDE)))
