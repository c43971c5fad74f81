"""JSON texts with long lists of numbers, which are read a piece at a time.

A million numbers as Python objects fill memory that the processor's caches do not hold: making them and reading them
back costs twice as much as for a few thousand at a time. The grammar and the rounding are the JSON parser's own.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from service.api.tensors import NAMED, SINGLE
from service.tasks.messages import Array

STRIDE = 2**15
SHORTEST = 2 * STRIDE  # bytes; no shorter list is looked for
PIECE = 2**17
QUOTE, NINE, SMALL, E = b'"9\x20e'


def loads(raw: bytes) -> Any:
    """The value of a JSON text, in which the long flat lists of tensors may be arrays.

    Raises:
        orjson.JSONDecodeError: it is not JSON, or a number is more than a double can hold.
    """
    spans = list(_spans(raw))
    tree = _loads_in_pieces(raw, spans) if spans else None
    return orjson.loads(raw) if tree is None else tree


def _spans(raw: bytes) -> Iterator[tuple[int, int]]:
    """Where a long text without brackets stands between brackets; such a text covers one of the places looked at."""
    place = STRIDE
    while place < len(raw):
        start = raw.rfind(b"[", place - STRIDE, place)
        end = raw.find(b"]", place) if start >= 0 else start
        if start >= 0 > end:
            return
        if end - start >= SHORTEST:
            place = end
            if raw[max(start - 8, 0) : start].rstrip().endswith(b":"):  # the rows of nested lists are left alone
                yield start, end
        place += STRIDE


def _loads_in_pieces(raw: bytes, spans: list[tuple[int, int]]) -> Any:
    """The value, or None where a long list is not of numbers alone, or not a tensor's, or anything is wrong."""
    mark = secrets.token_hex()  # nobody can send what will stand for an array
    kept, arrays, place = list[bytes](), dict[str, Array](), 0
    try:
        for number, (start, end) in enumerate(spans):
            arrays[f"{mark}{number}"] = _numbers(raw, start + 1, end)
            kept += raw[place:start], f'"{mark}{number}"'.encode()
            place = end + 1
        tree = orjson.loads(b"".join([*kept, raw[place:]]))
    except ValueError:
        return None
    for holder, key in _holders(tree):
        if isinstance(holder[key], str):
            holder[key] = arrays.pop(holder[key], holder[key])
    return None if arrays else tree


def _holders(tree: Any) -> Iterator[tuple[dict[str, Any], str]]:
    """Every place that can hold a tensor's entries."""
    body = tree if isinstance(tree, dict) else {}
    tensors = [(body[name], key) for name in NAMED if isinstance(body.get(name), dict) for key in body[name]]
    for holder, key in [*tensors, *([(body, SINGLE)] if SINGLE in body else [])]:
        inner = holder[key]
        yield (inner, "data") if isinstance(inner, dict) and "data" in inner else (holder, key)


def _numbers(raw: bytes, start: int, end: int) -> Array:
    """The numbers between two places; ValueError where there is anything else."""
    whole = np.frombuffer(raw, np.uint8, end - start, start)
    if any(_foreign(whole[place : place + PIECE]) for place in range(0, len(whole), PIECE)):
        raise ValueError
    pieces: list[Array] = []
    while start <= end:
        stop = raw.rfind(b",", start, start + PIECE) if end - start > PIECE else end
        if stop <= start:
            raise ValueError
        entries = orjson.loads(b"[%b]" % raw[start:stop])
        if not entries:  # a comma too many
            raise ValueError
        pieces.append(np.fromiter(entries, np.float64, len(entries)))
        start = stop + 1
    return np.concatenate(pieces)


def _foreign(text: NDArray[np.uint8]) -> bool:
    """Whether there is a letter that no number has, a quote or a bracket."""
    return bool(((text > NINE) & ((text | SMALL) != E) | (text == QUOTE)).any())
