"""Requests that equal an earlier one byte for byte, from the method to the end of the body.

They are answered before anything is parsed. Only answers that say that they came from memory are kept, so that each is
one that the application would give again; what changes from answer to answer, its date and its id, is made anew.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass

from cachetools import LRUCache

LONGEST = 65_536  # bytes of a request, and of an answer
MOST_BYTES = 2**24  # of all that is kept
METHOD, TRACED = b"POST ", b"traceparent"  # a trace names each request anew
_HEAD = re.compile(
    rb"(HTTP/1\.1 200 OK\r\n(?:[^\r\n]+\r\n)*?date: )[^\r\n]+"
    rb"(\r\n(?:[^\r\n]+\r\n)*?cache-status: derivatives; hit; detail=memory\r\n(?:[^\r\n]+\r\n)*?x-request-id: )"
    rb"[0-9a-f]{32}(\r\n.*)",
    re.DOTALL,
)
_PATH = re.compile(rb"POST (/v1/[a-z]+) HTTP/1\.1\r\n")

Record = Callable[[str, int, str], None]  # the path, the bytes of the answer, and the id


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer without its date and its id, in three pieces, the path of its request, and the bytes of that."""

    path: str
    request: bytes
    before: bytes
    between: bytes
    after: bytes


class Repeats:
    """Answers by the bytes of their requests; `record` is told of each that is given again."""

    def __init__(self, record: Record) -> None:
        self._kept: LRUCache[bytes, Kept] = LRUCache(MOST_BYTES, getsizeof=_size)
        self._record = record

    def answer(self, request: bytes, date: bytes) -> bytes | None:
        """The bytes to send, or None for a request that is not known."""
        kept = self._kept.get(request)
        if kept is None:
            return None
        name = "%032x" % random.getrandbits(128)  # noqa: UP031 - the fastest of the ways to write it
        self._record(kept.path, len(kept.after), name)
        return b"".join((kept.before, date, kept.between, name.encode("ascii"), kept.after))

    @staticmethod
    def is_candidate(request: bytes) -> bool:
        """Whether the answer to a request may be worth keeping."""
        return request.startswith(METHOD) and len(request) <= LONGEST and TRACED not in request.lower()

    def learn(self, request: bytes, answer: bytes) -> None:
        """Keeps an answer, if it came from memory and leaves the connection open."""
        path, head = _PATH.match(request), _HEAD.fullmatch(answer) if len(answer) <= LONGEST else None
        if path and head and b"\r\nconnection: close\r\n" not in answer:
            self._kept[request] = Kept(path[1].decode("ascii"), request, *head.groups())


def _size(kept: Kept) -> int:
    return 2048 + len(kept.request) + len(kept.before) + len(kept.between) + len(kept.after)
