"""Requests and answers as npz: a zip archive of npy members, the JSON as bytes in one of them, a tensor in each other.

A member's name is the JSON pointer of its tensor, without the first slash, and `.npy` as NumPy writes it. Nothing is
ever unpickled, and no header is evaluated.
"""

from __future__ import annotations

import io
import math
import re
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from service.api.archives import members
from service.api.bodies import BodyBounds
from service.api.encoding import fields
from service.api.parsing import parse
from service.api.problems import MalformedBodyError, pointer
from service.api.tensors import NAMED, SINGLE, check_shape, plain
from service.errors import InvalidRequestError, quote
from service.tasks.messages import Answer, Array, Limits

REQUEST, ANSWER = "request", "answer"
SUFFIX = ".npy"
HEADER_BYTES = 1024
MAGIC = b"\x93NUMPY"
_LENGTHS = {1: 2, 2: 4, 3: 4}  # the bytes of the header's length, for each version of the format
_HEADER = re.compile(  # nothing is given back, so that no header takes long to refuse
    r" *+\{ *+'descr' *+: *+(?P<type>'[^']*+'|\[.*\]) *+,"
    r" *+'fortran_order' *+: *+(?P<fortran>True|False) *+,"
    r" *+'shape' *+: *+\((?P<shape>[^()]*+)\) *+(?:, *+)?\} *+\n?"
)
_SIZES = re.compile(r" *+(?:\d++ *+(?:, *+\d++ *+)*+(?:, *+)?)?")
_REAL = re.compile(r"'([<>|=]?)(f[248]|[iu][1248])'"), "a tensor has real numbers of the types f2 to f8, i1 to u8"
_BYTES = re.compile(r"'([|]?)(u1)'"), "the JSON is sent as a vector of uint8"


def unpack(raw: bytes, bounds: BodyBounds, limits: Limits) -> Any:
    """The JSON value of an npz request, with an array in the place of each tensor that is a member.

    Raises:
        MalformedBodyError: the archive, a member or the JSON is broken.
        InvalidRequestError: a member is unknown, of the wrong type, or also in the JSON; or there is no request.
        LimitError, PayloadTooLargeError: over a bound.
    """
    found = members(raw, bounds.body_bytes, limits.nodes)
    for name in found:
        _check_name(name)
    if REQUEST + SUFFIX not in found:
        detail = f"there is no member {REQUEST}{SUFFIX}, which holds the request's JSON as bytes (a vector of uint8)"
        raise InvalidRequestError(detail, pointer="")
    body = parse(_text(found.pop(REQUEST + SUFFIX), limits), bounds)
    for name, content in found.items():
        path = name.removesuffix(SUFFIX)
        array = _array(content, path, limits, *_REAL)
        with np.errstate(invalid="ignore"):  # a signalling NaN becomes a quiet one
            _place(body, path, array.astype(np.float64, order="C"))
    return body


def pack(answer: Answer) -> bytes:
    """The npz of an answer: `answer` has its JSON, in which `{"member": name}` stands for the tensor of that name.

    The same answer has the same bytes: members are stored, in the order of the JSON, with a fixed date.
    """
    tensors: dict[str, Array] = {}

    def member(array: Array, path: str) -> dict[str, str]:
        tensors[path] = plain(array)
        return {"member": path}

    text = orjson.dumps(fields(answer, member))
    return archived({ANSWER: np.frombuffer(text, np.uint8)} | tensors)


def archived(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """An npz of arrays under their names, as `unpack` reads it."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            content = io.BytesIO()
            np.lib.format.write_array(content, array, version=(1, 0), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(name + SUFFIX), content.getbuffer())
    return file.getvalue()


def _check_name(name: str) -> None:
    field, slash, _ = name.removesuffix(SUFFIX).partition("/")
    known = field in NAMED if slash else field in {REQUEST, SINGLE}
    if not known or not name.endswith(SUFFIX):
        names = ", ".join([REQUEST, *(f"{field}/NAME" for field in NAMED), SINGLE])
        detail = f"{quote(name)} is no member of a request; they are {names}, each with {SUFFIX}"
        raise InvalidRequestError(detail, pointer="")


def _place(body: Any, path: str, array: Array) -> None:
    """Enters an array into the JSON; where that has something else than an object, reading it will say so."""
    field, *name = path.split("/", 1)
    inside = body.setdefault(field, {}) if name and isinstance(body, dict) else body
    if not isinstance(inside, dict):
        return
    key = name[0] if name else field
    if key in inside:
        detail = f"the tensor is both in the JSON and the member {quote(path)}"
        raise InvalidRequestError(detail, pointer=_pointer(path))
    inside[key] = array


def _text(content: memoryview, limits: Limits) -> bytes:
    """The JSON in the member `request`; the bound on the body is its bound as well."""
    array = _array(content, REQUEST, replace(limits, elements=max(len(content), 1)), *_BYTES)
    if array.ndim != 1:
        detail = f"the member {quote(REQUEST)} has {array.ndim} axes; {_BYTES[1]}"
        raise InvalidRequestError(detail, pointer="")
    return array.tobytes()


def _array(content: memoryview, path: str, limits: Limits, types: re.Pattern[str], rule: str) -> NDArray[Any]:
    """The array of an npy member, in the memory of the member."""
    header, start = _header(content, path)
    found = _HEADER.fullmatch(header)
    if found is None or not _SIZES.fullmatch(found["shape"]):
        raise _broken(path, f"has a header that npy does not have: {quote(header)}")
    stated = types.fullmatch(found["type"])
    if stated is None:
        detail = f"the member {quote(path)} has the type {quote(found['type'])}; {rule}"
        raise InvalidRequestError(detail, pointer=_pointer(path))
    shape = [int(size) for size in found["shape"].split(",") if size.strip()]
    check_shape(shape, _pointer(path), limits)
    dtype = np.dtype(stated[1] + stated[2])
    size = math.prod(shape) * dtype.itemsize
    if len(content) - start != size:
        raise _broken(path, f"has {len(content) - start} bytes of entries, but its type and shape have {size}")
    flat = np.frombuffer(content, dtype, offset=start)
    return flat.reshape(shape, order="F" if found["fortran"] == "True" else "C")


def _header(content: memoryview, path: str) -> tuple[str, int]:
    """The text of a header, and where it ends."""
    digits = _LENGTHS.get(content[6], 0) if len(content) > len(MAGIC) else 0
    start = len(MAGIC) + 2 + digits
    if bytes(content[: len(MAGIC)]) != MAGIC or not digits or len(content) < start:
        raise _broken(path, "is not npy")
    length = int.from_bytes(content[start - digits : start], "little")
    if length > HEADER_BYTES:
        raise _broken(path, f"has a header of {length} bytes, over the limit of {HEADER_BYTES}")
    return bytes(content[start : start + length]).decode("latin-1"), start + length


def _pointer(path: str) -> str:
    return "" if path == REQUEST else pointer(*path.split("/", 1))


def _broken(path: str, what: str) -> MalformedBodyError:
    return MalformedBodyError(f"The member {quote(path)} {what}.")
