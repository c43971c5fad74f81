"""Jobs over HTTP, of real processes with real workers, on a real Redis."""

from __future__ import annotations

import http.client
import json
import re
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Any

import pytest

from tests.jobs.served import ASYNC, JSON, PATIENCE, Answer, Service, lasting, serving, tell, until
from tests.redis_server import RedisServer
from tests.service_process import HOST

SMALL = json.dumps({"expression": "x.T @ x", "at": {"x": [1, 2]}})
PATH = "/v1/gradient"


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    """One process, with jobs in memory."""
    with serving(job_streams=2, deadline_seconds=5) as running:
        yield running


def begin(service: Service, body: str, **headers: str) -> str:
    """The address of a new job."""
    answer = service.asked("POST", PATH, body, ASYNC | headers)
    assert answer.status == HTTPStatus.ACCEPTED, answer
    assert answer.headers["location"] == f"/v1/jobs/{answer.document['id']}"
    return answer.headers["location"]


def code(answer: Answer) -> tuple[int, str]:
    """The status and the code of a problem."""
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status, answer.document["code"]


def untraced(answer: Answer) -> dict[str, Any]:
    """A problem without the id of the request that it answers."""
    return {name: value for name, value in answer.document.items() if name != "trace_id"}


def test_a_job_of_a_request(service: Service) -> None:
    """202 and its address; then the very answer of a request that waits."""
    body = SMALL.replace("2]", "3]")
    answer = service.asked("POST", PATH, body, ASYNC)
    assert (answer.status, answer.headers["preference-applied"]) == (202, "respond-async")
    assert int(answer.headers["retry-after"]) > 0
    location = answer.headers["location"]
    job = service.ended(location)
    assert set(job) == {"id", "status", "progress", "created_at", "expires_at", "error"}
    assert (job["status"], job["progress"], job["error"]) == ("succeeded", 1, None)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", job["created_at"])
    result = service.asked("GET", location + "/result")
    waited = service.asked("POST", PATH, body, JSON)
    assert result.body == waited.body
    assert (result.headers["etag"], result.headers["content-type"]) == (waited.headers["etag"], "application/json")
    again = service.asked("GET", location + "/result", headers={"If-None-Match": result.headers["etag"]})
    assert (again.status, again.body) == (304, b"")
    known = service.asked("POST", PATH, body, ASYNC)
    assert (known.status, known.body, "preference-applied" in known.headers) == (200, waited.body, False)


def test_the_binary_result(service: Service) -> None:
    """The media type is the one that the request accepted."""
    location = begin(service, SMALL.replace("2]", "4]"), Accept="application/x-npz")
    service.ended(location)
    result = service.asked("GET", location + "/result")
    assert result.headers["content-type"] == "application/x-npz"
    assert result.body.startswith(b"PK")


def test_a_failed_job(service: Service) -> None:
    """Its error is the problem that a request that waits would have got, and so is its result."""
    for body, expected in ((SMALL.replace("@ x", "@ y"), 422), ("{", 400)):
        waited = service.asked("POST", PATH, body, JSON)
        location = begin(service, body)
        job = service.ended(location)
        problem = untraced(waited)
        assert (job["status"], job["error"]) == ("failed", problem)
        result = service.asked("GET", location + "/result")
        assert (result.status, untraced(result)) == (expected, problem)


def test_waiting_a_while(service: Service) -> None:
    """What is done in time is answered as ever; what is not goes on, and is not begun anew."""
    body, prefer = lasting(1200), {**JSON, "Prefer": "respond-async, wait=0.3"}
    answer = service.asked("POST", PATH, body, prefer)
    assert (answer.status, answer.headers["preference-applied"]) == (202, "respond-async, wait=0.3")
    first = service.asked("GET", answer.headers["location"] + "/result")
    assert (first.status, first.document["id"]) == (202, answer.document["id"])
    assert first.document["status"] == "running"
    assert code(service.asked("POST", PATH, body, JSON)) == (422, "deadline-exceeded")  # its own 5 seconds
    assert service.ended(answer.headers["location"])["status"] == "succeeded"
    quick = service.asked("POST", PATH, SMALL.replace("2]", "5]"), {**JSON, "Prefer": "respond-async, wait=60"})
    assert (quick.status, quick.headers["preference-applied"]) == (200, "wait=5")
    assert quick.headers["etag"]
    assert (quick.headers["cache-status"], quick.headers["vary"]) == ("derivatives; fwd=miss; stored", "Accept")
    assert "encode;dur=" in quick.headers["server-timing"]


