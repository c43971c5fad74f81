"""A connection's transport, as uvicorn's request cycle sees it: to close it is to leave in order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from service.server.repeats import LONGEST


class Outgoing:
    """Passes everything on but `close`.

    A socket that is closed with bytes unread is reset, and the client may not get to read the answer that was sent.
    """

    def __init__(self, transport: asyncio.Transport, leave: Callable[[], None]) -> None:
        self.write: Callable[[bytes], None] = transport.write
        self.write_eof = transport.write_eof
        self.abort = transport.abort
        self.is_closing = transport.is_closing
        self.pause_reading = transport.pause_reading
        self.resume_reading = transport.resume_reading
        self.get_write_buffer_size = transport.get_write_buffer_size
        self.close = leave
        self.end = transport.close
        self._transport = transport
        self._said: list[bytes] | None = None
        self._tell: Callable[[bytes], None]

    def listen(self, tell: Callable[[bytes], None]) -> None:
        """Takes down what is written from now on; `tell` is told all of it, if it is whole and short."""
        said = self._said = []
        self._tell = tell

        def write(data: bytes) -> None:
            said.append(data)
            self._transport.write(data)

        self.write = write

    def heard(self) -> None:
        """An answer is whole."""
        if self._said is not None:
            tell, said = self._tell, self._said
            self._said, self.write = None, self._transport.write
            if sum(map(len, said)) <= LONGEST:
                tell(b"".join(said))

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """What is known of the socket."""
        return self._transport.get_extra_info(name, default)
