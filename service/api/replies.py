"""The answer to a compute request as it travels: from a worker, through a cache, to a client."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from service.errors import OverloadedError

Buffer = bytes | memoryview
OK, NOT_MODIFIED = 200, 304
LONGEST_HEAD = 200
SPENT = "seconds"  # of computing, in the state of a request


@dataclass(frozen=True)
class Reply:
    """Status, media type and body; `headers` are those that belong to this way of getting it.

    `seconds` of a processor were spent on it for this request.
    """

    status: int
    media_type: str
    body: Buffer
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    @classmethod
    def of(cls, response: Response) -> Reply:
        """What a response says, without its headers."""
        return cls(response.status_code, response.media_type or "", bytes(response.body))

    @classmethod
    def unpacked(cls, packed: Buffer) -> Reply:
        """The reply of what `packed` made; the body is not copied."""
        view = memoryview(packed)
        head = bytes(view[:LONGEST_HEAD]).partition(b"\n")[0]
        status, _, media_type = head.partition(b" ")
        return cls(int(status), media_type.decode(), view[len(head) + 1 :])

    def packed(self) -> bytes:
        """One line with status and media type, then the body."""
        return b"".join((b"%d %s\n" % (self.status, self.media_type.encode()), self.body))

    def with_headers(self, headers: Mapping[str, str]) -> Reply:
        """The same with further headers."""
        return Reply(self.status, self.media_type, self.body, {**self.headers, **headers}, self.seconds)

    def spending(self, seconds: float) -> Reply:
        """The same, with what was spent on it."""
        return Reply(self.status, self.media_type, self.body, self.headers, seconds)

    def current(self, validators: str) -> Reply:
        """The same; without its body for a client that has it, as its `If-None-Match` says (RFC 9110, 13.1.2)."""
        tag = self.headers.get("ETag")
        has_it = self.status == OK and tag is not None and tag in validators
        return replace(self, status=NOT_MODIFIED, body=b"", media_type="") if has_it else self

    async def send(self, send: Send) -> None:
        """Sends it as an HTTP response."""
        headers = [(name.lower().encode(), value.encode()) for name, value in self.headers.items()]
        if self.status != NOT_MODIFIED:
            length = b"%d" % len(self.body)
            headers += [(b"content-type", self.media_type.encode()), (b"content-length", length)]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


async def charged(work: Awaitable[Reply], note: Callable[[float], None]) -> Reply:
    """What the work answers; `note` is told how many seconds it cost.

    Work that was stopped, at its deadline or because its client left, costs the time until then: else whoever lets
    every request be stopped would compute for nothing. What no worker came to costs nothing.
    """
    start = time.monotonic()
    try:
        reply = await work
    except OverloadedError:
        raise
    except BaseException:
        note(time.monotonic() - start)
        raise
    note(reply.seconds)
    return reply


class Sent(Response):
    """A reply as the response of a route."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(status_code=reply.status)
        self._reply = reply

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Sends the reply."""
        await self._reply.send(send)
