"""Tensors in JSON: three spellings in, one out."""

from __future__ import annotations

import math
from itertools import chain
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, RootModel

from service.errors import InvalidRequestError, LimitError, quote
from service.frontends.nonfinite import NON_FINITE
from service.tasks.messages import Array, Limits

NAMED = ("at", "tangents", "evaluate_at")  # the fields of requests that have a tensor for each of some names
SINGLE = "cotangent"  # the field that is a tensor
SIZE_CAP = 2**31
_NUMBERS = {int, float}


class NonFiniteNumber(RootModel[Literal["NaN", "Infinity", "-Infinity"]]):
    """A number that JSON has no token for."""


class NestedList(RootModel[list[float | NonFiniteNumber | list[Any]]]):
    """A tensor as nested lists of equal lengths."""

    # Deeper lists are not described: generators of clients do not read a list that refers to itself.


class FlatTensor(BaseModel):
    """A tensor as its shape and its entries row by row."""

    model_config = ConfigDict(extra="forbid")

    shape: list[int] = Field(description="One size per axis; `[]` for a number.")
    data: list[float | NonFiniteNumber] = Field(description="The entries, the last axis running fastest.")


class Tensor(RootModel[float | NonFiniteNumber | NestedList | FlatTensor]):
    """A number, nested lists, or a shape with flat row-major data."""


class NonFinitePositions(BaseModel):
    """Where a tensor's entries are not finite: positions in `data`; only the kinds that occur are present."""

    nan: list[int] = Field(default_factory=list)
    posinf: list[int] = Field(default_factory=list)
    neginf: list[int] = Field(default_factory=list)


class TensorAnswer(BaseModel):
    """A tensor in an answer: its shape and its entries row by row, null where they are not finite."""

    shape: list[int]
    data: list[float | None]
    nonfinite: NonFinitePositions = Field(
        default_factory=NonFinitePositions, description="Present where an entry is not finite."
    )


def encode(array: Array) -> dict[str, Any]:
    """A `TensorAnswer` for orjson, which writes the array itself and its non-finite entries as null."""
    flat: Any = plain(array).reshape(-1)
    answer: dict[str, Any] = {"shape": list(array.shape), "data": flat}
    if not np.isfinite(flat).all():
        kinds = {"nan": np.isnan(flat), "posinf": np.isposinf(flat), "neginf": np.isneginf(flat)}
        answer["nonfinite"] = {name: np.flatnonzero(where) for name, where in kinds.items() if where.any()}
    return answer


def plain(array: Array) -> Array:
    """The array as it is answered: row by row, whole numbers as int64, all others as float64."""
    kind: Any = np.int64 if np.issubdtype(array.dtype, np.integer) else np.float64
    return np.asarray(array, kind, order="C")


def decode(value: Any, at: str, limits: Limits) -> Array:
    """The float64 array of a tensor in any spelling, or of one that came as an array; `at` is its JSON pointer.

    Raises:
        InvalidRequestError: it is none of the three, ragged, or has an entry that is not a number.
        LimitError: too many axes or entries.
    """
    if isinstance(value, dict):
        return _flat(value, at, limits)
    if isinstance(value, np.ndarray):
        check_shape(list(value.shape), at, limits)
        return value
    if not isinstance(value, list):
        return _numbers([value], at, limits).reshape(())
    shape, entries = [len(value)], value
    while entries and isinstance(entries[0], list):
        _check_rows(entries, at)
        shape.append(len(entries[0]))
        _check_axes(shape, at, limits)
        entries = list(chain.from_iterable(entries))
    return _numbers(entries, at, limits).reshape(shape)


def _flat(value: dict[str, Any], at: str, limits: Limits) -> Array:
    if set(value) != {"shape", "data"}:
        detail = "a tensor object has exactly the fields `shape` and `data`"
        raise InvalidRequestError(detail, pointer=at)
    shape = value["shape"]
    if not isinstance(shape, list) or any(type(size) is not int or size < 0 for size in shape):
        detail = "`shape` is a list of whole numbers, at least 0"
        raise InvalidRequestError(detail, pointer=f"{at}/shape")
    data = value["data"]
    if not isinstance(data, list | np.ndarray):
        detail = "`data` is a flat list of numbers"
        raise InvalidRequestError(detail, pointer=f"{at}/data")
    check_shape(shape, f"{at}/shape", limits)
    size = math.prod(shape)
    if size != len(data):
        detail = f"the shape {shape} has {size} entries, but `data` has {len(data)}"
        raise InvalidRequestError(detail, pointer=f"{at}/data")
    entries = _numbers(data, f"{at}/data", limits) if isinstance(data, list) else data
    return entries.reshape(shape)


def check_shape(shape: list[int], at: str, limits: Limits) -> None:
    """Refuses (LimitError) a shape with too many axes or entries; `at` is its JSON pointer."""
    _check_axes(shape, at, limits)
    bulk = math.prod(max(size, 1) for size in shape)  # an empty axis must not hide that the others are immense
    if bulk > limits.elements:
        raise LimitError("elements", bulk, limits.elements, pointer=at)


def _check_axes(shape: list[int], at: str, limits: Limits) -> None:
    if len(shape) > limits.axes + 1:
        raise LimitError(limit="axes", value=len(shape), cap=f"{limits.axes} and a batch axis", pointer=at)
    if any(size > SIZE_CAP for size in shape):
        raise LimitError(limit="size of an axis", value=max(shape), cap=SIZE_CAP, pointer=at)


def _check_rows(rows: list[Any], at: str) -> None:
    """All of them are lists of one length."""
    if set(map(type, rows)) != {list} or len(set(map(len, rows))) != 1:
        width = len(rows[0])
        first = next(i for i, row in enumerate(rows) if not isinstance(row, list) or len(row) != width)
        detail = f"the nested lists are ragged: row {first} differs from row 0, which has {width} entries"
        raise InvalidRequestError(detail, pointer=at)


def _numbers(entries: list[Any], at: str, limits: Limits) -> Array:
    """One axis of numbers; the types are collected without a Python step per entry."""
    if len(entries) > limits.elements:
        raise LimitError(limit="elements", value=len(entries), cap=limits.elements, pointer=at)
    types = set(map(type, entries))
    if types <= _NUMBERS:
        return np.fromiter(entries, np.float64, len(entries))
    if types <= _NUMBERS | {str}:
        entries = [NON_FINITE.get(entry, entry) if isinstance(entry, str) else entry for entry in entries]
    wrong = next((i for i, entry in enumerate(entries) if type(entry) not in _NUMBERS), None)
    if wrong is None:
        return np.array(entries, np.float64)
    detail = f"entry {wrong} is {_name(entries[wrong])}, not a number"
    raise InvalidRequestError(detail, pointer=at)


def _name(entry: Any) -> str:
    if entry is None or isinstance(entry, bool):
        return {None: "null", True: "true", False: "false"}[entry]
    if isinstance(entry, str):
        return f"the string {quote(entry)} (of strings, only NaN, Infinity and -Infinity are numbers)"
    return "a list among numbers" if isinstance(entry, list) else "an object"
