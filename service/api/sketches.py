"""A small request without its numbers: what tells that an earlier one asked for the same computation."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from service.api.asked import Asked
from service.api.media import JSON, ONNX
from service.api.parsing import count_keys
from service.api.tensors import decode
from service.errors import FluxionError
from service.tasks.messages import Array, Limits

LONGEST = 16_384  # bytes of a body whose reading costs less than handing it to another process
_STRING = re.compile(rb'"[^"]*"')


@dataclass(frozen=True)
class Sketch:
    """A request's fields but `at`, the values of that, and what two requests for one computation have in common.

    `size` is about what it takes to keep all of it, in bytes.
    """

    fields: Mapping[str, Any]
    at: Mapping[str, Array]
    key: Hashable
    size: int


def sketch(asked: Asked, limits: Limits, deepest: int) -> Sketch | None:
    """None for a request that is long, or that may have anything wrong with it: it is read in the thorough way."""
    raw = asked.raw
    if asked.sent != JSON or asked.answered == ONNX or len(raw) > LONGEST or b"\\" in raw:
        return None
    outside = _STRING.sub(b"", raw)
    objects = outside.count(b"{")
    if objects + outside.count(b"[") > deepest:
        return None
    try:
        fields = orjson.loads(raw)
        if type(fields) is not dict or count_keys(fields, objects) != outside.count(b":"):
            return None
        at = fields.pop("at", None)
        if type(at) is not dict:
            return None
        arrays = {name: decode(value, "", limits) for name, value in at.items()}
    except (orjson.JSONDecodeError, FluxionError):
        return None
    shapes = tuple((name, array.shape) for name, array in arrays.items())
    return Sketch(fields, arrays, (asked.kind, asked.answered, orjson.dumps(fields), shapes), 1024 + 4 * len(raw))
