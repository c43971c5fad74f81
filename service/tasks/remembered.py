"""Results of pure functions of graphs, kept while they are used: a request like an earlier one does no algebra again.

Equal terms are one object, so that a key of nodes compares in no time. What is kept is bounded by its size in nodes.
Behind it may be a store that other processes share.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any, ParamSpec, TypeVar

from cachetools import LRUCache, cached
from cachetools.keys import hashkey

from service.tasks.sharing import Entry, through_store

Arguments = ParamSpec("Arguments")
Made = TypeVar("Made")
MOST_NODES = 2**16  # that all results of one function have together; a node takes about half a kilobyte

_MEMORIES: list[LRUCache[Hashable, Any]] = []


def remembered(
    size: Callable[[Any], int], key: Callable[..., Hashable] = hashkey, shared: Entry[Any] | None = None
) -> Callable[[Callable[Arguments, Made]], Callable[Arguments, Made]]:
    """Decorator: calls with equal keys are one call, while its result, `size` nodes large, is among the last used.

    The function must depend on nothing but what is in the key, by default its arguments. An exception is not kept.
    `shared` says how results are stored for other processes, where a store is in use.
    """

    def decorate(function: Callable[Arguments, Made]) -> Callable[Arguments, Made]:
        memory: LRUCache[Hashable, Any] = LRUCache(MOST_NODES, getsizeof=lambda made: max(size(made), 1))
        _MEMORIES.append(memory)
        made = function if shared is None else through_store(shared, function)
        wrapped: Callable[Arguments, Made] = cached(memory, key, lock=Lock())(made)
        return wrapped

    return decorate


def forget() -> None:
    """Drop everything that is kept."""
    for memory in _MEMORIES:
        memory.clear()
