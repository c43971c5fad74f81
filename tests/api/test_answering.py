"""How answers come about: kept, shared, from one batch, within a time, and never for nobody."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient
from starlette.types import Message

from service.api.asked import Asked
from service.api.media import JSON, NPZ
from service.api.shortcut import QUICK
from service.main import create_app
from service.settings import Settings
from service.tasks.compute import compute
from service.tasks.messages import Answer, Task
from tests.api.asserting import problem

BODY: dict[str, Any] = {"expression": "x*exp(-x**2-y**2)", "at": {"x": 0.5, "y": 1.25}, "forms": []}
PATIENCE = 10.0
OTHERS: list[tuple[str, Any]] = [
    ("kind", "jacobian"),
    ("sent", NPZ),
    ("answered", NPZ),
    ("raw", b"y"),
    ("raw", b" x"),
    ("salt", b"other"),
    ("salt", b"salt"),
]


class Counting:
    """The service's mathematics, counted; it waits where it is told to."""

    def __init__(self) -> None:
        self.tasks: list[Task] = []
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, task: Task) -> Answer:
        """The answer, when the gate is open."""
        self.tasks.append(task)
        assert self.gate.wait(PATIENCE)
        return compute(task)


@pytest.fixture
def counting() -> Counting:
    """What computes for `client`."""
    return Counting()


@pytest.fixture
def client(counting: Counting) -> Iterator[TestClient]:
    """A client of the service."""
    with TestClient(create_app(Settings(), compute=counting)) as started:
        counting.tasks.clear()
        yield started


def at(x: float, y: float = 1.25) -> dict[str, Any]:
    """The request at a point."""
    return BODY | {"at": {"x": x, "y": y}}


def test_the_same_request_is_computed_once(client: TestClient, counting: Counting) -> None:
    """The second answer has the same bytes, and says where it is from."""
    first, second = (client.post("/v1/gradient", json=BODY) for _ in range(2))
    assert first.content == second.content
    assert first.headers["cache-status"] == "derivatives; fwd=miss; stored"
    assert second.headers["cache-status"] == "derivatives; hit; detail=memory"
    assert first.headers["etag"] == second.headers["etag"]
    assert {name.partition(";")[0] for name in first.headers["server-timing"].split(", ")} >= {"parse", "encode"}
    assert len(counting.tasks) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [('{"x": 0.0}', '{"x": -0.0}'), ('{"x": 1}', '{"x": 1.0}'), ('{"x": 1e-320}', '{"x": 1.1e-320}')],
)
def test_different_bytes_are_different_requests(client: TestClient, counting: Counting, one: str, other: str) -> None:
    """A request is named by what was sent, whatever Python thinks is equal."""
    bodies = [f'{{"expression": "1/x", "at": {point}}}' for point in (one, other)]
    headers = {"Content-Type": "application/json"}
    found = [client.post("/v1/gradient", content=body, headers=headers) for body in bodies]
    assert found[0].headers["etag"] != found[1].headers["etag"]
    assert len(counting.tasks) == 2


def test_every_part_of_a_request_is_in_its_name(client: TestClient, counting: Counting) -> None:
    """Kind and media type of the answer count too."""
    tags = {
        client.post(f"/v1/{kind}", json=BODY, headers={"Accept": accept}).headers["etag"]
        for kind in ("gradient", "jacobian")
        for accept in ("application/json", "application/x-npz")
    }
    assert len(tags) == 4


def test_errors_are_not_kept(client: TestClient, counting: Counting) -> None:
    """A refusal is found anew, and has no validator."""
    for _ in range(2):
        answer = client.post("/v1/gradient", json={"expression": "x +"})
        problem(answer, 422, "parse-error")
        assert "etag" not in answer.headers


