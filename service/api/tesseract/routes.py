"""The routes of Tesseract: each registered function answers its calls under an address of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response

from service.api.answering import Answering
from service.api.asking import AnsweredError, Asking, Fields, aside
from service.api.bodies import receive
from service.api.disconnecting import unless_gone
from service.api.media import JSON, body_type
from service.api.parsing import parse
from service.api.preferences import wishes
from service.api.replies import SPENT
from service.api.tesseract.arrays import DTYPE, accepted, written
from service.api.tesseract.calls import CALLS, OUTPUTS, Call, Called, read_shapes
from service.api.tesseract.description import description
from service.api.tesseract.refusals import refusal, translated
from service.api.tesseract.signatures import Shapes, Signature, Signatures
from service.api.work import Bounds
from service.errors import FluxionError
from service.functions.functions import Functions

PREFIX = "/tesseract/{function_id}"
ABSTRACT = "abstract_eval"


@dataclass(frozen=True)
class Tesseract:
    """One function, whose calls are answered by compute requests."""

    signature: Signature
    bounds: Bounds

    async def call(self, call: Call, raw: bytes, media_type: str, asking: Asking) -> bytes:
        """The body of the answer to a call.

        Raises the errors of the call, of `service.errors`, and those of an executor.
        """
        body = await aside(len(raw), parse, raw, self.bounds.body)
        called = await aside(len(raw), call.read, body, self.signature, self.bounds.limits)
        shapes: Shapes = {name: value.shape for name, value in called.values.items()}
        if call.along == OUTPUTS:
            shapes = await self.signature.output_shapes(called.sizes, asking.ask)
        call.check(called, shapes)
        request = await aside(len(raw), call.request, called, self.signature)
        try:
            found = await asking.ask(call.kind, request)
        except AnsweredError as error:
            raise translated(error, call) from None
        return await aside(asking.size, _answer, call, called, found, media_type)

    async def abstract(self, raw: bytes, asking: Asking) -> bytes:
        """The shapes that outputs have for inputs of some shapes."""
        body = await aside(len(raw), parse, raw, self.bounds.body)
        sizes = self.signature.sizes(read_shapes(body, self.signature))
        shapes = await self.signature.output_shapes(sizes, asking.ask)
        return orjson.dumps({name: {"shape": shape, "dtype": DTYPE} for name, shape in shapes.items()})


def tesseract_router(answering: Answering, functions: Functions) -> APIRouter:
    """The routes. They are no part of the OpenAPI document: every function has one of its own."""
    router, signatures = APIRouter(prefix=PREFIX, include_in_schema=False), Signatures(functions)
    for name in (*CALLS, ABSTRACT):
        router.add_api_route(f"/{name}", _posted(name, answering, signatures), methods=["POST"])
    gotten: tuple[tuple[str, Callable[[Signature], Any]], ...] = (
        ("health", lambda _: {"status": "ok"}),
        ("openapi.json", description),
    )
    for name, says in gotten:
        router.add_api_route(f"/{name}", _gotten(says, signatures), methods=["GET"])
    return router


def _posted(name: str, answering: Answering, signatures: Signatures) -> Callable[[Request], Awaitable[Response]]:
    async def route(request: Request) -> Response:
        asking = Asking(answering)
        try:
            media_type = JSON if name == ABSTRACT else accepted(request.headers)
            body_type(request.headers, JSON)
            asking.seconds = wishes(request.headers).seconds
            raw = await receive(request, answering.bounds.body)
            asking.size = len(raw)
            served = Tesseract(await signatures.of(request.path_params["function_id"]), answering.bounds)
            work = (
                served.abstract(raw, asking) if name == ABSTRACT else served.call(CALLS[name], raw, media_type, asking)
            )
            body = await unless_gone(request, work)
        except FluxionError as error:
            return refusal(error)
        finally:
            request.scope["state"][SPENT] = sum(asking.spent)
        return Response(body, headers=dict(asking.headers), media_type=media_type)

    return route


def _gotten(says: Callable[[Signature], Any], signatures: Signatures) -> Callable[[Request], Awaitable[Response]]:
    async def route(request: Request) -> Response:
        signature = await signatures.of(request.path_params["function_id"])
        return Response(orjson.dumps(says(signature)), media_type=JSON)

    return route


def _answer(call: Call, called: Called, found: Fields, media_type: str) -> bytes:
    def each(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {name: each(part) for name, part in value.items()}
        return written(value, media_type)

    return orjson.dumps(each(call.answers(called, found)))
