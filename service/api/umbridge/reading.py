"""The body of a call: JSON whatever its media type, in which NaN and Infinity may stand for numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from service.api.bodies import BodyBounds
from service.api.parsing import parse
from service.api.problems import MalformedBodyError
from service.api.umbridge.refusals import InvalidInputError

_TOKEN = re.compile(rb'("[^"\\]*(?:\\.[^"\\]*)*")|(-?Infinity|NaN)', re.DOTALL)


def read_body(raw: bytes, bounds: BodyBounds) -> Mapping[str, Any]:
    """The fields of a call; numbers that are not finite are texts. An empty body has no fields.

    Raises what `parse` raises, and InvalidInputError: it is no object.
    """
    body = _parsed(raw, bounds) if raw.strip() else {}
    if not isinstance(body, dict):
        message = "the body is a JSON object"
        raise InvalidInputError(message)
    return body


def _parsed(raw: bytes, bounds: BodyBounds) -> Any:
    try:
        return parse(raw, bounds)
    except MalformedBodyError:
        if b"NaN" not in raw and b"Infinity" not in raw:
            raise
    return parse(_TOKEN.sub(lambda found: found[1] or b'"%b"' % found[2], raw), bounds)