def test_a_job_outlasts_a_request_that_it_joins(service: Service) -> None:
    """The work of a request that waits ends with its time; a job that shared it goes on by itself."""
    body = lasting(1200, shift=8)
    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(service.asked, "POST", PATH, body, JSON)
        until(service.busy)
        location = begin(service, body)
        assert code(waiting.result()) == (422, "deadline-exceeded")
    assert service.ended(location)["status"] == "succeeded"


def test_a_client_that_leaves(service: Service) -> None:
    """Of a job that it has not heard of, the work is stopped."""
    connection = http.client.HTTPConnection(HOST, service.port, timeout=PATIENCE)
    connection.request("POST", PATH, lasting(1500, shift=9), {**JSON, "Prefer": "respond-async, wait=5"})
    until(service.busy)
    connection.close()
    until(lambda: not service.busy())


def test_cancelling(service: Service) -> None:
    """The worker stops; the job is known until it is deleted once more."""
    location = begin(service, lasting(1500))
    until(lambda: service.job(location)["status"] == "running" and service.busy())
    start = time.monotonic()
    assert service.asked("DELETE", location).document["status"] == "cancelled"
    until(lambda: not service.busy())
    tell(f"DELETE: no worker computes {time.monotonic() - start:.1f} s later")
    assert service.job(location)["status"] == "cancelled"
    assert code(service.asked("GET", location + "/result")) == (404, "not-found")
    assert service.asked("DELETE", location).status == HTTPStatus.OK
    for method in ("GET", "DELETE"):
        assert code(service.asked(method, location)) == (404, "not-found")


@pytest.mark.parametrize("name", ["x", "A" * 22, "A" * 21 + ":", "A" * 5000, "%00", "a%2Fb", "..%2f"])
def test_ids_that_are_none(service: Service, name: str) -> None:
    """They are looked for nowhere."""
    for path in (name, name + "/result", name + "/events"):
        assert service.asked("GET", "/v1/jobs/" + path).status == HTTPStatus.NOT_FOUND


@pytest.mark.parametrize("key", ['"a', "a b", '""', '"\\n"', "a" * 256, '"' + "a" * 256 + '"', '"a", "b"', "\xe4"])
def test_keys_that_are_none(service: Service, key: str) -> None:
    """A key that cannot be kept is refused, not ignored."""
    assert code(service.asked("POST", PATH, SMALL, ASYNC | {"Idempotency-Key": key})) == (422, "invalid-request")


def test_keys(service: Service) -> None:
    """F17: one key, one job; the string and the token are the same; with another request it is refused."""
    body = lasting(300, shift=1)

    def post(_: int) -> Answer:
        return service.asked("POST", PATH, body, ASYNC | {"Idempotency-Key": "a-key"})

    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(post, range(100)))
    assert {answer.status for answer in answers} == {202}
    locations = {answer.headers["location"] for answer in answers}
    tell(f"F17 over HTTP: 100 duplicates, {len(locations)} job")
    assert len(locations) == 1
    (location,) = locations
    assert service.ended(location)["status"] == "succeeded"
    quoted = service.asked("POST", PATH, body, ASYNC | {"Idempotency-Key": '"a-key"'})
    assert (quoted.status, quoted.headers["location"]) == (202, location)
    other = service.asked("POST", PATH, SMALL, ASYNC | {"Idempotency-Key": "a-key"})
    assert code(other) == (422, "invalid-request")
    elsewhere = service.asked("POST", "/v1/jacobian", body, ASYNC | {"Idempotency-Key": "a-key"})
    assert code(elsewhere) == (422, "invalid-request")


def test_events(service: Service) -> None:
    """Every event has the job as it is then; the stream ends with it."""
    location = begin(service, lasting(500, shift=2))
    answer = service.asked("GET", location + "/events", headers={"Last-Event-ID": "what ever"})
    assert answer.headers["content-type"].startswith("text/event-stream")
    seen = events(answer.body)
    assert [name for name, _ in seen[:-1]] == ["progress"] * (len(seen) - 1)
    assert len(seen) >= 2
    name, job = seen[-1]
    assert (name, job["status"], job["progress"]) == ("end", "succeeded", 1)
    assert job == service.job(location)
    assert [name for name, _ in events(service.asked("GET", location + "/events").body)] == ["end"]


def test_streams_are_bounded(service: Service) -> None:
    """One more than there may be is refused; a place is free again when a client has left."""
    location = begin(service, lasting(1500, shift=3))
    streams = [http.client.HTTPConnection(HOST, service.port, timeout=PATIENCE) for _ in range(2)]
    heard = []
    for stream in streams:
        stream.request("GET", location + "/events")
        heard.append(stream.getresponse())
        assert heard[-1].readline() == b"event: progress\n"
    refused = service.asked("GET", location + "/events")
    assert code(refused) == (503, "overloaded")
    assert int(refused.headers["retry-after"]) > 0
    streams[0].sock.shutdown(socket.SHUT_RDWR)
    until(lambda: opens(service, location))
    service.asked("DELETE", location)
    for stream, response in zip(streams, heard, strict=True):
        response.close()
        stream.close()


