"""Errors as UM-Bridge writes them: `{"error": {"type", "message"}}` and nothing else."""

from __future__ import annotations

from collections.abc import Mapping

import orjson
from starlette.responses import Response

from service.api.media import JSON
from service.api.problems import DETAIL_CHARACTERS, KINDS, RefusalError, response_to

NOT_FOUND, UNSUPPORTED, INPUT, OUTPUT = "ModelNotFound", "UnsupportedFeature", "InvalidInput", "InvalidOutput"
STATUS = {NOT_FOUND: 400, UNSUPPORTED: 400, INPUT: 400, OUTPUT: 500}

# The protocol's type for a code of ours. A code that is not here is its own type, and has its own status.
TYPE_OF: Mapping[str, str] = {
    "not-found": NOT_FOUND,
    "not-differentiable": UNSUPPORTED,
    "unsupported-operation": UNSUPPORTED,
    "malformed-body": INPUT,
    "invalid-request": INPUT,
    "parse-error": INPUT,
    "unknown-name": INPUT,
    "shape-error": INPUT,
    "domain-error": INPUT,
    "limit-exceeded": INPUT,
    "internal": OUTPUT,
}


class ModelNotFoundError(RefusalError):
    """No model has the name."""

    code = "not-found"


class InvalidInputError(RefusalError):
    """A field of a call is missing or wrong."""

    code = "invalid-request"


def refusal(error: BaseException) -> Response:
    """The response to whatever was raised; its headers are those of the problem document that it would be elsewhere."""
    document = response_to(error)
    problem = orjson.loads(document.body)
    code = problem["code"]
    kind = TYPE_OF.get(code) or "".join(word.capitalize() for word in code.split("-"))
    body = {"error": {"type": kind, "message": problem["detail"][:DETAIL_CHARACTERS]}}
    kept = ("retry-after", "www-authenticate", "connection")
    headers = {name: document.headers[name] for name in kept if name in document.headers}
    return Response(orjson.dumps(body), STATUS.get(kind, KINDS[code].status), headers, JSON)
