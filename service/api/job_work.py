"""What jobs are about: compute requests, answered as they would be at once, but for the time they may take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from fastapi import Response

from service.api.answering import Answering
from service.api.asked import Asked
from service.api.problems import defect, refused
from service.api.rates import Rates
from service.api.replies import OK, charged
from service.errors import FluxionError, OverloadedError
from service.jobs.job import Done, Ticket
from service.jobs.jobs import Wanted
from service.pool.orders import Report


@dataclass(frozen=True)
class JobWork:
    """Answers the requests of jobs, and charges their clients."""

    answering: Answering
    rates: Rates

    async def do(self, ticket: Ticket, body: bytes, seconds: float, report: Report) -> Done:
        """The packed reply and its headers, or the document of a problem.

        Raises OverloadedError if no worker would come to it in time.
        """
        asked = await Asked(raw=body, salt=self.answering.salt, **ticket.head).named()
        spent: list[float] = []
        try:
            reply = await charged(self.answering.answer(asked, seconds, report, most=seconds), spent.append)
        except OverloadedError:
            raise
        except FluxionError as error:
            return Done(error=self.problem(error))
        except Exception as error:  # noqa: BLE001 - as a request that waits would have been answered
            return Done(error=_document(defect(error)))
        finally:
            await self.rates.charge(ticket.client, sum(spent))
        if reply.status != OK:
            return Done(error=orjson.loads(reply.body))
        return Done(reply.packed(), reply.headers)

    def problem(self, error: FluxionError) -> Mapping[str, Any]:
        """The document of a problem."""
        return _document(refused(error))


def wanted(asked: Asked, seconds: float | None, key: str, client: str) -> Wanted:
    """A compute request as work for a job; another release still sees that two of them are the same."""
    return Wanted(asked.head, asked.raw, asked.fingerprint, seconds, client, key)


def _document(response: Response) -> Mapping[str, Any]:
    document: Mapping[str, Any] = orjson.loads(response.body)
    return document
