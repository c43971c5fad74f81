"""Errors as Tesseract's client reads them: problem documents, of which those with the status 422 list their faults.

The client takes `detail` of a 422 for FastAPI's list of errors, and breaks on a text. So it is that list there, one
entry for each fault, while all other members are those of a problem document. RFC 9457 has readers ignore a member that
is not of the type they expect.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.responses import Response

from service.api.asking import AnsweredError
from service.api.problems import Fault, respond, response_to
from service.api.tesseract.calls import Call

UNPROCESSABLE = 422
MOST = 8  # entries of the list


def refusal(error: BaseException) -> Response:
    """The response to whatever was raised."""
    response = response_to(error)
    if response.status_code != UNPROCESSABLE:
        return response
    problem = orjson.loads(response.body)
    faults = problem["errors"] or [{"pointer": "", "message": problem["detail"]}]
    listed = [
        {"type": problem["code"], "loc": _location(fault["pointer"]), "msg": fault["message"]}
        for fault in faults[:MOST]
    ]
    return respond({**problem, "detail": listed})


def translated(error: AnsweredError, call: Call) -> AnsweredError:
    """The error of a compute request, its pointers being into the call that became the request."""
    place = {"at": "/inputs", "tangents": f"/{call.vector}", "cotangent": f"/{call.vector}"}
    faults = tuple(Fault(_moved(fault.pointer, place), fault.message) for fault in error.faults)
    return AnsweredError(error.code, error.detail, faults)


def _moved(pointer: str, place: Mapping[str, str]) -> str:
    field, slash, rest = pointer.removeprefix("/").partition("/")
    return f"{place[field]}{slash}{rest}" if field in place else ""


def _location(pointer: str) -> list[Any]:
    steps = [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]
    return ["body", *(int(step) if step.isdecimal() else step for step in steps)]