def test_a_client_that_has_the_answer_gets_no_body(client: TestClient) -> None:
    """`If-None-Match` with the validator of the answer is answered 304, by each layer."""
    tag = client.post("/v1/gradient", json=BODY).headers["etag"]
    for further in ({}, {"Prefer": "wait=5"}):
        answer = client.post("/v1/gradient", json=BODY, headers={"If-None-Match": tag, **further})
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag)
    assert client.post("/v1/gradient", json=BODY, headers={"If-None-Match": '"other"'}).status_code == 200


def test_a_known_function_is_computed_here(client: TestClient, counting: Counting) -> None:
    """The answer at a new point equals that of a service that has met nothing before."""
    for k in range(5):
        client.post("/v1/gradient", json=at(0.1 * k))
    shortcut = client.get("/metrics").text
    assert "fluxion_shortcut_requests_total 4.0" in shortcut
    with TestClient(create_app(Settings(), compute=compute)) as other:
        expected = other.post("/v1/gradient", json=at(0.77)).content
    assert client.post("/v1/gradient", json=at(0.77)).content == expected


def test_requests_that_come_together_are_one_batch(client: TestClient, counting: Counting) -> None:
    """Each gets the bytes that it would have got alone; one that fails fails alone."""
    points = [at(0.01 * k) for k in range(40)]
    with TestClient(create_app(Settings(), compute=compute)) as other:
        expected = [other.post("/v1/gradient", json=body).content for body in points]
    client.post("/v1/gradient", json=at(3.0))
    counting.gate.clear()  # holds the thread up, so that the others gather
    with ThreadPoolExecutor(41) as threads:
        held = threads.submit(client.post, "/v1/gradient", json=at(4.0))
        wait_for(lambda: len(counting.tasks) == 2)
        coming = [threads.submit(client.post, "/v1/gradient", json=body) for body in points]
        wait_for(lambda: waiting(client) == len(points))
        counting.gate.set()
        assert [one.result().content for one in coming] == expected
        assert held.result().status_code == 200
    numbers = client.get("/metrics").text
    assert "fluxion_shortcut_batches_total 1.0" in numbers
    assert "fluxion_shortcut_batched_requests_total 40.0" in numbers


def waiting(client: TestClient) -> int:
    """How many requests wait for the thread."""
    app: Any = client.app
    return len(app.state.answering.shortcut._waiting)


def wait_for(condition: Callable[[], bool]) -> None:
    """Returns when it holds."""
    until = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.005)


def test_a_bad_point_harms_no_other(client: TestClient, counting: Counting) -> None:
    """In a batch with a point where the function is singular, that one has a warning."""
    body: dict[str, Any] = {"expression": "log(x)", "forms": []}
    client.post("/v1/gradient", json=body | {"at": {"x": 1.0}})
    counting.gate.clear()
    points = [0.5, 0.0, 2.0]
    with ThreadPoolExecutor(4) as threads:
        held = threads.submit(client.post, "/v1/gradient", json=body | {"at": {"x": 3.0}})
        wait_for(lambda: len(counting.tasks) == 2)
        coming = [threads.submit(client.post, "/v1/gradient", json=body | {"at": {"x": x}}) for x in points]
        wait_for(lambda: waiting(client) == len(points))
        counting.gate.set()
        answers = [one.result().json() for one in coming]
        held.result()
    assert [bool(answer["warnings"]) for answer in answers] == [False, True, False]
    assert answers[0]["derivatives"][0]["value"]["data"] == [2.0]
    assert answers[2]["derivatives"][0]["value"]["data"] == [0.5]


def test_equal_requests_at_once_are_one_computation(client: TestClient, counting: Counting) -> None:
    """The others say that they shared it."""
    counting.gate.clear()
    with ThreadPoolExecutor(8) as threads:
        coming = [threads.submit(client.post, "/v1/gradient", json=BODY) for _ in range(8)]
        wait_for(lambda: len(counting.tasks) == 1)
        time.sleep(0.2)
        counting.gate.set()
        answers = [one.result() for one in coming]
    assert len(counting.tasks) == 1
    assert len({answer.content for answer in answers}) == 1
    how = sorted(answer.headers["cache-status"] for answer in answers)
    assert how.count("derivatives; fwd=miss; stored") == 1
    assert set(how[:-1]) <= {"derivatives; fwd=miss; collapsed", "derivatives; hit; detail=memory"}


