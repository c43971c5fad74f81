"""All that can be done with jobs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from service.cache.lease import pauses
from service.cache.records import Records
from service.errors import OverloadedError
from service.jobs.bounds import JobBounds
from service.jobs.counts import Counts
from service.jobs.job import Job, Standing, Ticket, new_id
from service.jobs.ledger import Ledger
from service.jobs.runner import Runner, Work

MAKING_SECONDS = 2.0  # that an equal request waits for the job that another is making
WATCH_SECONDS = 0.25  # between two looks at a job that is watched


@dataclass(frozen=True)
class Wanted:
    """Work that is to become a job; `key` is the client's own name for it, if it has one."""

    head: Mapping[str, Any]
    body: bytes | memoryview
    fingerprint: str
    seconds: float | None = None
    client: str = ""
    key: str = ""


class Jobs:
    """Makes, finds, awaits, cancels and forgets jobs, and runs them meanwhile."""

    def __init__(self, records: Records, work: Work, bounds: JobBounds, slots: int) -> None:
        self.bounds = bounds
        self._ledger = Ledger(records, bounds)
        self._runner = Runner(self._ledger, work, slots)

    @property
    def counts(self) -> Counts:
        """What this process has done with jobs."""
        return self._runner.counts

    def start(self) -> None:
        """Begins to run jobs, those too that other processes have left."""
        self._runner.start()

    async def stop(self) -> None:
        """Stops the work; where jobs are shared, others go on with it."""
        await self._runner.stop()
        await self._ledger.close()

    async def submit(self, wanted: Wanted) -> Job:
        """The job of this work: a new one, or that which was made before under the client's key.

        Raises:
            InvalidRequestError: the key belongs to other work.
            OverloadedError: there are too many jobs, or the store does not answer.
            RateLimitedError: the client has too many unfinished jobs.
        """
        now, limit = self._ledger.clock(), self.bounds.job_seconds
        seconds = limit if wanted.seconds is None else min(limit, wanted.seconds)
        key = "key:" + sha256(f"{wanted.client}\0{wanted.key}".encode()).hexdigest() if wanted.key else ""
        name, size = new_id(), len(wanted.body)
        ticket = Ticket(name, wanted.head, size, wanted.fingerprint, seconds, now, wanted.client, key)
        if key and (holder := await self._ledger.reserve(ticket)) != ticket.id:
            return await self._made(holder)
        await self._ledger.add(ticket, wanted.body)
        self.counts.submitted += 1
        self._runner.ring()
        return Job(ticket, Standing(now + self.bounds.job_keep_seconds))

    async def find(self, job_id: str) -> Job | None:
        """The job, or None."""
        return await self._ledger.find(job_id)

    async def result(self, job: Job) -> bytes | None:
        """The bytes that the work answered, or None if they are not there."""
        return await self._ledger.result(job)

    async def ended(self, job: Job, seconds: float) -> Job:
        """The job when it has ended, or as it is after so many seconds."""
        until, waits = time.monotonic() + seconds, pauses()
        while job.end is None and (left := until - time.monotonic()) > 0:
            await asyncio.sleep(min(next(waits), left))
            job = await self._ledger.find(job.id) or job
        return job

    async def watch(
        self, job: Job, seconds: float, silence: float, goes_on: Callable[[], bool]
    ) -> AsyncIterator[Job | None]:
        """The job now and whenever it is further, until it has ended or is gone, for so many seconds at most.

        It ends too when it is not to go on. After `silence` seconds without news there is a None.
        """
        yield job
        until, heard = time.monotonic() + seconds, time.monotonic()
        while job.end is None and time.monotonic() < until and goes_on():
            await asyncio.sleep(WATCH_SECONDS)
            try:
                found = await self._ledger.find(job.id)
            except OverloadedError:
                found = job  # it is not known to have ended
            if found is None:
                return
            if (found.status, found.progress) != (job.status, job.progress):
                heard = time.monotonic()
                yield found
            elif time.monotonic() - heard >= silence:
                heard = time.monotonic()
                yield None
            job = found

    async def cancel(self, job: Job) -> Job:
        """The job, ended; the work on it is stopped, wherever it is done."""
        ended = await self._ledger.finish(job, None)
        self._runner.drop(job.id)
        self.counts.cancelled += ended.status == "cancelled"
        return ended

    async def forget(self, job: Job) -> None:
        """Removes a job that has ended, and its result."""
        await self._ledger.forget(job)

    async def _made(self, job_id: str) -> Job:
        until, waits = time.monotonic() + MAKING_SECONDS, pauses()
        while (job := await self._ledger.find(job_id)) is None:
            if time.monotonic() > until:
                message = "Idempotency-Key: the job of this key is not made yet; try again in 1 s"
                raise OverloadedError(message, 1)
            await asyncio.sleep(next(waits))
        return job