def test_a_job_outlives_the_process() -> None:
    """Killed in the middle of a job, the service has it finished by the next process: the same bytes; F17."""
    with RedisServer() as redis:
        body = lasting(600, shift=4)
        with serving(redis_url=redis.url) as first:
            location = begin(first, body, **{"Idempotency-Key": "mine"})
            until(lambda: first.job(location)["status"] == "running")
            first.kill()
        with serving(redis_url=redis.url) as second:
            start = time.monotonic()
            again = second.asked("POST", PATH, body, ASYNC | {"Idempotency-Key": "mine"})
            assert (again.status, again.headers["location"]) == (202, location)
            assert second.ended(location)["status"] == "succeeded"
            tell(f"SIGKILL: the next process answered the job {time.monotonic() - start:.1f} s after its start")
            result = second.asked("GET", location + "/result")
            assert second.stop() == 0
        with serving(redis_url=redis.url, cache_seconds=0.001) as third:
            kept = third.asked("GET", location + "/result")
            assert (kept.body, kept.headers["etag"]) == (result.body, result.headers["etag"])
            assert third.asked("POST", PATH, body, JSON).body == result.body


def test_two_replicas_and_a_redis_that_fails() -> None:
    """Each answers for the other's jobs and stops them; without Redis nobody says 404, with an empty one everybody."""
    with RedisServer() as redis, serving(redis_url=redis.url) as one, serving(redis_url=redis.url) as two:
        location = begin(one, lasting(1500, shift=5))
        until(lambda: two.job(location)["status"] == "running")
        assert two.asked("DELETE", location).document["status"] == "cancelled"
        until(lambda: not one.busy() and not two.busy())
        assert one.job(location)["status"] == "cancelled"
        location = begin(two, lasting(1500, shift=6))
        until(lambda: one.job(location)["status"] == "running")
        redis.kill()
        for answer in (one.asked("GET", location), two.asked("POST", PATH, lasting(50), ASYNC)):
            assert code(answer) == (503, "overloaded")
            assert int(answer.headers["retry-after"]) > 0
        assert two.asked("POST", PATH, lasting(50), JSON).status == HTTPStatus.OK
        until(lambda: "jobs" in one.asked("GET", "/readyz").document["degraded"])
        redis.restart()
        until(lambda: one.asked("GET", location).status == HTTPStatus.NOT_FOUND)
        until(lambda: two.asked("GET", location).status == HTTPStatus.NOT_FOUND)
        until(lambda: not one.busy() and not two.busy())
        tell("Redis restarted empty: the job is unknown, and the work on it has stopped")


def test_a_stop_ends_streams() -> None:
    """A service that stops in order does not wait for those who listen."""
    with serving() as service:
        location = begin(service, lasting(1500, shift=7))
        stream = http.client.HTTPConnection(HOST, service.port, timeout=PATIENCE)
        stream.request("GET", location + "/events")
        response = stream.getresponse()
        assert response.readline() == b"event: progress\n"
        start = time.monotonic()
        service.process.terminate()
        assert b"event: end" not in response.read()
        assert service.process.wait() == 0
        tell(f"SIGTERM with a stream open: the process ended {time.monotonic() - start:.1f} s later")
        stream.close()


def test_the_headers_of_a_stream_are_no_stream(service: Service) -> None:
    """HEAD is answered at once, and the connection is free for the next request while the job goes on."""
    location = begin(service, lasting(1500, shift=5))
    connection = http.client.HTTPConnection(HOST, service.port, timeout=10)
    for path in (location + "/events", location + "/events", location + "/events", location):
        connection.request("HEAD", path)
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b"")
    assert service.job(location)["status"] in {"queued", "running"}
    service.asked("DELETE", location)
    connection.close()


def events(body: bytes) -> list[tuple[str, Any]]:
    """The names and the data of the events of a stream."""
    found = []
    for block in body.decode().strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if fields:
            found.append((fields["event"], json.loads(fields["data"])))
    return found


def opens(service: Service, location: str) -> bool:
    """Whether there is place for a stream."""
    connection = http.client.HTTPConnection(HOST, service.port, timeout=PATIENCE)
    connection.request("GET", location + "/events")
    response = connection.getresponse()
    response.close()
    connection.close()
    return response.status == HTTPStatus.OK
