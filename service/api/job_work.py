"""What jobs are about: compute requests, answered as they would be at once, but for the time they may take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from service.api.answering import Answering
from service.api.asked import Asked
from service.api.problems import refused
from service.api.replies import OK, Reply
from service.errors import FluxionError, OverloadedError
from service.jobs.job import Done
from service.jobs.jobs import Wanted
from service.pool.orders import Report


@dataclass(frozen=True)
class JobWork:
    """Answers the requests of jobs."""

    answering: Answering

    async def do(self, head: Mapping[str, Any], body: bytes, seconds: float, report: Report) -> Done:
        """The packed reply and its ETag, or the document of a problem.

        Raises OverloadedError if no worker would come to it in time.
        """
        asked = await Asked(raw=body, salt=self.answering.salt, **head).named()
        try:
            reply = await self.answering.answer(asked, seconds, report, most=seconds)
        except OverloadedError:
            raise
        except FluxionError as error:
            return Done(error=self.problem(error))
        if reply.status != OK:
            return Done(error=orjson.loads(reply.body))
        return Done(reply.packed(), asked.etag)

    def problem(self, error: FluxionError) -> Mapping[str, Any]:
        """The document of a problem."""
        document: Mapping[str, Any] = orjson.loads(Reply.of(refused(error)).body)
        return document


def wanted(asked: Asked, seconds: float | None, key: str, client: str) -> Wanted:
    """A compute request as work for a job; another release still sees that two of them are the same."""
    return Wanted(asked.head, asked.raw, asked.fingerprint, seconds, client, key)
