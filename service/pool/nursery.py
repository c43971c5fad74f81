"""Where workers come from: the forking process, seen from the executor."""

from __future__ import annotations

import asyncio
import socket
import subprocess
from collections.abc import Callable

from service.pool.frames import Message, frame
from service.pool.launching import Launched, launch
from service.pool.wire import Wire, awaited_or_not

FORK_SECONDS = 60.0  # the first fork waits for imports
END_SECONDS = 10.0


class Nursery:
    """Starts the forking process when it is needed, and again when it has died; `orphaned` is called then.

    One that was launched before is taken over.
    """

    def __init__(self, function: str | Launched, worker_bytes: int, orphaned: Callable[[], None]) -> None:
        launched = function if isinstance(function, Launched) else None
        self._function = function.function if isinstance(function, Launched) else function
        self._bytes = worker_bytes
        self._orphaned = orphaned
        self._launched = launched
        self._process: subprocess.Popen[bytes] | None = launched.process if launched else None
        self._wire: Wire | None = None
        self._opening = asyncio.Lock()
        self._asked: dict[int, asyncio.Future[int]] = {}
        self._number = 0

    async def fork(self, sock: socket.socket) -> int:
        """The process id of a new worker that has this socket.

        Raises:
            OSError: there is no room for a process or a descriptor.
        """
        wire = await self._opened()
        self._number += 1
        number = self._number
        born: asyncio.Future[int] = awaited_or_not()
        self._asked[number] = born
        try:
            wire.send(frame({"number": number, "bytes": self._bytes}, size=1), sock.fileno())
            return await asyncio.wait_for(asyncio.shield(born), FORK_SECONDS)
        except TimeoutError:
            self._lost()  # stopped, or stuck in an import
            raise OSError from None
        finally:
            self._asked.pop(number, None)

    def bury(self, pid: int) -> None:
        """Ends a worker, if it has not ended, and frees its process id."""
        if self._wire is not None:
            self._wire.send(frame({"bury": pid}))

    async def stop(self) -> None:
        """Ends the forking process and with it all workers; returns when none is left."""
        async with self._opening:
            process, self._process = self._process, None
            if self._launched is not None:
                self._launched.sock.close()
                self._launched = None
            self._close()
            if process is not None:
                await asyncio.to_thread(_ended, process)

    async def _opened(self) -> Wire:
        async with self._opening:
            if self._wire is None:
                launched, self._launched = self._launched, None
                if launched is None:
                    launched = await self._launch_anew()
                self._process = launched.process
                self._wire = Wire(launched.sock, self._received, self._lost)
            return self._wire

    async def _launch_anew(self) -> Launched:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            await asyncio.to_thread(_ended, process)
        return launch(self._function)

    def _received(self, message: Message) -> None:
        """A worker that nobody waits for any more is buried."""
        born = self._asked.pop(message.head["number"], None)
        pid = message.head["pid"]
        if born is None or born.done():
            if pid is not None:
                self.bury(pid)
        elif pid is None:
            born.set_exception(OSError("no room for a worker"))
        else:
            born.set_result(pid)

    def _lost(self) -> None:
        self._close()
        self._orphaned()

    def _close(self) -> None:
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.close()
        for born in self._asked.values():
            if not born.done():
                born.set_exception(OSError("the forking process has died"))
        self._asked.clear()


def _ended(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
