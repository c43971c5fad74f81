"""The routes of UM-Bridge: at the server's root, where its C++ clients look, and under a prefix of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response

from service.api.answering import Answering
from service.api.asked import BRIEF, Asked
from service.api.bodies import receive
from service.api.disconnecting import unless_gone
from service.api.media import JSON
from service.api.replies import OK, SPENT, Reply, charged
from service.api.umbridge.calls import CALLS
from service.api.umbridge.models import SUPPORT, Models
from service.api.umbridge.reading import read_body
from service.api.umbridge.refusals import AnsweredError, InvalidInputError, refusal
from service.api.umbridge.sizes import Layouts, key_of
from service.errors import FluxionError
from service.tasks.messages import Kind

PROTOCOL_VERSION = 1.0
PREFIXES = ("", "/umbridge")
SLASHES = ("/", "//")  # a client whose address ends with a slash asks for //Info
INFO = "Info"
NAMES = (INFO, "ModelInfo", "InputSizes", "OutputSizes", *CALLS)
PATHS = frozenset(f"{prefix}{slashes}{name}" for prefix in PREFIXES for slashes in SLASHES for name in NAMES)

Fields = Mapping[str, Any]


@dataclass(frozen=True)
class UmBridge:
    """Answers the calls of the protocol, each by compute requests."""

    answering: Answering
    models: Models
    layouts: Layouts = field(default_factory=Layouts)

    async def answer(self, name: str, raw: bytes, note: Callable[[float], None]) -> tuple[bytes, Mapping[str, str]]:
        """The body of the answer to a call, and its headers; `note` is told what each computation cost, in seconds.

        Raises the errors of the call, of `service.errors`, and those of an executor.
        """
        if name == INFO:
            return orjson.dumps({"protocolVersion": PROTOCOL_VERSION, "models": await self.models.names()}), {}
        body: Fields = await _aside(len(raw), read_body, raw, self.answering.bounds.body)
        model = await self.models.find(body.get("name"))
        if name == "ModelInfo":
            return orjson.dumps({"support": SUPPORT}), {}
        asking = _Asking(self.answering, note, len(raw))
        fields, config = model.configured(body.get("config")), body.get("config")
        layout = await self.layouts.of(await _aside(len(raw), key_of, model.name, config), fields, asking.ask)
        if name not in CALLS:
            sizes = layout.input_sizes if name == "InputSizes" else layout.output_sizes
            return orjson.dumps({name[0].lower() + name[1:]: sizes}), {}
        call = CALLS[name]
        request = await _aside(len(raw), call.request, body, fields, layout)
        answer = await asking.ask(call.kind, request)
        if answer["batch_size"] is not None:
            message = "config: a value in at has one more axis than its variable; the model is of one point"
            raise InvalidInputError(message)
        return b'{"output":%b}' % await _aside(len(raw), call.answers, answer), asking.headers


@dataclass
class _Asking:
    """Compute requests of a call of so many bytes; `headers` are those of the last answer that hold for the call's."""

    answering: Answering
    note: Callable[[float], None]
    size: int
    headers: Mapping[str, str] = field(default_factory=dict)

    async def ask(self, kind: Kind, fields: Fields) -> Fields:
        """The answer as plain data. Raises AnsweredError: the request is refused."""
        raw = await _aside(self.size, orjson.dumps, fields)
        asked = await Asked(kind, JSON, JSON, raw, self.answering.salt).named()
        reply = await charged(self._reply(asked), self.note)
        self.headers = {name: text for name, text in reply.headers.items() if name in {"Cache-Status", "Server-Timing"}}
        answer: Fields = await _aside(len(reply.body), orjson.loads, reply.body)
        if reply.status != OK:
            raise AnsweredError(answer["code"], answer["detail"])
        return answer

    async def _reply(self, asked: Asked) -> Reply:
        return await self.answering.at_once(asked) or await self.answering.answer(asked)


async def _aside(size: int, work: Callable[..., Any], *arguments: Any) -> Any:
    """What the work answers; what is long is done in a thread, so that it does not hold up the event loop."""
    return await asyncio.to_thread(work, *arguments) if size > BRIEF else work(*arguments)


def umbridge_router(answering: Answering, models: Models) -> APIRouter:
    """The routes. They are no part of the OpenAPI document: the protocol has a description and clients of its own."""
    router, served = APIRouter(include_in_schema=False), UmBridge(answering, models)
    for path in sorted(PATHS):
        name = path.rpartition("/")[2]
        router.add_api_route(
            path, _route(served, name), methods=["GET" if name == INFO else "POST"], response_class=Response
        )
    return router


def _route(served: UmBridge, name: str) -> Callable[[Request], Awaitable[Response]]:
    async def route(request: Request) -> Response:
        spent: list[float] = []
        try:
            raw = await receive(request, served.answering.bounds.body)
            body, headers = await unless_gone(request, served.answer(name, raw, spent.append))
        except FluxionError as error:
            return refusal(error)
        finally:
            request.scope["state"][SPENT] = sum(spent)
        return Response(body, headers=dict(headers), media_type=JSON)

    return route