def test_a_deadline_is_the_clients_own(client: TestClient, counting: Counting) -> None:
    """Who has no patience gets a problem; who has, in the same computation, the answer."""
    counting.gate.clear()
    with ThreadPoolExecutor(2) as threads:
        patient = threads.submit(client.post, "/v1/gradient", json=BODY)
        wait_for(lambda: len(counting.tasks) == 1)
        for header in ({"X-Request-Timeout": "0.05"}, {"Prefer": "wait=0.05"}):
            found = problem(client.post("/v1/gradient", json=BODY, headers=header), 422, "deadline-exceeded")
            assert "0.05 seconds" in found["detail"]
        counting.gate.set()
        assert patient.result().status_code == 200


def test_a_deadline_is_nobody_elses(client: TestClient, counting: Counting) -> None:
    """Who joins a computation that was begun for a client with less time gets the answer all the same."""
    counting.gate.clear()
    with ThreadPoolExecutor(2) as threads:
        hasty = threads.submit(client.post, "/v1/gradient", json=BODY, headers={"X-Request-Timeout": "0.5"})
        wait_for(lambda: len(counting.tasks) == 1)
        patient = threads.submit(client.post, "/v1/gradient", json=BODY)
        problem(hasty.result(), 422, "deadline-exceeded")
        counting.gate.set()
        assert patient.result().status_code == 200


@pytest.mark.parametrize("header", [{"X-Request-Timeout": "soon"}, {"Prefer": "wait=-1"}, {"X-Request-Timeout": "1e9"}])
def test_a_time_that_is_none_is_refused(client: TestClient, header: dict[str, str]) -> None:
    """The header is named."""
    found = problem(client.post("/v1/gradient", json=BODY, headers=header), 422, "invalid-request")
    assert next(iter(header)).lower() in found["detail"].lower()


def test_a_slow_computation_is_not_done_here(counting: Counting) -> None:
    """What takes longer than the bound goes to a worker every time."""

    def slow(task: Task) -> Answer:
        end = time.process_time() + 3 * QUICK
        while time.process_time() < end:
            pass
        return compute(task)

    with TestClient(create_app(Settings(), compute=slow)) as client:
        for k in range(3):
            client.post("/v1/gradient", json=at(0.1 * k))
        assert "fluxion_shortcut_requests_total 0.0" in client.get("/metrics").text


def test_a_defect_here_is_one_requests_own(client: TestClient, counting: Counting) -> None:
    """The thread goes on, whatever a computation raises."""
    client.post("/v1/gradient", json=at(0.1))
    app: Any = client.app
    shortcut = app.state.answering.shortcut

    def broken(_task: Task) -> Answer:
        raise RecursionError

    app.state.answering = replace(app.state.answering, shortcut=shortcut)
    object.__setattr__(shortcut, "compute", broken)
    problem(client.post("/v1/gradient", json=at(0.2)), 500, "internal")
    object.__setattr__(shortcut, "compute", compute)
    assert client.post("/v1/gradient", json=at(0.3)).status_code == 200


