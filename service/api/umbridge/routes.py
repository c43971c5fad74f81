"""The routes of UM-Bridge: at the server's root, where its C++ clients look, and under a prefix of their own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import orjson
from fastapi import APIRouter, Request, Response

from service.api.answering import Answering
from service.api.asking import Asking, Fields, aside
from service.api.bodies import receive
from service.api.disconnecting import unless_gone
from service.api.media import JSON
from service.api.preferences import wishes
from service.api.replies import SPENT
from service.api.umbridge.calls import CALLS
from service.api.umbridge.models import SUPPORT, Models
from service.api.umbridge.reading import read_body
from service.api.umbridge.refusals import InvalidInputError, refusal
from service.api.umbridge.sizes import Layouts, key_of
from service.errors import FluxionError

PROTOCOL_VERSION = 1.0
PREFIXES = ("", "/umbridge")
SLASHES = ("/", "//")  # a client whose address ends with a slash asks for //Info
INFO = "Info"
NAMES = (INFO, "ModelInfo", "InputSizes", "OutputSizes", *CALLS)
PATHS = frozenset(f"{prefix}{slashes}{name}" for prefix in PREFIXES for slashes in SLASHES for name in NAMES)


@dataclass(frozen=True)
class UmBridge:
    """Answers the calls of the protocol, each by compute requests."""

    answering: Answering
    models: Models
    layouts: Layouts = field(default_factory=Layouts)

    async def answer(self, name: str, raw: bytes, asking: Asking) -> bytes:
        """The body of the answer to a call.

        Raises the errors of the call, of `service.errors`, and those of an executor.
        """
        if name == INFO:
            return orjson.dumps({"protocolVersion": PROTOCOL_VERSION, "models": await self.models.names()})
        body: Fields = await aside(len(raw), read_body, raw, self.answering.bounds.body)
        model = await self.models.find(body.get("name"))
        if name == "ModelInfo":
            return orjson.dumps({"support": SUPPORT})
        fields, config = model.configured(body.get("config")), body.get("config")
        layout = await self.layouts.of(await aside(len(raw), key_of, model.name, config), fields, asking.ask)
        if name not in CALLS:
            sizes = layout.input_sizes if name == "InputSizes" else layout.output_sizes
            return orjson.dumps({name[0].lower() + name[1:]: sizes})
        call = CALLS[name]
        request = await aside(len(raw), call.request, body, fields, layout)
        answer = await asking.ask(call.kind, request)
        if answer["batch_size"] is not None:
            message = "config: a value in at has one more axis than its variable; the model is of one point"
            raise InvalidInputError(message)
        return b'{"output":%b}' % await aside(asking.size, call.answers, answer)


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
        asking = Asking(served.answering)
        try:
            asking.seconds = wishes(request.headers).seconds
            raw = await receive(request, served.answering.bounds.body)
            asking.size = len(raw)
            body = await unless_gone(request, served.answer(name, raw, asking))
        except FluxionError as error:
            return refusal(error)
        finally:
            request.scope["state"][SPENT] = sum(asking.spent)
        return Response(body, headers=dict(asking.headers), media_type=JSON)

    return route
