"""Messages between processes: a small JSON head and a body, which travels within the message or as a descriptor."""

from __future__ import annotations

import os
import socket
import struct
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from service.pool.memory import INLINE, mapped

LENGTHS = struct.Struct("<IIQ")  # of the head, of the body within, of the body behind a descriptor
HEAD_BYTES = 4 << 20
DESCRIPTORS = 1  # per read
READ_BYTES = 128 << 10
CLOSED_ON_EXEC = getattr(socket, "MSG_CMSG_CLOEXEC", 0)


class BrokenFrameError(Exception):
    """What arrived is no message."""


class LostBodyError(Exception):
    """The descriptor of a body did not arrive: this process has too many open."""


@dataclass(frozen=True)
class Message:
    """One message as received; `body` raises when it is asked for, if it was lost on the way."""

    head: dict[str, Any]
    inline: bytes
    size: int = 0
    descriptor: int | None = None

    def body(self) -> memoryview:
        """The body; to be asked for once.

        Raises:
            LostBodyError: its descriptor did not arrive, or cannot be mapped.
        """
        if not self.size:
            return memoryview(self.inline)
        if self.descriptor is None:
            raise LostBodyError
        try:
            return mapped(self.descriptor, self.size)
        except OSError as error:
            raise LostBodyError from error


def frame(head: Mapping[str, Any], body: bytes | memoryview = b"", size: int = 0) -> bytes:
    """A message as bytes; `size` is the length of a body whose descriptor goes with them, at its first byte.

    Raises:
        TypeError: the head is not JSON.
    """
    text = orjson.dumps(head)
    if len(text) > HEAD_BYTES:
        message = f"a head of {len(text)} bytes"
        raise TypeError(message)
    return b"".join((LENGTHS.pack(len(text), len(body), size), text, body))


class Inbox:
    """The receiving end of a stream of messages; knows nothing of waiting."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._buffer = bytearray()
        self._descriptors: deque[int | None] = deque()

    def read(self) -> bool:
        """Takes what has arrived, as `recv` does; False at the end of the stream.

        A read ends after a descriptor, and a message has one at most; so one that was lost leaves its place empty.
        """
        data, descriptors, flags, _ = socket.recv_fds(self._sock, READ_BYTES, DESCRIPTORS, CLOSED_ON_EXEC)
        self._descriptors.extend(descriptors)
        if flags & socket.MSG_CTRUNC and not descriptors:
            self._descriptors.append(None)
        self._buffer += data
        return bool(data)

    def next(self) -> Message | None:
        """The next message, if it is complete.

        Raises:
            BrokenFrameError: the other side does not speak this protocol.
        """
        buffer = self._buffer
        if len(buffer) < LENGTHS.size:
            return None
        head, inline, size = LENGTHS.unpack_from(buffer)
        if head > HEAD_BYTES or inline > INLINE:
            raise BrokenFrameError
        start, end = LENGTHS.size + head, LENGTHS.size + head + inline
        if len(buffer) < end:
            return None
        try:
            parsed = orjson.loads(memoryview(buffer)[LENGTHS.size : start])
        except orjson.JSONDecodeError as error:
            raise BrokenFrameError from error
        message = Message(parsed, bytes(memoryview(buffer)[start:end]), size, self._descriptor() if size else None)
        del buffer[:end]
        return message

    def close(self) -> None:
        """Closes what was received and not asked for."""
        while self._descriptors:
            descriptor = self._descriptors.popleft()
            if descriptor is not None:
                os.close(descriptor)

    def _descriptor(self) -> int | None:
        return self._descriptors.popleft() if self._descriptors else None
