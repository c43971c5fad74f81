"""NumPy's basic indexing: integers, slices, None, and `...` for the axes that are not named."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from service.errors import ParseError
from service.frontends.bounds import is_integer

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


def _check(item: Any) -> None:
    if item is None or item is ... or is_integer(item):
        return
    if isinstance(item, tuple) and len(item) == len(WHOLE) and all(p is None or is_integer(p) for p in item):
        return
    if isinstance(item, tuple):
        message = "the bounds of a slice are integers written out, such as x[1:-1]"
    else:
        message = "an index is an integer written out, a slice or None, such as x[0], x[-1] or x[1:, None]"
    raise ParseError(message)
