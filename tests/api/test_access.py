"""Keys, and how much each may ask."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any, NoReturn

import pytest
from pydantic import SecretStr, ValidationError
from starlette.testclient import TestClient

from service.api.access import digests, new_key
from service.api.rates import Rates
from service.errors import RateLimitedError
from service.main import create_app
from service.settings import Settings
from service.tasks.messages import Answer, Task
from tests.api.asserting import problem
from tests.api.stub import catalogue, square
from tests.redis_server import RedisServer

KEYS = {"ada": new_key(), "emmy": new_key()}
SETTING = ", ".join(f"{name}:{hashlib.sha256(key.encode()).hexdigest()}" for name, key in KEYS.items())
ASK = {"expression": "x.T @ x", "at": {"x": [1, 2]}}


@pytest.fixture
def guarded() -> Iterator[TestClient]:
    """A client of an application with two keys and a rate."""
    settings = Settings(api_keys=SecretStr(SETTING), rate_limit="5/minute")
    with TestClient(create_app(settings, compute=square, catalogue=catalogue)) as started:
        yield started


def bearer(key: str) -> dict[str, str]:
    """The header with a key."""
    return {"Authorization": f"Bearer {key}"}


def basic(credentials: str) -> dict[str, str]:
    """The header that clients make of credentials in an address."""
    return {"Authorization": f"Basic {base64.b64encode(credentials.encode()).decode()}"}


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_a_key_opens(guarded: TestClient, key: str) -> None:
    """Each of them, and whatever letters the scheme is written in."""
    assert guarded.post("/v1/gradient", json=ASK, headers=bearer(key)).status_code == 200
    assert guarded.get("/metrics", headers={"Authorization": f"bEARER {key}"}).status_code == 200
    assert guarded.get("/metrics", headers=basic(f"x:{key}")).status_code == 200


NO_KEYS = {
    "none": {},
    "a wrong one": bearer(new_key()),
    "a digest": bearer(SETTING[4:68]),
    "a name": bearer("ada"),
    "another scheme": {"Authorization": f"Digest {KEYS['ada']}"},
    "a key as a user": basic(f"{KEYS['ada']}:"),
    "a key without a user": basic(KEYS["ada"]),
    "no base64": {"Authorization": "Basic ?"},
    "not ASCII": {"Authorization": "Bearer \xff\xfe"},
    "no more than the scheme": {"Authorization": "Bearer"},
}


@pytest.mark.parametrize("headers", NO_KEYS.values(), ids=NO_KEYS)
@pytest.mark.parametrize("path", ["/v1/gradient", "/metrics", "/nowhere"])
def test_nothing_else_opens(guarded: TestClient, path: str, headers: dict[str, str]) -> None:
    """Whether the address exists is not told either."""
    sent = {name: value.encode("latin-1") for name, value in headers.items()}
    refused = guarded.post(path, json=ASK, headers=sent)  # type: ignore[arg-type]
    problem(refused, 401, "unauthorized")
    assert refused.headers["www-authenticate"] == "Bearer"


def test_two_keys_are_none(guarded: TestClient) -> None:
    """Which of them counts is not for us to say."""
    headers = [("Authorization", f"Bearer {key}") for key in KEYS.values()]
    problem(guarded.get("/v1/ops", headers=headers), 401, "unauthorized")


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/openapi.json", "/docs"])
def test_orchestrators_and_readers_need_none(guarded: TestClient, path: str) -> None:
    """And are not counted."""
    assert all(guarded.get(path).status_code == 200 for _ in range(10))


def test_each_key_has_its_own_rate(guarded: TestClient) -> None:
    """The one that has used it up is told when to come back; the other goes on."""
    for _ in range(5):
        assert guarded.get("/v1/ops", headers=bearer(KEYS["ada"])).status_code == 200
    refused = guarded.get("/v1/ops", headers=bearer(KEYS["ada"]))
    problem(refused, 429, "rate-limited")
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert guarded.get("/v1/ops", headers=bearer(KEYS["emmy"])).status_code == 200


@pytest.mark.parametrize("keys", ["ada", "ada:", "ada:12", f"ada:{'g' * 64}", SETTING + "," + SETTING, f":{'0' * 64}"])
def test_keys_that_cannot_be_read_stop_the_start(keys: str) -> None:
    """And are not repeated in the message."""
    with pytest.raises(ValidationError) as refused:
        Settings(api_keys=SecretStr(keys))
    assert SETTING[4:68] not in str(refused.value)


def test_a_rate_that_cannot_be_read_stops_the_start() -> None:
    """As every setting is checked."""
    with pytest.raises(ValidationError):
        Settings(rate_limit="many")


def test_a_key_is_made_by_a_command() -> None:
    """What it prints opens."""
    command = [sys.executable, "-m", "service.api.access", "grace"]
    printed = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    key, setting = (line.partition("=" if "=" in line else ": ")[2] for line in printed.splitlines())
    assert digests(setting) == {"grace": hashlib.sha256(key.encode()).digest()}


async def used_up(rates: Rates, client: str) -> bool:
    """Whether the client may ask no more."""
    try:
        await rates.check(client)
    except RateLimitedError:
        return True
    return False


def test_computing_costs() -> None:
    """What a request took is charged afterwards, at most all that is left."""

    async def run() -> None:
        rates = Rates("1000/minute")
        await rates.check("a")
        await rates.charge("a", 5.0)
        assert not await used_up(rates, "a")
        await rates.charge("a", 1e7)
        assert await used_up(rates, "a")
        assert not await used_up(rates, "b")
        assert rates.counts.units == 1001
        assert rates.counts.refused == 1

    asyncio.run(run())


def test_no_rate_is_no_limit() -> None:
    """Nothing is counted."""

    async def run() -> None:
        rates = Rates()
        await rates.charge("a", 1e7)
        assert not await used_up(rates, "a")

    asyncio.run(run())


def test_processes_share_a_rate() -> None:
    """By Redis; while it is away each counts for itself, and no request fails or waits for it."""

    async def run() -> None:
        with RedisServer() as server:
            one, two = Rates("10/hour", server.url), Rates("10/hour", server.url)
            for _ in range(5):
                assert not await used_up(one, "a")
                assert not await used_up(two, "a")
            assert await used_up(one, "a")
            assert await used_up(two, "a")
            assert one.counts.unanswered == 0
            server.stop()
            assert not await used_up(one, "a")
            server.kill()
            assert not await used_up(two, "a")
            assert one.counts.unanswered == two.counts.unanswered == 1
            await one.close()
            await two.close()

    asyncio.run(run())


def units(client: TestClient) -> float:
    """What all clients have been charged so far."""
    found = re.search(r"^fluxion_rates_units_total (.*)$", client.get("/metrics").text, re.MULTILINE)
    assert found
    return float(found[1])


def test_computing_that_is_stopped_costs_too() -> None:
    """Else whoever lets every request run into its deadline would compute for nothing."""

    def slow(task: Task) -> Answer:
        time.sleep(1)
        return square(task)

    with TestClient(create_app(Settings(rate_limit="1000/minute"), compute=slow, catalogue=catalogue)) as client:
        before = units(client)
        problem(client.post("/v1/gradient", json=ASK, headers={"X-Request-Timeout": "0.5"}), 422, "deadline-exceeded")
        assert units(client) - before >= 50


def test_jobs_cost_their_client() -> None:
    """Whoever asks for an answer later pays for it like all others."""

    def busy(task: Task) -> Answer:
        end = time.process_time() + 0.5
        while time.process_time() < end:
            pass
        return square(task)

    with TestClient(create_app(Settings(rate_limit="1000/minute"), compute=busy, catalogue=catalogue)) as client:
        before = units(client)
        answer = client.post("/v1/gradient", json=ASK, headers={"Prefer": "respond-async, wait=20"})
        assert answer.status_code == 200
        assert units(client) - before >= 50
        numbers = client.get("/metrics").text
        assert "fluxion_jobs_submitted_total 1.0" in numbers
        assert 'fluxion_jobs_ended_total{status="succeeded"} 1.0' in numbers


def test_a_defect_in_a_job_is_its_answer() -> None:
    """As a request that waits would have got it, not after three more tries."""

    def broken(_head: object, _body: object) -> NoReturn:
        raise ArithmeticError

    with TestClient(create_app(Settings(), compute=square, catalogue=catalogue)) as client:
        app: Any = client.app
        app.state.answering.executor.executor._work = broken
        answer = client.post("/v1/gradient", json=ASK, headers={"Prefer": "respond-async, wait=20"})
        problem(answer, 500, "internal")
        assert "fluxion_jobs_begun_total 1.0" in client.get("/metrics").text
