"""JSON text into plain objects, refusing what a JSON parser lets pass: deep nesting and repeated keys.

Both are checked without a Python step per number, so that a body of 32 MiB costs little more than its parse.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from service.api.bodies import BodyBounds
from service.api.problems import Fault, FaultyRequestError, MalformedBodyError, RefusalError, pointer
from service.api.runs import loads
from service.errors import LimitError, Place, quote

CHUNK = 2**18
SLOW_BYTES = 2**20  # a body up to here may be read again, slowly, to say better what is wrong with it
QUOTE, COLON, BRACE, NINE = b'":{9'

_STEP = np.zeros(256, np.int8)
_STEP[list(b"[{")] = 1
_STEP[list(b"]}")] = -1
_NESTING = {dict, list}
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)


@dataclass(frozen=True)
class Survey:
    """What a pass over the text finds outside of strings: the deepest nesting, colons, objects, lists and objects."""

    depth: int
    keys: int
    objects: int
    containers: int


def parse(raw: bytes, bounds: BodyBounds) -> Any:
    """The value of a JSON text; long flat lists of numbers in tensors are float64 arrays.

    Raises:
        MalformedBodyError: it is not JSON (with line and column), too deep, or has a key twice.
        LimitError: too many lists and objects.
        FaultyRequestError: a number is more than a double can hold.
    """
    found = survey(raw)
    if found.depth > bounds.json_depth:
        detail = f"json_depth: {found.depth} is over the limit of {bounds.json_depth} nested values"
        raise MalformedBodyError(detail)
    if found.containers > bounds.json_containers:
        hint = "a tensor sent as shape and flat data is one"
        raise LimitError(limit="json_containers", value=found.containers, cap=bounds.json_containers, hint=hint)
    try:
        tree = loads(raw)
    except orjson.JSONDecodeError as error:
        raise _unreadable(raw, error) from None
    if count_keys(tree, found.objects) != found.keys:
        detail = f"An object has {_repeated(raw)} twice."
        raise MalformedBodyError(detail)
    return tree


def survey(raw: bytes) -> Survey:
    """Counts over the text in chunks; exact for well-formed JSON.

    Digits, commas and spaces, most of a long text, are left out first: all that counts but the quote is above them.
    """
    plain = raw.replace(b"\\\\", b"__").replace(b'\\"', b"__") if b"\\" in raw else raw
    text = np.frombuffer(plain, np.uint8)
    inside, level, deepest, keys, objects, containers = np.False_, 0, 0, 0, 0, 0
    for start in range(0, len(text), CHUNK):
        chunk = text[start : start + CHUNK]
        chunk = chunk[(chunk > NINE) | (chunk == QUOTE)]
        if not len(chunk):
            continue
        quoted = np.bitwise_xor.accumulate(chunk == QUOTE) ^ inside
        inside = quoted[-1]
        outside = chunk[~quoted]
        steps = _STEP[outside]
        levels = np.cumsum(steps[steps != 0], dtype=np.int64)
        if len(levels):
            deepest = max(deepest, level + int(levels.max()))
            level += int(levels[-1])
        keys += int(np.count_nonzero(outside == COLON))
        objects += int(np.count_nonzero(outside == BRACE))
        containers += int(np.count_nonzero(steps == 1))
    return Survey(deepest, keys, objects, containers)


def count_keys(tree: Any, objects: int) -> int:
    """The number of keys of all objects; short lists are entered first, and only until every object was met."""
    keys = 0
    values: list[Any] = [tree]
    lists: list[list[Any]] = []
    later: list[list[Any]] = []
    while objects and (values or lists or later):
        if values:
            item = values.pop()
            if isinstance(item, dict):
                objects -= 1
                keys += len(item)
                values.extend(item.values())
            elif isinstance(item, list):
                later.append(item)
        elif lists:
            items = lists.pop()
            if not _NESTING.isdisjoint(map(type, items)):
                values.extend(items)
        else:
            lists, later = sorted(later, key=len, reverse=True), []
    return keys


def _unreadable(raw: bytes, error: orjson.JSONDecodeError) -> RefusalError:
    if error.msg.startswith("number is infinity") and len(raw) <= SLOW_BYTES:
        fault = _out_of_range(raw, error)
        if fault is not None:
            return FaultyRequestError(f"{fault.pointer}: {fault.message}", faults=[fault])
    reason = error.msg.split(": line ", 1)[0]
    place = Place(error.lineno, error.colno, "")
    return MalformedBodyError(f"{reason}, at line {error.lineno}, column {error.colno}", place=place)


def _out_of_range(raw: bytes, error: orjson.JSONDecodeError) -> Fault | None:
    """Where a number beyond the range of a double stands: the text before it is closed and parsed."""
    before = raw.decode("utf-8", "replace")[: error.pos]
    open_brackets: list[str] = []
    for bracket in re.findall(r"[][{}]", _STRING.sub("", before)):
        if bracket in "[{":
            open_brackets.append(bracket)
        elif open_brackets:
            open_brackets.pop()
    closing = "".join("]" if bracket == "[" else "}" for bracket in reversed(open_brackets))
    try:
        tree = orjson.loads(f"{before}0{closing}")
    except orjson.JSONDecodeError:
        return None
    return Fault(pointer(*_path_to_last(tree)), "the number is beyond the range of a double")


def _path_to_last(tree: Any) -> list[str | int]:
    """The path to the value that was read last."""
    path: list[str | int] = []
    while isinstance(tree, dict | list) and tree:
        step = list(tree)[-1] if isinstance(tree, dict) else len(tree) - 1
        path.append(step)
        tree = tree[step]
    return path


def _repeated(raw: bytes) -> str:
    """The key that an object has twice, as far as a body of this length is worth looking."""
    found: list[str] = []

    def look(pairs: list[tuple[str, Any]]) -> None:
        found.extend(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)

    if len(raw) > SLOW_BYTES:
        return "a key"
    json.loads(raw, object_pairs_hook=look)
    return quote(found[0]) if found else "a key"
