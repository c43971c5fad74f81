"""Errors as RFC 9457 problem documents: every refusal and every defect is answered by one of these."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from service.errors import QUOTE_LIMIT, FluxionError, OverloadedError, Place

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:fluxion:problem:"
BODY_BYTES = 8128  # 8192 with the id of the trace
DETAIL_CHARACTERS = 1000
MESSAGE_CHARACTERS = 300
FAULTS = 20

log = logging.getLogger("fluxion.api")


@dataclass(frozen=True)
class ProblemKind:
    """What is fixed for one code: the status and the title."""

    status: int
    title: str


KINDS: dict[str, ProblemKind] = {
    "malformed-request": ProblemKind(400, "The request is not well-formed HTTP"),
    "malformed-body": ProblemKind(400, "The body is not well-formed"),
    "unauthorized": ProblemKind(401, "A key is required"),
    "not-found": ProblemKind(404, "Nothing is at this address"),
    "method-not-allowed": ProblemKind(405, "The address does not take this method"),
    "not-acceptable": ProblemKind(406, "None of the accepted media types can be answered"),
    "request-timeout": ProblemKind(408, "The request did not arrive in time"),
    "payload-too-large": ProblemKind(413, "The body is too large"),
    "unsupported-media-type": ProblemKind(415, "The body has a media type or an encoding that is not read here"),
    "headers-too-large": ProblemKind(431, "The headers are too large"),
    "invalid-request": ProblemKind(422, "The request does not have the required form"),
    "parse-error": ProblemKind(422, "The expression or graph cannot be read"),
    "unknown-name": ProblemKind(422, "A name is not known"),
    "shape-error": ProblemKind(422, "The shapes do not fit the operation"),
    "not-differentiable": ProblemKind(422, "The derivative does not exist as a function"),
    "unsupported-operation": ProblemKind(422, "The request is understood but not supported"),
    "domain-error": ProblemKind(422, "The value does not exist at this point"),
    "limit-exceeded": ProblemKind(422, "A limit is exceeded"),
    "deadline-exceeded": ProblemKind(422, "The computation needs more time than it may take"),
    "rate-limited": ProblemKind(429, "Too many requests"),
    "overloaded": ProblemKind(503, "The service is busy"),
    "shutting-down": ProblemKind(503, "The service is not taking requests"),
    "internal": ProblemKind(500, "The service has a defect"),
}
CODES_BY_STATUS = {
    400: "malformed-body",
    401: "unauthorized",
    404: "not-found",
    405: "method-not-allowed",
    406: "not-acceptable",
    408: "request-timeout",
    413: "payload-too-large",
    415: "unsupported-media-type",
    422: "invalid-request",
    429: "rate-limited",
    431: "headers-too-large",
    503: "overloaded",
}


@dataclass(frozen=True)
class Fault:
    """One thing wrong with a request: a JSON pointer into it ("" is all of it) and a sentence."""

    pointer: str
    message: str


class RefusalError(FluxionError):
    """A request refused by the HTTP layer itself, with any number of faults and with headers of the response."""

    def __init__(
        self,
        detail: str,
        *,
        faults: Sequence[Fault] = (),
        place: Place | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail, place=place)
        self.faults = tuple(faults)
        self.headers = dict(headers or {})


class MalformedBodyError(RefusalError):
    """The body is not well-formed JSON or npz."""

    code = "malformed-body"


class NotAcceptableError(RefusalError):
    """The `Accept` header leaves out what can be answered."""

    code = "not-acceptable"


class PayloadTooLargeError(RefusalError):
    """The body is too long."""

    code = "payload-too-large"


class UnsupportedMediaTypeError(RefusalError):
    """The body is neither JSON in UTF-8 nor npz, as it is."""

    code = "unsupported-media-type"


class FaultyRequestError(RefusalError):
    """Fields of the request are missing, unknown or wrong; each is listed."""

    code = "invalid-request"


class NotFoundError(RefusalError):
    """Nothing is there, or not any more."""

    code = "not-found"


class NotServingError(RefusalError):
    """The service is starting or shutting down."""

    code = "shutting-down"


def pointer(*path: str | int) -> str:
    """The JSON pointer (RFC 6901) of a path; over-long keys are shortened, since an error repeats little input."""
    return "".join("/" + _shortened(str(step)).replace("~", "~0").replace("/", "~1") for step in path)


def problem(code: str, detail: str, **fields: Any) -> dict[str, Any]:
    """The members of a problem document; `fields` are `errors`, `line`, `column`, `excerpt`."""
    kind = KINDS[code]
    head = {"type": TYPE_PREFIX + code, "title": kind.title, "status": kind.status}
    return head | {"detail": detail[:DETAIL_CHARACTERS], "code": code, "errors": []} | fields


def respond(document: dict[str, Any], headers: Mapping[str, str] | None = None) -> Response:
    """The document as a response of ASCII JSON, cut to at most `BODY_BYTES`."""
    body = json.dumps(document).encode("ascii")
    while len(body) > BODY_BYTES and document["errors"]:
        document = document | {"errors": document["errors"][:-1]}
        body = json.dumps(document).encode("ascii")
    if len(body) > BODY_BYTES:  # escapes of six characters each
        document = document | {"detail": document["detail"][:QUOTE_LIMIT]}
        body = json.dumps(document).encode("ascii")
    return Response(body, document["status"], dict(headers or {}), MEDIA_TYPE)


def refused(error: FluxionError) -> Response:
    """The response to a refusal; an error of a class without a code is a defect."""
    if error.code not in KINDS or error.code == "internal":
        return defect(error)
    faults = error.faults if isinstance(error, RefusalError) else ()
    if error.pointer is not None:
        faults = (Fault(error.pointer, error.detail), *faults)
    fields: dict[str, Any] = {
        "errors": [{"pointer": f.pointer, "message": f.message[:MESSAGE_CHARACTERS]} for f in faults[:FAULTS]]
    }
    if error.place is not None:
        excerpt = error.place.excerpt[: 3 * QUOTE_LIMIT]  # the line, and the caret under it
        fields |= {"line": error.place.line, "column": error.place.column, "excerpt": excerpt}
    headers = error.headers if isinstance(error, RefusalError) else None
    if isinstance(error, OverloadedError):
        headers = {"Retry-After": str(error.retry_after)}
    return respond(problem(error.code, error.detail, **fields), headers)


def response_to(error: BaseException) -> Response:
    """The response to whatever was raised."""
    return refused(error) if isinstance(error, FluxionError) else defect(error)


def defect(error: BaseException) -> Response:
    """The response to anything unforeseen: the log has what happened, the client learns nothing of it."""
    log.error("a request ended in a defect", exc_info=error)
    return hidden()


def hidden() -> Response:
    """What a client learns of a defect."""
    return respond(problem("internal", "This is a defect of the service, not of the request; the log has the details."))


def _shortened(text: str) -> str:
    return text if len(text) <= QUOTE_LIMIT else text[: QUOTE_LIMIT - 3] + "..."
