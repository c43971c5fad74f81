"""What becomes of jobs, in one process or in several that share a Redis."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from service.cache.records import MemoryRecords, Records
from service.cache.redis_records import RedisRecords
from service.cache.redis_tier import RedisTier
from service.errors import FluxionError, InvalidRequestError, OverloadedError, RateLimitedError
from service.jobs.bounds import JobBounds
from service.jobs.job import Done, Job, Ticket
from service.jobs.jobs import Jobs, Wanted
from service.jobs.ledger import LEASE_SECONDS
from service.pool.orders import Report
from tests.redis_server import RedisServer

STORES = ("memory", "redis")
BOUNDS = JobBounds(job_keep_seconds=600, job_queue=150)
PATIENCE = 60.0


@dataclass
class Steps:
    """Work in steps of 10 ms; the head says how many, and what happens at the end."""

    begun: int = 0
    done: int = 0
    stopped: int = 0
    refusals: int = 0
    seconds: list[float] = field(default_factory=list)

    async def do(self, ticket: Ticket, body: bytes, seconds: float, report: Report) -> Done:
        """Counts what happens."""
        head = ticket.head
        self.begun += 1
        self.seconds.append(seconds)
        if self.refusals:
            self.refusals -= 1
            message = "not now"
            raise OverloadedError(message, 0)
        try:
            for step in range(head["steps"]):
                await asyncio.sleep(0.01)
                report(step + 1, head["steps"])
        except asyncio.CancelledError:
            self.stopped += 1
            raise
        self.done += 1
        if head.get("fails"):
            return Done(error={"code": "shape-error", "status": 422})
        return Done(body[::-1], {"ETag": '"tag"'})

    def problem(self, error: FluxionError) -> Mapping[str, Any]:
        """The code alone."""
        return {"code": error.code, "detail": error.detail}


Opened = Callable[..., Jobs]
Scenario = Callable[[Opened], Awaitable[None]]


@asynccontextmanager
async def shared(store: str) -> AsyncIterator[Opened]:
    """What makes replicas on one store; all are stopped at the end."""
    made: list[Jobs] = []
    server = RedisServer() if store == "redis" else None
    memory = MemoryRecords(BOUNDS.job_bytes)

    def open_one(work: Steps, bounds: JobBounds = BOUNDS, slots: int = 2) -> Jobs:
        records: Records = RedisRecords(RedisTier(server.url)) if server else memory
        made.append(Jobs(records, work, bounds, slots))
        return made[-1]

    try:
        yield open_one
    finally:
        for jobs in made:
            await jobs.stop()
        if server:
            server.close()


def on(*stores: str) -> Callable[[Scenario], Any]:
    """A test of what is done with replicas, on each of these stores."""

    def decorate(scenario: Scenario) -> Any:
        @pytest.mark.parametrize("store", stores)
        def test(store: str) -> None:
            async def whole() -> None:
                async with shared(store) as opened:
                    await asyncio.wait_for(scenario(opened), PATIENCE)

            asyncio.run(whole())

        test.__doc__ = scenario.__doc__
        return test

    return decorate


def wanted(steps: int = 1, body: bytes = b"body", **more: Any) -> Wanted:
    """Work of so many steps."""
    asked = {name: more.pop(name) for name in ("fails",) if name in more}
    return Wanted({"steps": steps, **asked}, body, f"{steps} {body!r}", **more)


async def found(jobs: Jobs, job: Job) -> Job:
    """The job as it is now."""
    now = await jobs.find(job.id)
    assert now is not None
    return now


async def comes(condition: Callable[[], Awaitable[bool]]) -> float:
    """Returns when the condition holds; after how many seconds that was."""
    start = time.monotonic()
    while not await condition():  # noqa: ASYNC110 - what is asked for may happen in another process
        await asyncio.sleep(0.01)
    return time.monotonic() - start


@on(*STORES)
async def test_a_job_goes_its_way(opened: Opened) -> None:
    """Queued, running with progress, succeeded with its result; then forgotten."""
    work = Steps()
    jobs = opened(work)
    body = bytes(range(256)) * 5000  # three chunks
    job = await jobs.submit(wanted(150, body))
    assert (job.status, job.progress) == ("queued", 0)
    jobs.start()
    seen = [now async for now in jobs.watch(job, 30, 30, lambda: True) if now]
    assert [one.status for one in seen][-1] == "succeeded"
    assert {one.status for one in seen} == {"queued", "running", "succeeded"}
    progress = [one.progress for one in seen]
    assert progress == sorted(progress)
    assert any(0 < one < 1 for one in progress)
    end = await found(jobs, job)
    assert (end.status, end.progress) == ("succeeded", 1)
    assert end.end
    assert end.end.about == {"ETag": '"tag"'}
    assert await jobs.result(end) == body[::-1]
    assert work.seconds[0] == pytest.approx(BOUNDS.job_seconds, abs=5)
    await jobs.forget(end)
    assert await jobs.find(job.id) is None


@on(*STORES)
async def test_a_job_fails(opened: Opened) -> None:
    """The problem of its work is its error."""
    jobs = opened(Steps())
    jobs.start()
    job = await jobs.ended(await jobs.submit(wanted(fails=True)), 30)
    assert job.status == "failed"
    assert job.end
    assert job.end.error == {"code": "shape-error", "status": 422}


@on(*STORES)
async def test_work_that_is_refused_is_tried_again(opened: Opened) -> None:
    """While no worker is free a job waits; but not for longer than it may take."""
    work = Steps(refusals=3)
    jobs = opened(work)
    jobs.start()
    job = await jobs.ended(await jobs.submit(wanted()), 30)
    assert (job.status, work.begun) == ("succeeded", 4)
    work.refusals = 10**9
    job = await jobs.ended(await jobs.submit(wanted(seconds=0.2)), 30)
    assert job.end
    assert job.end.error
    assert job.end.error["code"] == "overloaded"


@on(*STORES)
async def test_cancelling_stops_the_work(opened: Opened) -> None:
    """At work or waiting; an end is final."""
    work = Steps()
    jobs = opened(work, slots=1)
    jobs.start()
    job, waits = await jobs.submit(wanted(10_000)), await jobs.submit(wanted(10_000))
    await comes(lambda: running(jobs, job))
    assert (await jobs.cancel(job)).status == "cancelled"
    await comes(lambda: running(jobs, waits))
    assert (work.begun, work.stopped) == (2, 1)
    assert (await jobs.cancel(waits)).status == "cancelled"
    assert (await jobs.cancel(waits)).status == "cancelled"
    short = await jobs.ended(await jobs.submit(wanted()), 30)
    assert (await jobs.cancel(short)).status == "succeeded"


@on("redis")
async def test_cancelling_through_another_replica(opened: Opened) -> None:
    """Whoever runs the job hears of it."""
    work = Steps()
    runs, other = opened(work), opened(Steps())
    runs.start()
    job = await runs.submit(wanted(10_000))
    await comes(lambda: running(other, job))
    await other.cancel(await found(other, job))
    seconds = await comes(lambda: counted(lambda: work.stopped))
    print(f"cancelled through another replica: the work stopped {seconds:.2f} s later")  # noqa: T201
    assert seconds < 10
    assert (await found(runs, job)).status == "cancelled"


@on(*STORES)
async def test_duplicates(opened: Opened) -> None:
    """A hundred requests at once with one key are one job, through whichever replica they come; F17."""
    works = [Steps(), Steps()]
    replicas = [opened(work) for work in works]
    for jobs in replicas:
        jobs.start()
    made = await asyncio.gather(*(replicas[k % 2].submit(wanted(5, key="one")) for k in range(100)))
    ids = {job.id for job in made}
    job = await replicas[0].ended(made[0], 30)
    begun = sum(work.begun for work in works)
    print(f"F17 100 duplicates: {begun} execution, {len(ids)} job")  # noqa: T201
    assert (len(ids), begun, job.status) == (1, 1, "succeeded")
    assert (await replicas[1].submit(wanted(5, key="one"))).status == "succeeded"
    with pytest.raises(InvalidRequestError, match="another request"):
        await replicas[1].submit(wanted(6, key="one"))
    assert (await replicas[1].submit(wanted(6, key="one", client="other"))).id not in ids
    await replicas[0].forget(job)
    assert (await replicas[1].submit(wanted(6, key="one"))).id not in ids


@on(*STORES)
async def test_there_are_not_too_many(opened: Opened) -> None:
    """Unfinished jobs are bounded, in all and by client, and so are those kept; a refused one leaves nothing behind."""
    jobs = opened(Steps(), replace(BOUNDS, job_queue=5, jobs_per_client=2, jobs=7))
    mine = [await jobs.submit(wanted(client="me")) for _ in range(2)]
    with pytest.raises(RateLimitedError, match="jobs_per_client"):
        await jobs.submit(wanted(client="me", key="k"))
    others = [await jobs.submit(wanted(client=str(k), key="k")) for k in range(3)]
    with pytest.raises(OverloadedError, match="there are 5"):
        await jobs.submit(wanted())
    await jobs.cancel(mine[0])
    assert (await jobs.submit(wanted(client="me", key="k"))).ticket.client == "me"
    for job in others:
        await jobs.cancel(job)
    await jobs.submit(wanted())
    with pytest.raises(OverloadedError, match="there are 7"):
        await jobs.submit(wanted())
    await jobs.forget(await found(jobs, mine[0]))
    await jobs.submit(wanted())


@on(*STORES)
async def test_jobs_expire(opened: Opened) -> None:
    """After that, the id and the key mean nothing."""
    jobs = opened(Steps(), replace(BOUNDS, job_keep_seconds=1.0, job_seconds=0.4))
    jobs.start()
    job = await jobs.ended(await jobs.submit(wanted(key="k")), 30)
    assert job.status == "succeeded"
    await comes(lambda: gone(jobs, job))
    assert (await jobs.submit(wanted(2, key="k"))).id != job.id


@on("redis")
async def test_a_job_outlives_its_process(opened: Opened) -> None:
    """Killed, a replica loses its lease, and another begins again; stopped in order, it gives the job back at once."""
    works = [Steps(), Steps(), Steps()]
    first, second, third = (opened(work) for work in works)
    first.start()
    job = await first.submit(wanted(300, b"x" * 1000))
    await comes(lambda: running(first, job))
    kill(first)
    second.start()
    await comes(lambda: counted(lambda: works[1].begun))
    assert (await found(second, job)).standing.attempts == 2
    await second.stop()
    assert (await found(third, job)).status == "queued"
    third.start()
    seconds = await comes(lambda: counted(lambda: works[2].begun))
    assert (await found(third, job)).standing.attempts == 2
    print(f"a job that was given back is taken up {seconds:.2f} s later, of the lease's {LEASE_SECONDS:g} s")  # noqa: T201
    end = await third.ended(job, 30)
    assert (end.status, await third.result(end)) == ("succeeded", b"x" * 1000)


@on("redis")
async def test_a_job_is_not_begun_for_ever(opened: Opened) -> None:
    """What ended three processes is not tried on a fourth."""
    jobs = [opened(Steps()) for _ in range(4)]
    job = await jobs[0].submit(wanted(10_000))
    for number, one in enumerate(jobs[:3]):
        one.start()
        await comes(lambda one=one, number=number: begun(one, job, number + 1))  # type: ignore[misc]
        kill(one)
    jobs[3].start()
    end = await jobs[3].ended(await found(jobs[3], job), 30)
    assert end.end
    assert end.end.error
    assert end.end.error["code"] == "limit-exceeded"


async def running(jobs: Jobs, job: Job) -> bool:
    """Whether the job is at work."""
    return (await found(jobs, job)).status == "running"


async def begun(jobs: Jobs, job: Job, times: int) -> bool:
    """Whether the job was begun so often."""
    return (await found(jobs, job)).standing.attempts == times


async def gone(jobs: Jobs, job: Job) -> bool:
    """Whether the job is not known any more."""
    return await jobs.find(job.id) is None


async def counted(count: Callable[[], int]) -> bool:
    """Whether anything was counted."""
    return count() > 0


def kill(jobs: Jobs) -> None:
    """Ends a replica without giving it the time to write anything."""
    runner = jobs._runner
    assert runner._taking
    for task in (runner._taking, *runner._running.values()):
        task.cancel()
