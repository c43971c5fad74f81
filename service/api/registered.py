"""The registered functions that this process knows: by content, so that what is known is never out of date."""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock
from typing import Any

import orjson
from cachetools import LRUCache

from service.errors import OverloadedError

MOST_BYTES = 2**25  # of the documents


class MissingFunctionError(OverloadedError):
    """This process does not know the function; whoever gave it the order may."""

    def __init__(self, function_id: str) -> None:
        super().__init__(f"{function_id} is not in memory any more; try again in 1 s")
        self.function_id = function_id


class KnownFunctions:
    """Graphs by the ids of their functions, within a bound; for all threads of a process."""

    def __init__(self) -> None:
        self._graphs: LRUCache[str, tuple[Mapping[str, Any], int]] = LRUCache(
            MOST_BYTES, getsizeof=lambda entry: entry[1]
        )
        self._lock = Lock()

    def get(self, function_id: str) -> Mapping[str, Any] | None:
        """The graph, or None."""
        with self._lock:
            found = self._graphs.get(function_id)
        return None if found is None else found[0]

    def learn(self, document: bytes) -> Mapping[str, Any]:
        """Remembers the function of a document; its graph."""
        fields = orjson.loads(document)
        graph: Mapping[str, Any] = fields["graph"]
        with self._lock:
            self._graphs[fields["function_id"]] = (graph, len(document))
        return graph


KNOWN = KnownFunctions()
