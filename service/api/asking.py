"""Requests of this service to itself: what a call of another protocol becomes, asked and answered as plain data."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import orjson

from service.api.answering import Answering
from service.api.asked import BRIEF, Asked
from service.api.media import JSON
from service.api.problems import Fault, RefusalError
from service.api.replies import OK, Reply, charged
from service.tasks.messages import Kind

Fields = Mapping[str, Any]
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


async def aside(size: int, work: Callable[..., T], *arguments: Any) -> T:
    """What the work answers; what is long is done in a thread, so that it does not hold up the event loop."""
    return await asyncio.to_thread(work, *arguments) if size > BRIEF else work(*arguments)


def _written(fields: Fields) -> bytes:
    return orjson.dumps(fields, option=orjson.OPT_SERIALIZE_NUMPY)
