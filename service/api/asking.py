"""Requests of this service to itself: what a call of another protocol becomes, asked and answered as plain data."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import orjson
from starlette.requests import Request
from starlette.responses import Response

from service.api.answering import Answering
from service.api.asked import BRIEF, Asked
from service.api.bodies import receive
from service.api.disconnecting import unless_gone
from service.api.media import JSON
from service.api.preferences import wishes
from service.api.problems import Fault, RefusalError
from service.api.replies import OK, SPENT, Reply, charged
from service.tasks.messages import Kind

Fields = Mapping[str, Any]
Ask = Callable[[Kind, Fields], Awaitable[Fields]]  # what `Asking.ask` is
T = TypeVar("T")


class AnsweredError(RefusalError):
    """A compute request that a call became was refused; its problem document has the code and the faults."""

    def __init__(self, code: str, detail: str, faults: tuple[Fault, ...] = ()) -> None:
        super().__init__(detail, faults=faults)
        self.code = code


@dataclass
class Asking:
    """Compute requests of one call, of which each may take so many seconds; `spent` is what each of them cost.

    `headers` are those of the last answer that are true of the call's answer, `size` the bytes of the longest text yet.
    """

    answering: Answering
    seconds: float | None = None
    size: int = 0
    spent: list[float] = field(default_factory=list)
    headers: Mapping[str, str] = field(default_factory=dict)

    async def ask(self, kind: Kind, fields: Fields) -> Fields:
        """The answer as plain data; `fields` may have arrays. Raises AnsweredError: the request is refused."""
        raw = await aside(self.size, _written, fields)
        asked = await Asked(kind, JSON, JSON, raw, self.answering.salt).named()
        reply = await charged(self._reply(asked), self.spent.append)
        self.headers = {name: text for name, text in reply.headers.items() if name in {"Cache-Status", "Server-Timing"}}
        self.size = max(self.size, len(reply.body))
        answer: Fields = await aside(self.size, orjson.loads, reply.body)
        if reply.status != OK:
            raise AnsweredError(answer["code"], answer["detail"], tuple(Fault(**fault) for fault in answer["errors"]))
        return answer

    async def _reply(self, asked: Asked) -> Reply:
        return await self.answering.at_once(asked) or await self.answering.answer(asked, self.seconds)


async def response_to_call(
    request: Request,
    answering: Answering,
    work: Callable[[bytes, Asking], Coroutine[Any, Any, bytes]],
    media_type: str = JSON,
) -> Response:
    """The response to a call, whose body `work` makes of the call's, as long as the client waits for it.

    What the work asked for is charged, whatever becomes of the call. Raises what `work` raises, and refusals of the
    body and of what the client prefers.
    """
    asking = Asking(answering)
    try:
        asking.seconds = wishes(request.headers).seconds
        raw = await receive(request, answering.bounds.body)
        asking.size = len(raw)
        body = await unless_gone(request, work(raw, asking))
    finally:
        request.scope["state"][SPENT] = sum(asking.spent)
    return Response(body, headers=dict(asking.headers), media_type=media_type)


async def aside(size: int, work: Callable[..., T], *arguments: Any) -> T:
    """What the work answers; what is long is done in a thread, so that it does not hold up the event loop."""
    return await asyncio.to_thread(work, *arguments) if size > BRIEF else work(*arguments)


def _written(fields: Fields) -> bytes:
    return orjson.dumps(fields, option=orjson.OPT_SERIALIZE_NUMPY)
