"""Arrays as Tesseract writes them: shape and dtype beside the entries, as numbers in JSON or as base64 of their bytes.

Numbers that are not finite are the texts NaN, Infinity and -Infinity in JSON.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from starlette.datastructures import Headers

from service.api.media import JSON, answer_type
from service.api.problems import NotAcceptableError, pointer
from service.api.tensors import check_shape, decode
from service.errors import InvalidRequestError, UnsupportedOperationError, quote
from service.frontends.nonfinite import KINDS, NON_FINITE, written_number
from service.tasks.messages import Array, Limits

BASE64 = "application/json+base64"
FORMATS = (BASE64, JSON)  # of answers; the first, which is exact and short, unless `Accept` prefers another
ARRAY = "array"
DTYPE = "float64"
DTYPES = ("bool", *(f"{kind}int{bits}" for kind in ("", "u") for bits in (8, 16, 32, 64)), "float16", "float32", DTYPE)
ENCODINGS = ("json", "base64")
NONE = "none"


def accepted(headers: Headers) -> str:
    """The format of the arrays in the answer. Raises NotAcceptableError: `Accept` leaves out all that there are."""
    sent = ",".join(headers.getlist("accept"))
    possible = [part for part in sent.split(",") if _is_plain(part)]
    if sent.strip() and not possible:
        detail = f"Arrays are answered as {' or '.join(FORMATS)}, not compressed, which the Accept header leaves out."
        raise NotAcceptableError(detail)
    return answer_type(Headers({"accept": ",".join(possible)} if possible else {}), *FORMATS)


def _is_plain(media_range: str) -> bool:
    parameters = (part.partition("=") for part in media_range.lower().split(";")[1:])
    wanted = {name.strip(): value.strip().strip('"') for name, _, value in parameters}
    return wanted.get("compression", NONE) == NONE == wanted.get("gpu_transport", NONE)


def read(value: Any, limits: Limits, *path: str) -> Array:
    """The float64 array of one that was sent, or of a number or nested lists; `path` is where it stands in the body.

    Raises:
        InvalidRequestError: it is no array, or its entries are not what its shape and dtype say.
        LimitError: too many axes or entries.
        UnsupportedOperationError: an encoding that is not read here.
    """
    at = pointer(*path)
    if not isinstance(value, dict):
        return decode(value, at, limits)
    expect_keys(value, ("shape", "dtype", "data"), at, ("object_type",))
    _expect(value.get("object_type", ARRAY) == ARRAY, f"object_type is {quote(ARRAY)}", f"{at}/object_type")
    shape, dtype, data = value["shape"], value["dtype"], value["data"]
    expect_shape(shape, f"{at}/shape")
    check_shape(shape, f"{at}/shape", limits)
    expect_dtype(dtype, f"{at}/dtype")
    expect_keys(data, ("buffer", "encoding"), f"{at}/data", ("compression",))
    entries = _entries(data, shape, np.dtype(dtype), f"{at}/data", limits)
    return entries.astype(np.float64).reshape(shape)


def _entries(data: Mapping[str, Any], shape: list[int], dtype: np.dtype[Any], at: str, limits: Limits) -> NDArray[Any]:
    encoding, buffer = data["encoding"], data["buffer"]
    if data.get("compression") is not None:
        message = "compression is not read here; send the buffer as it is"
        raise UnsupportedOperationError(message, pointer=f"{at}/compression")
    if encoding == "json":
        return _listed(buffer, shape, dtype, f"{at}/buffer", limits)
    if encoding != "base64":
        shown = quote(encoding) if isinstance(encoding, str) else "this"
        message = f"the encoding {shown} is not read here; it is one of {', '.join(ENCODINGS)}"
        raise UnsupportedOperationError(message, pointer=f"{at}/encoding")
    _expect(isinstance(buffer, str), "the buffer is a text in base64", f"{at}/buffer")
    try:
        raw = base64.b64decode(buffer, validate=True)
    except ValueError:
        message = "the buffer is not base64"
        raise InvalidRequestError(message, pointer=f"{at}/buffer") from None
    size = math.prod(shape) * dtype.itemsize
    _expect(len(raw) == size, f"the buffer has {len(raw)} bytes; its shape and dtype have {size}", f"{at}/buffer")
    return np.frombuffer(raw, dtype.newbyteorder("<"))


def _listed(buffer: Any, shape: list[int], dtype: np.dtype[Any], at: str, limits: Limits) -> NDArray[Any]:
    """The numbers of nested lists, which must be of the dtype: none is rounded to a whole number."""
    _expect(not isinstance(buffer, dict), "the buffer is a number or nested lists", at)
    array = decode(_whole_numbers(buffer) if dtype.kind == "b" else buffer, at, limits)
    found = list(array.shape)
    _expect(found == shape, f"the buffer has the shape {found}, not the {shape} that is stated", at)
    with np.errstate(all="ignore"):
        entries = array.astype(dtype)
    if dtype.kind == "f":
        holds = np.array_equal(np.isfinite(entries), np.isfinite(array))
    else:
        holds = np.array_equal(entries.astype(np.float64), array)
    _expect(holds, f"the buffer has an entry that is no {dtype.name}", at)
    return entries


def _whole_numbers(buffer: Any) -> Any:
    if isinstance(buffer, list):
        return [_whole_numbers(entry) for entry in buffer]
    return int(buffer) if isinstance(buffer, bool) else buffer


def sent(array: Array) -> dict[str, Any]:
    """An array as the tensor of a compute request."""
    flat = array.reshape(-1)
    data: Any = flat
    if not np.isfinite(flat).all():
        data = [*map(written_number, flat.tolist())]
    return {"shape": list(array.shape), "data": data}


def answered(tensor: Mapping[str, Any]) -> Array:
    """The array of a tensor in an answer."""
    flat = np.array(tensor["data"], np.float64)
    for kind, places in tensor.get("nonfinite", {}).items():
        flat[places] = NON_FINITE[KINDS[kind]]
    return flat.reshape(tensor["shape"])


def written(array: Array, media_type: str) -> dict[str, Any]:
    """An array of an answer in the format that was asked for."""
    data: dict[str, Any] = {"encoding": "base64"}
    if media_type == BASE64:
        data = {"buffer": base64.b64encode(array.astype("<f8").tobytes()).decode("ascii"), **data}
    else:
        finite = bool(np.isfinite(array).all())
        data = {"buffer": array.tolist() if finite else _nested(array), "encoding": "json"}
    return {"object_type": ARRAY, "shape": list(array.shape), "dtype": DTYPE, "data": data}


def _nested(array: Array) -> Any:
    if array.ndim == 0:
        return written_number(array.item())
    return [_nested(row) for row in array]


def expect_shape(shape: Any, at: str) -> None:
    """Refuses (InvalidRequestError) what is no shape; `at` is its JSON pointer."""
    is_shape = isinstance(shape, list) and all(type(size) is int and size >= 0 for size in shape)
    _expect(is_shape, "shape is a list of whole numbers, at least 0", at)


def expect_dtype(dtype: Any, at: str) -> None:
    """Refuses (InvalidRequestError) a dtype whose entries are not real numbers; `at` is its JSON pointer."""
    _expect(dtype in DTYPES, f"dtype is one of {', '.join(DTYPES)}; all become {DTYPE}", at)


def expect_keys(value: Any, names: Iterable[str], at: str, optional: Iterable[str] = ()) -> None:
    """Refuses (InvalidRequestError) what is no object with these names; `at` is its JSON pointer."""
    names = dict.fromkeys(names)
    known = names.keys() | {*optional}
    _expect(isinstance(value, dict), f"an object with {', '.join(names) or 'nothing'} is due here", at)
    for name in value:
        _expect(name in known, f"unknown key {quote(name)}", at + pointer(name))
    for name in names:
        _expect(name in value, f"{name} is missing", at + pointer(name))


def _expect(condition: bool, message: str, at: str) -> None:  # noqa: FBT001 - reads like an assertion
    if not condition:
        raise InvalidRequestError(message, pointer=at)
