"""One socket to another process, driven by the event loop."""

from __future__ import annotations

import asyncio
import os
import socket
from collections import deque
from collections.abc import Callable
from typing import Any

from service.pool.frames import BrokenFrameError, Inbox, Message


def awaited_or_not() -> asyncio.Future[Any]:
    """A future whose exception is no news if nobody asks for it."""
    future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    future.add_done_callback(lambda done: done.cancelled() or done.exception())
    return future


class Wire:
    """Sends frames in order and hands on what arrives; `lost` is called once, when the other side is gone."""

    def __init__(self, sock: socket.socket, received: Callable[[Message], None], lost: Callable[[], None]) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._received = received
        self._lost = lost
        self._inbox = Inbox(sock)
        self._outbox: deque[tuple[memoryview, int | None]] = deque()
        self._open = True
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(sock.fileno(), self._read)

    def send(self, frame: bytes, descriptor: int | None = None) -> None:
        """Sends a frame, and a descriptor with it, of which the wire keeps a copy while it must wait."""
        if not self._open:
            return
        self._outbox.append((memoryview(frame), None if descriptor is None else os.dup(descriptor)))
        if len(self._outbox) == 1:
            self._write()

    def close(self) -> None:
        """Ends the connection; nothing is called any more."""
        if not self._open:
            return
        self._open = False
        self._loop.remove_reader(self._sock.fileno())
        self._loop.remove_writer(self._sock.fileno())
        self._sock.close()
        self._inbox.close()
        for _, descriptor in self._outbox:
            if descriptor is not None:
                os.close(descriptor)
        self._outbox.clear()

    def _read(self) -> None:
        try:
            alive = self._inbox.read()
            while self._open and (message := self._inbox.next()):
                self._received(message)
        except BlockingIOError:
            return
        except (OSError, BrokenFrameError):
            alive = False
        if not alive and self._open:
            self.close()
            self._lost()

    def _write(self) -> None:
        """What cannot be sent because the other side is gone is dropped; the reader notices."""
        while self._outbox:
            data, descriptor = self._outbox[0]
            try:
                sent = socket.send_fds(self._sock, [data], [] if descriptor is None else [descriptor])
            except BlockingIOError:
                break
            except OSError:
                sent = len(data)
            if descriptor is not None:
                os.close(descriptor)
            if sent < len(data):
                self._outbox[0] = (data[sent:], None)
            else:
                self._outbox.popleft()
        if self._outbox:
            self._loop.add_writer(self._sock.fileno(), self._write)
        else:
            self._loop.remove_writer(self._sock.fileno())
