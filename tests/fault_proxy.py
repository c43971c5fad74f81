"""A TCP proxy that does to a server's replies what networks and broken servers do."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

HOST = "127.0.0.1"
PIECE = 65_536


@dataclass(frozen=True)
class Toxics:
    """What happens to replies: each piece comes late, in slices, altered, or its connection is reset after some bytes.

    `garbage` is sent in place of every reply; `cut` is the number of bytes that a connection carries before it ends.
    """

    latency: float = 0.0
    slices: int = PIECE
    garbage: bytes | None = None
    cut: int | None = None


class FaultProxy:
    """Forwards to a port of this machine. `toxics` may be exchanged at any time, and holds for what comes next."""

    def __init__(self, target: int, toxics: Toxics = Toxics()) -> None:
        self.toxics = toxics
        self.connections = 0
        self._target = target
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        """Where it listens, for a client of Redis."""
        return f"redis://{HOST}:{self._server.sockets[0].getsockname()[1]}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, HOST, 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        far_reader, far_writer = await asyncio.open_connection(HOST, self._target)
        ends = {writer, far_writer}
        self._writers |= ends
        ways = [asyncio.create_task(w) for w in (_forward(reader, far_writer), self._reply(far_reader, writer))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            for end in ends:
                end.transport.abort()
            self._writers -= ends

    async def _reply(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sent = 0
        while piece := await reader.read(PIECE):
            toxics = self.toxics
            piece = piece if toxics.garbage is None else toxics.garbage
            for start in range(0, len(piece), toxics.slices):
                await asyncio.sleep(toxics.latency)
                part = piece[start : start + toxics.slices]
                if toxics.cut is not None and sent + len(part) > toxics.cut:
                    writer.write(part[: max(0, toxics.cut - sent)])
                    with suppress(OSError):
                        await writer.drain()
                    return
                sent += len(part)
                writer.write(part)
                await writer.drain()


async def _forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(PIECE):
        writer.write(piece)
        await writer.drain()
