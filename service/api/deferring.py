"""Requests that may be answered later (`Prefer: respond-async`, RFC 7240): by a job, unless they are done in time."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from fastapi import Request, Response
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect

from service.api.answering import Answering
from service.api.asked import Asked
from service.api.disconnecting import unless_gone
from service.api.job_documents import job_response, result_response
from service.api.job_work import wanted
from service.api.preferences import Wishes
from service.api.problems import FaultyRequestError
from service.jobs.jobs import Jobs

KEY_HEADER = "idempotency-key"
ACCEPTED = 202
_STRING = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\]){1,255})"')  # RFC 9651, 3.3.3
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~:/=@-]{1,255}")


@dataclass(frozen=True)
class Deferring:
    """Makes jobs of requests; nobody waits for one on a connection for longer than for an answer."""

    jobs: Jobs
    answering: Answering

    async def response(self, request: Request, asked: Asked, wished: Wishes) -> Response:
        """The answer, if it is there within the time that the client waits; else 202 and the job that goes on.

        Without a key of the client's, a job whose answer was sent is forgotten, and one that was not heard of stopped.

        Raises:
            FaultyRequestError: the `Idempotency-Key` is none.
            InvalidRequestError: it was sent with another request before.
            OverloadedError: there are too many jobs, or their store does not answer.
        """
        key = idempotency_key(request.headers)
        client = request.scope.get("state", {}).get("client", "")
        waited = wished.wait if wished.wait is None else min(wished.wait, self.answering.seconds)
        applied = {"Preference-Applied": replace(wished, wait=waited).applied}
        in_time = {"Preference-Applied": replace(wished, wait=waited, is_async=False).applied}
        job = await self.jobs.submit(wanted(asked, wished.seconds, key, client))
        if waited:
            try:
                job = await unless_gone(request, self.jobs.ended(job, waited))
            except ClientDisconnect:
                if not key:
                    await self.jobs.cancel(job)
                raise
        if not waited or job.end is None:
            return job_response(job, ACCEPTED, applied)
        response = await result_response(self.jobs, job, request.headers.get("if-none-match", ""), in_time)
        if not key:
            await self.jobs.forget(job)
        return response


def idempotency_key(headers: Headers) -> str:
    """The client's own name for its request, empty without one: a string of RFC 9651, or a plain token.

    Raises:
        FaultyRequestError: it is neither, or stated twice, or longer than 255 characters.
    """
    stated = headers.getlist(KEY_HEADER)
    if not stated:
        return ""
    text = stated[0].strip()
    if len(stated) == 1 and (found := _STRING.fullmatch(text)):
        return re.sub(r"\\(.)", r"\1", found[1])
    if len(stated) == 1 and _TOKEN.fullmatch(text):
        return text
    detail = "Idempotency-Key is one text of 1 to 255 characters of ASCII, in double quotes or without spaces"
    raise FaultyRequestError(detail)
