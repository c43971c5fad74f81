"""A look at the bytes of a model before they are read: a message of two bytes takes a hundred in memory.

Texts that are not UTF-8 are refused here, too; the reader would hand them on as bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from service.errors import ParseError
from service.frontends.bounds import check_count

FIELDS = "model_fields"
VARINT, LONG, CHUNK, SHORT = 0, 1, 2, 5
LONGEST_VARINT = 10
_FIXED = {LONG: 8, SHORT: 4}


@lru_cache(maxsize=128)
def _parts(message: Any) -> Mapping[int, Any]:
    """The fields of a message that are messages themselves, by number; for a text, its name."""
    texts = {field.number: field.name for field in message.fields if field.type == field.TYPE_STRING}
    return texts | {field.number: field.message_type for field in message.fields if field.message_type is not None}


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


def _check_text(data: bytes, start: int, end: int, what: str) -> None:
    try:
        data[start:end].decode()
    except UnicodeDecodeError:
        message = f"the {what}, at byte {start} of the model, is not UTF-8"
        raise ParseError(message) from None


def check_fields(data: bytes, message: Any, cap: int) -> None:
    """Refuse bytes of more than `cap` fields, at any depth; what else is malformed is left to the reader to refuse."""
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
                if isinstance(part, str):
                    _check_text(data, place, min(place + length, end), f"{part} of a {kind.name}")
                elif part is not None and length:
                    left.append((place, min(place + length, end), part))
                place += length
        except IndexError:
            continue