def test_a_defect_of_a_batch_is_answered(
    client: TestClient, counting: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for ever, and the thread goes on, where the fault is in what surrounds the computations."""

    def broken(_whole: Answer) -> list[bytes]:
        raise SystemExit

    client.post("/v1/gradient", json=at(3.0))
    counting.gate.clear()
    monkeypatch.setattr("service.api.shortcut.encode_rows", broken)
    with ThreadPoolExecutor(4) as threads:
        held = threads.submit(client.post, "/v1/gradient", json=at(4.0))
        wait_for(lambda: len(counting.tasks) == 2)
        coming = [threads.submit(client.post, "/v1/gradient", json=at(0.01 * k)) for k in range(3)]
        wait_for(lambda: waiting(client) == len(coming))
        counting.gate.set()
        assert held.result(PATIENCE).status_code == 200
        for one in coming:
            problem(one.result(PATIENCE), 500, "internal")
    assert client.post("/v1/gradient", json=at(0.5)).status_code == 200


def test_a_plan_has_no_validator(client: TestClient) -> None:
    """So that no `If-None-Match` keeps it from being answered in full."""
    for stated in ("*", '"other"'):
        answer = client.post("/v1/plan", json=BODY, headers={"If-None-Match": stated})
        assert answer.status_code == 200
        assert "etag" not in answer.headers


def test_the_name_of_a_long_body_is_found_beside_the_event_loop() -> None:
    """While it is hashed, the loop turns; the name is that which a short way gives."""
    raw = bytes(2**25)

    async def turns() -> int:
        asked, count = Asked("gradient", JSON, JSON, raw, b"salt"), 0
        naming = asyncio.ensure_future(asked.named())
        while not naming.done():
            await asyncio.sleep(0)
            count += 1
        assert "fingerprint" in vars(asked)
        return count

    assert asyncio.run(turns()) > 10
    parts = [replace(Asked("gradient", JSON, JSON, b"x", b"salt"), **{name: value}) for name, value in OTHERS]
    assert len({asked.key for asked in parts}) == len(OTHERS)


class Leaving:
    """A request whose client may leave."""

    def __init__(self, body: dict[str, Any]) -> None:
        self.sent: list[Message] = []
        self.gone = asyncio.Event()
        self._parts = [{"type": "http.request", "body": json.dumps(body).encode(), "more_body": False}]

    async def receive(self) -> Message:
        """The body, then the end."""
        if self._parts:
            return self._parts.pop()
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """Keeps what is sent."""
        self.sent.append(message)

    async def to(self, app: Any) -> None:
        """Asks the application."""
        headers = [(b"content-type", b"application/json"), (b"prefer", b"wait=10")]
        scope: dict[str, Any] = {"type": "http", "method": "POST", "path": "/v1/gradient", "headers": headers}
        scope |= {"client": ("127.0.0.1", 1), "server": ("127.0.0.1", 2), "scheme": "http", "root_path": ""}
        scope |= {"query_string": b"", "http_version": "1.1", "asgi": {"version": "3.0"}, "state": {}}
        await app(scope, self.receive, self.send)


@pytest.mark.anyio
async def test_nobody_computes_for_a_client_that_has_left() -> None:
    """The worker of the last client that leaves is stopped, and nothing is sent."""
    matrix = np.random.default_rng(0).uniform(size=(700, 700)) + 700 * np.eye(700)
    body = {"expression": "sum(inv(A @ A @ inv(A)))", "at": {"A": matrix.tolist()}, "forms": []}
    app = create_app(Settings())
    async with app.router.lifespan_context(app):
        counts, request = app.state.answering.executor.executor.counts, Leaving(body)
        asking = asyncio.create_task(request.to(app))
        await asyncio.sleep(0.1)
        request.gone.set()
        await asyncio.wait_for(asking, PATIENCE)
        assert not request.sent
        assert sum(number for (_, ending), number in counts.orders.items() if ending == "cancelled") == 1


@pytest.mark.parametrize("validators", ["*", '"a*b"'])
def test_an_answer_without_a_validator_is_always_sent(client: TestClient, validators: str) -> None:
    """A plan is not kept, so that no client has it; `*` asks whether there is anything, which a POST is not."""
    for kind in ("plan", "gradient"):
        for further in ({}, {"Prefer": "wait=5"}):
            headers = {"If-None-Match": validators, **further}
            answer = client.post(f"/v1/{kind}", json={**BODY}, headers=headers)
            assert (answer.status_code, answer.json()["kind"]) == (200, kind)
