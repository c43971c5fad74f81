"""A look at the bytes of a model before they are read: a message of two bytes takes a hundred in memory."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from service.frontends.bounds import check_count

FIELDS = "model_fields"
VARINT, LONG, CHUNK, SHORT = 0, 1, 2, 5
LONGEST_VARINT = 10
_FIXED = {LONG: 8, SHORT: 4}


@lru_cache(maxsize=128)
def _parts(message: Any) -> Mapping[int, Any]:
    """The fields of a message that are messages themselves, by number."""
    return {field.number: field.message_type for field in message.fields if field.message_type is not None}


def _varint(data: bytes, place: int, end: int) -> tuple[int, int]:
    """A number and the place after it; an IndexError where the bytes end too early."""
    value = shift = 0
    for place_of_byte in range(place, min(place + LONGEST_VARINT, end)):
        byte = data[place_of_byte]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004 - the last byte has no upper bit
            return value, place_of_byte + 1
        shift += 7
    raise IndexError


def check_fields(data: bytes, message: Any, cap: int) -> None:
    """Refuse bytes of more than `cap` fields, at any depth; what is malformed is left to the reader to refuse."""
    left, count = [(0, len(data), message)], 0
    while left:
        place, end, kind = left.pop()
        try:
            while place < end:
                count += 1
                if count > cap:
                    check_count(FIELDS, count, cap)
                tag, place = _varint(data, place, end)
                part = _parts(kind).get(tag >> 3)
                if tag & 7 != CHUNK:
                    place = _varint(data, place, end)[1] if tag & 7 == VARINT else place + _FIXED.get(tag & 7, 0)
                    continue
                length, place = _varint(data, place, end)
                if part is not None and length:
                    left.append((place, min(place + length, end), part))
                place += length
        except IndexError:
            continue
