"""The routes of registered functions."""

from __future__ import annotations

import base64
import re
from functools import partial
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response

from service.api.answering import Answering
from service.api.asked import Asked
from service.api.bodies import receive
from service.api.declaring import Described, OnnxFile, answers, problems, takes
from service.api.disconnecting import unless_gone
from service.api.examples import REQUESTS
from service.api.function_documents import (
    EXAMPLE,
    LIST_EXAMPLE,
    FunctionDocument,
    FunctionList,
    record,
    summary,
    whole,
)
from service.api.media import JSON, ONNX, answer_type, body_type
from service.api.problems import Fault, FaultyRequestError, pointer
from service.api.replies import OK, SPENT, Sent, charged
from service.api.requests import RegistrationRequest
from service.api.supplying import unknown_function
from service.functions.bounds import ID_PATTERN
from service.functions.functions import Functions

CREATED = 201
PAGE, LARGEST_PAGE = 50, 500
TOKEN_PATTERN = f"^$|{ID_PATTERN}"
_ID = {"name": "function_id", "in": "path", "required": True, "schema": {"type": "string", "pattern": ID_PATTERN}}
_PARAMETERS = {
    "name": "parameters",
    "in": "query",
    "schema": {"type": "string"},
    "description": "With an ONNX file as the body: the names of initializers that become variables, with commas.",
}
_SIZE = {
    "name": "page_size",
    "in": "query",
    "schema": {"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE, "default": PAGE},
}
_TOKEN = {
    "name": "page_token",
    "in": "query",
    "schema": {"type": "string", "pattern": TOKEN_PATTERN, "default": ""},
    "description": "The `next_page_token` of the page before; empty for the first page.",
}


class FunctionRoutes:
    """What is answered at the addresses of functions."""

    def __init__(self, functions: Functions, answering: Answering) -> None:
        self._functions = functions
        self._answering = answering

    async def create_function(self, request: Request) -> Response:
        """Registers a function for requests that name it by `function_id`.

        201 with its document; 200 if it, or another spelling of it, was registered before. It is kept for a time after
        its last use, which the document states, and is known to everyone who may ask this service.
        """
        answer_type(request.headers, JSON)
        sent = body_type(request.headers, JSON, ONNX)
        raw = await receive(request, self._answering.bounds.body)
        named = _parameters(request.query_params.multi_items(), sent)
        body = raw if sent == JSON else _model(raw, named)
        asked = await Asked("function", JSON, JSON, body, self._answering.salt).named()
        computing = unless_gone(request, self._answering.answer(asked))
        reply = await charged(computing, partial(request.scope["state"].__setitem__, SPENT))
        if reply.status != OK:
            return Sent(reply)
        function_id, document = record(bytes(reply.body))
        kept, is_new = await self._functions.register(function_id, document)
        where = {"Location": f"/v1/functions/{function_id}"}
        return Response(whole(kept, self._functions.expires_at), CREATED if is_new else OK, where, JSON)

    async def get_function(self, request: Request) -> Response:
        """Its variables, its outputs, its closed forms and its canonical graph; reading them is a use."""
        answer_type(request.headers, JSON)
        function_id = request.path_params["function_id"]
        kept = await self._functions.find(function_id)
        if kept is None:
            raise unknown_function(function_id)
        return Response(whole(kept, self._functions.expires_at), OK, None, JSON)

    async def list_functions(self, request: Request) -> Response:
        """The functions that are registered, page by page, in the order of their ids."""
        answer_type(request.headers, JSON)
        query = request.query_params
        token = _page_token(query.get("page_token", ""))
        page = await self._functions.listed(token, _page_size(query.get("page_size")))
        found = {"functions": [*map(summary, page.documents)], "next_page_token": page.last}
        return Response(orjson.dumps(found), OK, None, JSON)


def functions_router(functions: Functions, answering: Answering) -> APIRouter:
    """The routes of all registered functions."""
    router, routes = APIRouter(prefix="/v1/functions", tags=["functions"]), FunctionRoutes(functions, answering)
    body = takes(RegistrationRequest, REQUESTS["function"], {ONNX: OnnxFile})
    found = answers(FunctionDocument, EXAMPLE)
    created = found | {CREATED: {**found[OK], "description": "A new function.", "headers": _LOCATION}}
    listed = answers(FunctionList, LIST_EXAMPLE)
    problems_of_post = problems(400, 406, 408, 413, 415, 422, 429, 503)
    posted, paged, named = body | {"parameters": [_PARAMETERS]}, {"parameters": [_SIZE, _TOKEN]}, {"parameters": [_ID]}
    for one in (
        Described("POST", "", routes.create_function, "Register a function", created | problems_of_post, posted),
        Described("GET", "", routes.list_functions, "All functions", listed | problems(406, 422, 503), paged),
        Described("GET", "/{function_id}", routes.get_function, "A function", found | problems(404, 406, 503), named),
    ):
        one.add_to(router)
    return router


_LOCATION = {"Location": {"description": "The function's address.", "schema": {"type": "string"}}}


def _parameters(query: list[tuple[str, str]], sent: str) -> str | None:
    """The names in the query; a query that is not understood would register another function, and is refused."""
    names = [name for name, _ in query]
    if names and (sent != ONNX or names != ["parameters"]):
        detail = "the query is parameters, once, with commas between the names, beside a file in ONNX as the body"
        odd = next((name for name in names if name != "parameters"), names[0])
        raise FaultyRequestError(detail, faults=[Fault(pointer(odd), detail)])
    return query[0][1] if query else None


def _model(raw: bytes, parameters: str | None) -> bytes:
    """The request that a file in ONNX stands for."""
    body: dict[str, Any] = {"model": {"format": "onnx", "content": base64.b64encode(raw).decode()}}
    return orjson.dumps(body | ({} if parameters is None else {"parameters": parameters.split(",")}))


def _page_size(text: str | None) -> int:
    if text is None:
        return PAGE
    size = int(text) if re.fullmatch("[0-9]{1,3}", text) else 0
    if not 1 <= size <= LARGEST_PAGE:
        raise _faulty("page_size", f"a whole number from 1 to {LARGEST_PAGE}")
    return size


def _page_token(text: str) -> str:
    if not re.fullmatch(TOKEN_PATTERN, text):
        raise _faulty("page_token", "the next_page_token of the page before")
    return text


def _faulty(parameter: str, what: str) -> FaultyRequestError:
    detail = f"{parameter} is {what}"
    return FaultyRequestError(detail, faults=[Fault(pointer(parameter), detail)])
