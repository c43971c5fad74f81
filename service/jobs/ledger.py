"""Jobs as records: what is written when, so that any process can read, run, cancel and finish any job.

Of a job there are, under its id: the ticket (written once), chunks of the body, how it stands (by whoever runs it), a
lease (by whoever runs it, gone soon after that process), the end (the first to write it decides) and chunks of the
result. A cancelled job is one whose end somebody else has written.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count

import orjson

from service.cache.records import Records
from service.errors import InvalidRequestError, OverloadedError, RateLimitedError
from service.jobs.bounds import JobBounds
from service.jobs.job import Done, End, Job, Standing, Ticket, is_id, packed

CHUNK = 2**19  # bytes
LEASE_SECONDS = 3.0  # that the death of a process goes unnoticed
CLAIM_SECONDS = 15.0  # for a job to be written after its client's key
READY, OPEN, KEPT = "ready", "open", "kept"  # rolls: to be run; not ended, or about to be written; all
MOST_LOOKED_AT = 1000


class Ledger:
    """Reads and writes jobs. Every method raises OverloadedError where the records do not answer."""

    def __init__(self, records: Records, bounds: JobBounds, clock: Callable[[], float] = time.time) -> None:
        self._records = records
        self._bounds = bounds
        self.clock = clock

    async def find(self, job_id: str) -> Job | None:
        """The job, or None."""
        if not is_id(job_id):
            return None
        ticket, standing, end = await self._records.get(job_id, f"{job_id}:standing", f"{job_id}:end")
        if ticket is None:
            return None
        read = Ticket(**orjson.loads(ticket))
        first = Standing(read.created_at + self._bounds.job_keep_seconds)
        return Job(
            read,
            Standing(**orjson.loads(standing)) if standing else first,
            End(**orjson.loads(end)) if end else None,
        )

    async def reserve(self, ticket: Ticket) -> str:
        """The id of the job that belongs to the client's key: the ticket's, or that of one made before.

        Raises:
            InvalidRequestError: the key belongs to another request.
        """
        mine = f"{ticket.id} {ticket.fingerprint}".encode()
        if await self._records.put_new(ticket.key, mine, CLAIM_SECONDS):
            return ticket.id
        (found,) = await self._records.get(ticket.key)
        if found is None:  # it ended between the two questions
            return await self.reserve(ticket)
        job_id, _, fingerprint = found.decode().partition(" ")
        if fingerprint != ticket.fingerprint:
            detail = "Idempotency-Key: this key was sent with another request before"
            raise InvalidRequestError(detail)
        return job_id

    async def add(self, ticket: Ticket, body: bytes | memoryview) -> None:
        """Writes a new job down; from then on, it will be run.

        Raises:
            OverloadedError: there are too many.
            RateLimitedError: its client has too many.
        """
        keep, until = self._bounds.job_keep_seconds, self.clock() + self._bounds.job_keep_seconds
        try:
            await self._enrol(ticket, until)
            for name, chunk in _chunks(f"{ticket.id}:request", body):
                await self._records.put(name, chunk, keep)
            await self._records.put(ticket.id, packed(ticket), keep)
            if ticket.key:
                await self._records.extend(keep, ticket.key)
            await self._records.enlist(READY, ticket.id, until)
        except BaseException:
            await self._take_back(ticket)
            raise

    async def body(self, ticket: Ticket) -> bytes | None:
        """The body of a job's request, or None if it is not there in full."""
        return await self._joined(f"{ticket.id}:request", ticket.size)

    async def result(self, job: Job) -> bytes | None:
        """The result of a job that succeeded, or None if it is not there in full."""
        return await self._joined(f"{job.id}:result", job.end.size) if job.end else None

    async def unclaimed(self) -> list[str]:
        """The ids of unfinished jobs that nobody runs, the oldest first."""
        ids = [name for name in await self._records.enlisted(READY, MOST_LOOKED_AT) if is_id(name)]
        leases = await self._records.get(*(f"{name}:lease" for name in ids)) if ids else []
        return [name for name, lease in zip(ids, leases, strict=True) if lease is None]

    async def claim(self, job_id: str, token: str) -> Job | None:
        """The job, begun once more under the lease of this token; None if another has it, or it has ended."""
        if not await self._records.put_new(f"{job_id}:lease", token.encode(), LEASE_SECONDS):
            return None
        job = await self.find(job_id)
        if job is None or job.end:
            await self._strike(job_id, job.ticket.client if job else "")
            await self._records.delete(f"{job_id}:lease")
            return None
        ticket, seconds = job.ticket, max(self._bounds.job_keep_seconds, 2 * job.ticket.seconds)
        key = [ticket.key] if ticket.key else []
        await self._records.extend(seconds, job_id, *key, *_names(f"{job_id}:request", ticket.size))
        begun = Standing(self.clock() + seconds, is_running=True, attempts=job.standing.attempts + 1)
        await self.stand(job_id, begun)
        await self._records.enlist(READY, job_id, begun.until)
        return replace(job, standing=begun)

    async def stand(self, job_id: str, standing: Standing) -> None:
        """Writes down how a job stands."""
        await self._records.put(f"{job_id}:standing", packed(standing), max(standing.until - self.clock(), 1))

    async def renew(self, job_id: str, token: str) -> bool:
        """Renews the lease; False if the job has ended or is another's, and work is to stop."""
        ticket, end, lease = await self._records.get(job_id, f"{job_id}:end", f"{job_id}:lease")
        if ticket is None or end is not None or lease not in {None, token.encode()}:
            return False
        await self._records.put(f"{job_id}:lease", token.encode(), LEASE_SECONDS)
        return True

    async def release(self, job: Job) -> None:
        """Lets another process run the job, as if it had not been begun here."""
        before = replace(job.standing, is_running=False, progress=0.0, attempts=job.standing.attempts - 1)
        await self.stand(job.id, before)
        await self._records.delete(f"{job.id}:lease")

    async def finish(self, job: Job, done: Done | None) -> Job:
        """Ends a job, as cancelled where nothing is done; it stays as it is if it has ended before.

        May be called again where it raised.
        """
        keep = self._bounds.job_keep_seconds
        result = done.result if done else b""
        for name, chunk in _chunks(f"{job.id}:result", result):
            await self._records.put(name, chunk, keep)
        end = _end(done, job.progress, self.clock() + keep)
        if await self._records.put_new(f"{job.id}:end", packed(end), keep):
            ended = replace(job, end=end)
        else:
            ended = await self.find(job.id) or replace(job, end=end)
        if ended.status != "succeeded":
            await self._records.delete(*_names(f"{job.id}:result", len(result)))
        await self._close_down(ended, keep)
        return ended

    async def forget(self, job: Job) -> None:
        """Removes all that is kept of a job that has ended."""
        names = _names(f"{job.id}:result", job.end.size if job.end else 0)
        key = [job.ticket.key] if job.ticket.key else []
        await self._records.delete(job.id, f"{job.id}:end", *names, *key)
        await self._records.strike(KEPT, job.id)

    async def close(self) -> None:
        """Closes the records."""
        await self._records.close()

    async def _enrol(self, ticket: Ticket, until: float) -> None:
        rolls = [(KEPT, self._bounds.jobs), (OPEN, self._bounds.job_queue)]
        for roll, most in rolls:
            if await self._records.enlist(roll, ticket.id, until) > most:
                message = f"jobs: there are {most}, as many as there may be; try again in 5 s"
                raise OverloadedError(message, 5)
        if not ticket.client:
            return
        if await self._records.enlist(_roll(ticket.client), ticket.id, until) > self._bounds.jobs_per_client:
            message = f"jobs_per_client: {self._bounds.jobs_per_client} of yours are unfinished; try again in 5 s"
            raise RateLimitedError(message, 5)

    async def _close_down(self, job: Job, keep: float) -> None:
        """Keeps what is still wanted of a job that has ended, and removes the rest."""
        key = [job.ticket.key] if job.ticket.key else []
        await self._records.extend(keep, job.id, *key)
        await self._records.enlist(KEPT, job.id, job.until)
        await self._strike(job.id, job.ticket.client)
        rest = (f"{job.id}:lease", f"{job.id}:standing", *_names(f"{job.id}:request", job.ticket.size))
        await self._records.delete(*rest)

    async def _take_back(self, ticket: Ticket) -> None:
        names = (ticket.id, *_names(f"{ticket.id}:request", ticket.size), *([ticket.key] if ticket.key else []))
        await self._strike(ticket.id, ticket.client)
        await self._records.strike(KEPT, ticket.id)
        await self._records.delete(*names)

    async def _strike(self, job_id: str, client: str) -> None:
        for roll in (READY, OPEN, *([_roll(client)] if client else [])):
            await self._records.strike(roll, job_id)

    async def _joined(self, name: str, size: int) -> bytes | None:
        parts = []
        for chunk in _names(name, size):
            (found,) = await self._records.get(chunk)
            if found is None:
                return None
            parts.append(found)
        whole = parts[0] if len(parts) == 1 else b"".join(parts)
        return whole if len(whole) == size else None


def _end(done: Done | None, progress: float, until: float) -> End:
    if done is None:
        return End("cancelled", until, progress)
    if done.error is not None:
        return End("failed", until, progress, error=done.error)
    return End("succeeded", until, size=len(done.result), about=done.about)


def _roll(client: str) -> str:
    return f"{OPEN}:{client}"


def _names(name: str, size: int) -> list[str]:
    return [f"{name}:{number}" for number in range(-(-size // CHUNK))]


def _chunks(name: str, data: bytes | memoryview) -> Iterator[tuple[str, bytes]]:
    view = memoryview(data)
    return ((part, bytes(view[at : at + CHUNK])) for part, at in zip(_names(name, len(view)), count(0, CHUNK)))
