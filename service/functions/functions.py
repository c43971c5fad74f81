"""The registry: documents of functions under their ids, kept for a while after their last use."""

from __future__ import annotations

import logging
import re
import time
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cachetools import TTLCache

from service.cache.background import Background
from service.cache.records import Records
from service.errors import LimitError, OverloadedError
from service.functions.bounds import ID_PATTERN, LARGEST, FunctionBounds

ROLL = "all"
RENEWALS = 100  # of a function in use, in the time that it is kept

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Page:
    """Some documents in the order of their ids, and the last id, if there are more after it."""

    documents: Sequence[bytes]
    last: str | None


class Functions:
    """Functions for all processes that share the records. Every method raises OverloadedError where these are away.

    An id follows from the function, so that whoever registers one again changes nothing but how long it is kept.
    """

    def __init__(self, records: Records, bounds: FunctionBounds, clock: Callable[[], float] = time.time) -> None:
        self._records = records
        self._bounds = bounds
        self._clock = clock
        self._background = Background()
        self._fresh: TTLCache[str, bool] = TTLCache(bounds.functions, bounds.function_seconds / RENEWALS)

    @property
    def expires_at(self) -> float:
        """Until when a function is kept that is used now, as a time of the day in seconds."""
        return self._clock() + self._bounds.function_seconds

    async def register(self, function_id: str, document: bytes) -> tuple[bytes, bool]:
        """The document that is kept under the id, and whether it is new.

        Raises:
            LimitError: the document is too long.
            OverloadedError: there are too many.
        """
        if len(document) > LARGEST:
            raise LimitError("function_document", len(document), LARGEST)
        known = await self.find(function_id)
        if known is not None:
            return known, False
        if await self._records.enlist(ROLL, function_id, self.expires_at) > self._bounds.functions:
            await self._records.strike(ROLL, function_id)
            message = f"functions: {self._bounds.functions} functions are registered, as many as there may be"
            raise OverloadedError(message, 60)
        try:
            await self._records.put(function_id, document, self._bounds.function_seconds)
        except OverloadedError:
            await self._records.strike(ROLL, function_id)
            raise
        return document, True

    async def find(self, function_id: str) -> bytes | None:
        """The document, or None, also of what is no id; whoever finds it uses it."""
        if not re.fullmatch(ID_PATTERN, function_id):
            return None
        (found,) = await self._records.get(function_id)
        if found is not None:
            await self._renew(function_id)
        return found

    async def listed(self, after: str, most: int) -> Page:
        """Documents with ids beyond `after`; listing them is no use."""
        ids = await self.ids()
        start = bisect_right(ids, after)
        chosen = ids[start : start + most]
        found = await self._records.get(*chosen) if chosen else []
        documents = [document for document in found if document is not None]
        return Page(documents, chosen[-1] if start + most < len(ids) else None)

    async def ids(self) -> list[str]:
        """The ids of all functions, in order."""
        return sorted(await self._records.enlisted(ROLL, self._bounds.functions))

    def use(self, function_id: str) -> None:
        """Keeps a function that is in use, some time after this returns; if that fails, the next use will try."""
        if function_id in self._fresh:
            return
        if self._background.begin(lambda: self._renew_quietly(function_id)):
            self._fresh[function_id] = True  # from now on, so that those who use it meanwhile begin no more

    async def close(self) -> None:
        """Finishes what is under way, and gives back what the records hold."""
        await self._background.drain()
        await self._records.close()

    async def _renew(self, function_id: str) -> None:
        await self._records.extend(self._bounds.function_seconds, function_id)
        await self._records.enlist(ROLL, function_id, self.expires_at)
        self._fresh[function_id] = True

    async def _renew_quietly(self, function_id: str) -> None:
        try:
            await self.find(function_id)
        except OverloadedError as error:
            self._fresh.pop(function_id, None)
            log.warning("a function in use was not renewed: %s", error.detail)
