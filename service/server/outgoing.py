"""A connection's transport, as uvicorn's request cycle sees it: to close it is to leave in order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any


class Outgoing:
    """Passes everything on but `close`.

    A socket that is closed with bytes unread is reset, and the client may not get to read the answer that was sent.
    """

    def __init__(self, transport: asyncio.Transport, leave: Callable[[], None]) -> None:
        self.write = transport.write
        self.write_eof = transport.write_eof
        self.abort = transport.abort
        self.is_closing = transport.is_closing
        self.pause_reading = transport.pause_reading
        self.resume_reading = transport.resume_reading
        self.get_write_buffer_size = transport.get_write_buffer_size
        self.close = leave
        self.end = transport.close
        self._transport = transport

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """What is known of the socket."""
        return self._transport.get_extra_info(name, default)
