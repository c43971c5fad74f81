"""What the routes and FastAPI itself raise, as problem documents. Workers, which have no routes, do not import this."""

from __future__ import annotations

import http

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.routing import Match

from service.api.problems import (
    CODES_BY_STATUS,
    FAULTS,
    Fault,
    FaultyRequestError,
    defect,
    pointer,
    problem,
    refused,
    respond,
    response_to,
)
from service.errors import QUOTE_LIMIT, FluxionError

METHODS = ("DELETE", "GET", "PATCH", "POST", "PUT")


async def _on_refusal(_request: Request, error: Exception) -> Response:
    return response_to(error)


async def _on_http(request: Request, error: Exception) -> Response:
    """What routing raises: an unknown address or method (with `Allow`)."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    code = CODES_BY_STATUS.get(status)
    if code is None:
        return defect(error)
    headers = {"Allow": _methods(request)} if code == "method-not-allowed" else getattr(error, "headers", None)
    details = {
        "not-found": "There is no such address; /openapi.json lists those there are.",
        "method-not-allowed": f"{request.method[:QUOTE_LIMIT]} is not a method of this address.",
    }
    return respond(problem(code, details.get(code, http.HTTPStatus(status).description)), headers)


def _methods(request: Request) -> str:
    """All methods of the address; what routing raises names those of the first route that has it."""

    def is_there(method: str) -> bool:
        scope = {**request.scope, "method": method}
        return any(route.matches(scope)[0] is Match.FULL for route in request.app.routes)

    return ", ".join(filter(is_there, METHODS))


async def _on_invalid(_request: Request, error: Exception) -> Response:
    """What FastAPI's own validation raises, without the input that it would repeat."""
    found = error.errors() if isinstance(error, RequestValidationError) else []
    faults = [Fault(pointer(*item["loc"]), str(item["msg"])) for item in found[:FAULTS]]
    return refused(FaultyRequestError("The request does not have the required form.", faults=faults))


def install(app: FastAPI) -> None:
    """Makes every error of the application's routes a problem document."""
    app.add_exception_handler(FluxionError, _on_refusal)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(RequestValidationError, _on_invalid)
