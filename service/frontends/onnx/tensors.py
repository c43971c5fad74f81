"""Tensors in a model's bytes: kind, shape and entries as plain numbers. What lies elsewhere is not read."""

from __future__ import annotations

import math
import struct
import sys
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from service.errors import ParseError, UnsupportedOperationError
from service.frontends.bounds import AXES, ELEMENTS, Limits, check_count
from service.frontends.onnx.values import Kind

Decode = Callable[[bytes], Sequence[Any]]


def _plain(code: str) -> Decode:
    def decode(content: bytes) -> Sequence[Any]:
        entries = array(code, content)
        if sys.byteorder == "big":
            entries.byteswap()
        return entries

    return decode


def _halves(content: bytes) -> Sequence[float]:
    return struct.unpack(f"<{len(content) // 2}e", content)


def _brain_floats(content: bytes) -> Sequence[float]:
    """Each is the upper half of a 32-bit float."""
    wide = b"".join(b"\0\0" + content[place : place + 2] for place in range(0, len(content), 2))
    return struct.unpack(f"<{len(wide) // 4}f", wide)


@dataclass(frozen=True)
class ElementType:
    """A type of ONNX: its kind, the bytes of an entry, how they are read, and the field that may have them instead."""

    name: str
    kind: Kind
    width: int
    decode: Decode
    field: str

    def holds(self, integer: int) -> bool:
        """Whether the integer is one of this type."""
        bits, signed = 8 * self.width, not self.name.startswith("u")
        lowest = -(1 << bits - 1) if signed else 0
        return lowest <= integer < lowest + (1 << bits)


TYPES = {
    1: ElementType("float", "float", 4, _plain("f"), "float_data"),
    11: ElementType("double", "float", 8, _plain("d"), "double_data"),
    10: ElementType("float16", "float", 2, _halves, "int32_data"),
    16: ElementType("bfloat16", "float", 2, _brain_floats, "int32_data"),
    9: ElementType("bool", "bool", 1, _plain("b"), "int32_data"),
    2: ElementType("uint8", "int", 1, _plain("B"), "int32_data"),
    3: ElementType("int8", "int", 1, _plain("b"), "int32_data"),
    4: ElementType("uint16", "int", 2, _plain("H"), "int32_data"),
    5: ElementType("int16", "int", 2, _plain("h"), "int32_data"),
    6: ElementType("int32", "int", 4, _plain("i"), "int32_data"),
    7: ElementType("int64", "int", 8, _plain("q"), "int64_data"),
    12: ElementType("uint32", "int", 4, _plain("I"), "uint64_data"),
    13: ElementType("uint64", "int", 8, _plain("Q"), "uint64_data"),
}
AS_KIND = {"float": TYPES[11], "int": TYPES[7], "bool": TYPES[9]}  # the widest of each kind
FIELDS = sorted({known.field for known in TYPES.values()})
_AS_BITS = {"float16": "H", "bfloat16": "H"}  # whose field has the bits of an entry as an integer


def element_type(number: int, what: str) -> ElementType:
    """The type called by this number; a refusal where entries of it are not read."""
    if number not in TYPES:
        message = f"{what} has the element type {number}: read are {', '.join(known.name for known in TYPES.values())}"
        raise UnsupportedOperationError(message)
    return TYPES[number]


@dataclass(frozen=True)
class Content:
    """A tensor's numbers."""

    kind: Kind
    shape: tuple[int, ...]
    entries: Sequence[Any]


def read_tensor(tensor: Any, what: str, limits: Limits) -> Content:
    """The content of a TensorProto; its size is compared with the bounds before its entries are read."""
    if tensor.external_data or tensor.data_location:
        message = f"{what} is stored outside of the model: external data is never read"
        raise UnsupportedOperationError(message)
    if tensor.HasField("segment"):
        message = f"{what} is a segment of a tensor"
        raise UnsupportedOperationError(message)
    check_count(AXES, len(tensor.dims), limits.axes)
    found, shape = element_type(tensor.data_type, what), tuple(tensor.dims)
    if any(n < 0 for n in shape):
        message = f"{what} has a negative size"
        raise ParseError(message)
    count = math.prod(shape)
    check_count(ELEMENTS, math.prod(max(n, 1) for n in shape), limits.elements)
    entries = _entries(tensor, found, what, limits)
    if len(entries) != count:
        message = f"{what} has the shape {shape}, which has {count} entries, but data for {len(entries)}"
        raise ParseError(message)
    if found.kind == "bool":
        entries = [int(bool(entry)) for entry in entries]
    return Content(found.kind, shape, entries)


def _entries(tensor: Any, found: ElementType, what: str, limits: Limits) -> Sequence[Any]:
    stated = [field for field in FIELDS if len(getattr(tensor, field))]
    if len(stated) + tensor.HasField("raw_data") > 1:
        message = f"{what} has data in more than one field"
        raise ParseError(message)
    if not tensor.HasField("raw_data"):
        listed = getattr(tensor, found.field)
        check_count(ELEMENTS, len(listed), limits.elements)
        listed = list(listed)
        if found.kind != "float" and not all(map(found.holds, listed)):
            message = f"{what} has an integer that is no {found.name}"
            raise ParseError(message)
        if found.name not in _AS_BITS:
            return listed
        return found.decode(struct.pack(f"<{len(listed)}H", *(entry & 0xFFFF for entry in listed)))
    if len(tensor.raw_data) % found.width:
        message = f"raw_data of {len(tensor.raw_data)} bytes is no whole number of {found.name} entries"
        raise ParseError(message)
    return found.decode(tensor.raw_data)
