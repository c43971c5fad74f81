"""Runs jobs: this process takes what nobody runs, as many at a time as it has slots."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

from service.errors import FluxionError, LimitError, OverloadedError
from service.jobs.counts import Counts
from service.jobs.job import Done, Job, Ticket
from service.jobs.ledger import Ledger
from service.pool.orders import Report

LOOK_SECONDS = 1.0  # between two looks at what other processes have left
BEAT_SECONDS = 0.5  # between two renewals of a lease
ATTEMPTS = 3  # a job is begun, each ended with the process that made it
FINISH_SECONDS = 60.0  # that an end is tried to be written

log = logging.getLogger("fluxion.jobs")


class Work(Protocol):
    """What jobs are about."""

    async def do(self, ticket: Ticket, body: bytes, seconds: float, report: Report) -> Done:
        """The result, or the document of a problem, in so many seconds. Whoever cancels this stops the work.

        Raises OverloadedError if it may be possible later.
        """

    def problem(self, error: FluxionError) -> Mapping[str, Any]:
        """The document of a problem."""


class Runner:
    """Claims jobs, runs them, renews their leases, and writes their ends."""

    def __init__(self, ledger: Ledger, work: Work, slots: int) -> None:
        self._ledger = ledger
        self._work = work
        self._slots = slots
        self._token = secrets.token_hex(16)
        self._running: dict[str, asyncio.Task[None]] = {}
        self._bell = asyncio.Event()
        self._taking: asyncio.Task[None] | None = None
        self._stopping = False
        self._counts = Counts()

    @property
    def counts(self) -> Counts:
        """What has been done so far, and how many run now."""
        self._counts.running = len(self._running)
        return self._counts

    def start(self) -> None:
        """Begins to take jobs."""
        self._taking = asyncio.create_task(self._take())

    async def stop(self) -> None:
        """Stops all work, and leaves it to other processes."""
        self._stopping = True
        tasks = [*self._running.values(), *([self._taking] if self._taking else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def ring(self) -> None:
        """There is a new job."""
        self._bell.set()

    def drop(self, job_id: str) -> None:
        """Stops the work on a job that has ended."""
        if task := self._running.get(job_id):
            task.cancel()

    async def _take(self) -> None:
        away = False
        while not self._stopping:
            try:
                await self._look()
                away = False
            except OverloadedError:
                if not away:
                    log.warning("the store of jobs does not answer")
                away = True
            except Exception:
                log.exception("jobs could not be taken")  # what stands in a foreign record must not end this loop
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._bell.wait()
            self._bell.clear()

    async def _look(self) -> None:
        if len(self._running) >= self._slots:
            return
        for job_id in await self._ledger.unclaimed():
            if len(self._running) >= self._slots:
                return
            job = None if job_id in self._running else await self._ledger.claim(job_id, self._token)
            if job:
                self._counts.begun += 1
                self._counts.begun_again += job.standing.attempts > 1
                task = asyncio.create_task(self._run(job))
                self._running[job_id] = task
                task.add_done_callback(lambda done, job_id=job_id: self._ended(job_id, done))  # type: ignore[misc]

    def _ended(self, job_id: str, task: asyncio.Task[None]) -> None:
        del self._running[job_id]
        self._bell.set()
        if not task.cancelled() and (error := task.exception()):
            log.error("a job could not be brought to an end", exc_info=error)

    async def _run(self, job: Job) -> None:
        run = _Run(self._ledger, self._work, self._token, job)
        working, beating = asyncio.create_task(run.do()), asyncio.create_task(run.beat())
        try:
            await asyncio.wait((working, beating), return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                ended = await run.finish(working.result())
                self._counts.ended[ended.status] += 1
        finally:
            working.cancel()
            beating.cancel()
            await asyncio.gather(working, beating, return_exceptions=True)
            if self._stopping and not run.is_finished:
                with contextlib.suppress(OverloadedError):
                    await self._ledger.release(job)


class _Run:
    """One job at work here."""

    def __init__(self, ledger: Ledger, work: Work, token: str, job: Job) -> None:
        self._ledger = ledger
        self._work = work
        self._token = token
        self._job = job
        self._progress = 0.0
        self.is_finished = False

    async def do(self) -> Done:
        """What the work answers, or a problem."""
        job, until = self._job, time.monotonic() + self._job.ticket.seconds
        if job.standing.attempts > ATTEMPTS:
            hint = "every process that ran the job ended"
            return self._failed(LimitError("attempts", job.standing.attempts, ATTEMPTS, hint=hint))
        while True:
            try:
                body = await self._ledger.body(job.ticket)
                if body is None:
                    return self._failed(OverloadedError("jobs: the request was lost by the store; send it again"))
                return await self._work.do(job.ticket, body, until - time.monotonic(), self._report)
            except OverloadedError as error:
                if time.monotonic() + error.retry_after > until:
                    return self._failed(error)
                await asyncio.sleep(error.retry_after)

    async def beat(self) -> None:
        """Renews the lease and writes the progress down; returns when the job has ended or is another's."""
        written = 0.0
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            with contextlib.suppress(OverloadedError):
                if not await self._ledger.renew(self._job.id, self._token):
                    return
                if self._progress != written:
                    written = self._progress
                    await self._ledger.stand(self._job.id, replace(self._job.standing, progress=written))

    async def finish(self, done: Done) -> Job:
        """The job with its end, which is written down as soon as the store lets it."""
        until = time.monotonic() + FINISH_SECONDS
        job = replace(self._job, standing=replace(self._job.standing, progress=self._progress))
        while True:
            try:
                ended = await self._ledger.finish(job, done)
            except OverloadedError as error:
                if time.monotonic() > until:
                    done = self._failed(error)
                    until += FINISH_SECONDS
                await asyncio.sleep(1)
            else:
                self.is_finished = True
                return ended

    def _report(self, done: int, whole: int) -> None:
        if whole > 0:
            self._progress = max(self._progress, min(done / whole, 1.0))

    def _failed(self, error: FluxionError) -> Done:
        return Done(error=self._work.problem(error))
