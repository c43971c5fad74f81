"""Calls as clients of the protocol make them, and what the protocol says of the answers."""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

import jsonschema

ERRORS = ("ModelNotFound", "UnsupportedFeature", "InvalidInput", "InvalidOutput")
NUMBERS = {"type": "array", "items": {"type": "number"}, "minItems": 1}
SIZES = {"type": "array", "items": {"type": "integer"}, "minItems": 1}
FLAGS = {name: {"type": "boolean"} for name in ("Evaluate", "Gradient", "ApplyJacobian", "ApplyHessian")}


def only(**properties: Any) -> dict[str, Any]:
    """The schema of an object with exactly these members."""
    return {"type": "object", "properties": properties, "required": [*properties], "additionalProperties": False}


INFO = only(protocolVersion={"type": "number"}, models={"type": "array", "items": {"type": "string"}, "minItems": 1})
MODEL_INFO = only(support=only(**FLAGS))
INPUT_SIZES, OUTPUT_SIZES = only(inputSizes=SIZES), only(outputSizes=SIZES)
VECTORS = only(output={"type": "array", "items": NUMBERS, "minItems": 1})
VECTOR = only(output=NUMBERS)


def failure(kind: str) -> dict[str, Any]:
    """The schema of an error of a type."""
    return only(error=only(type={"const": kind}, message={"type": "string", "minLength": 1}))


def call(base: str, name: str, body: Any = None, method: str = "POST", **headers: str) -> tuple[int, Any]:
    """Status and answer of a call that states no type of its body; bytes are sent as they are."""
    address = urlsplit(base)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)
    raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    try:
        connection.request(method, f"{address.path}/{name}", raw, headers)
        response = connection.getresponse()
        return response.status, json.loads(response.read() or b"null")
    finally:
        connection.close()


def answered(base: str, name: str, body: Any, schema: dict[str, Any]) -> Any:
    """The answer to a call that succeeds."""
    status, answer = call(base, name, body)
    assert status == 200, answer
    jsonschema.validate(answer, schema)
    return answer


def refused(base: str, name: str, body: Any, kind: str = "InvalidInput", status: int = 400) -> str:
    """The message of a call that fails with an error of a type."""
    found, answer = call(base, name, body)
    assert found == status, answer
    jsonschema.validate(answer, failure(kind))
    message: str = answer["error"]["message"]
    return message
