"""NumPy's basic indexing: integers, slices, None, and `...` for the axes that are not named."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from service.errors import ParseError
from service.frontends.bounds import is_integer
from service.ir.size import Dim

Index = tuple[Any, ...]
WHOLE = (None, None, None)


def canonical_index(items: Iterable[Any], rank: int) -> Index:
    """The attribute `index` of `getitem`: integers, None and (start, stop, step), with `...` expanded."""
    listed = list(items)
    if listed.count(...) > 1:
        message = "an index has at most one '...'"
        raise ParseError(message)
    for item in listed:
        _check(item)
    used = sum(item is not None and item is not ... for item in listed)
    index: list[Any] = []
    for item in listed:
        index += [WHOLE] * (rank - used) if item is ... else [item]
    return tuple(index)


def _is_place(item: Any) -> bool:
    """Whether an index or bound is a number or a named size."""
    return is_integer(item) or isinstance(item, Dim)


def _check(item: Any) -> None:
    if item is None or item is ... or _is_place(item):
        return
    if isinstance(item, tuple) and len(item) == len(WHOLE) and all(p is None or _is_place(p) for p in item):
        return
    if isinstance(item, tuple):
        message = "the bounds of a slice are integers or sizes, such as x[1:-1] or x[:n]"
    else:
        message = "an index is an integer, a size, a slice or None, such as x[0], x[n - 1] or x[1:, None]"
    raise ParseError(message)
