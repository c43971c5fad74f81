"""Where workers come from: the forking process, seen from the executor."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Callable

from service.pool.frames import Message, frame
from service.pool.wire import Wire, awaited_or_not

ONE_THREAD = dict.fromkeys(
    (
        "OPENBLAS_NUM_THREADS",
        "OMP_NUM_THREADS",
        "MKL_NUM_THREADS",
        "BLIS_NUM_THREADS",
        "VECLIB_MAXIMUM_THREADS",
        "NUMEXPR_NUM_THREADS",
    ),
    "1",
)
FORK_SECONDS = 60.0  # the first fork waits for imports
END_SECONDS = 10.0


class Nursery:
    """Starts the forking process when it is needed, and again when it has died; `orphaned` is called then."""

    def __init__(self, function: str, worker_bytes: int, orphaned: Callable[[], None]) -> None:
        self._function = function
        self._bytes = worker_bytes
        self._orphaned = orphaned
        self._process: subprocess.Popen[bytes] | None = None
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
            wire.send(frame({"number": number}, size=1), sock.fileno())
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
            self._close()
            if process is not None:
                await asyncio.to_thread(_ended, process)

    async def _opened(self) -> Wire:
        async with self._opening:
            if self._wire is None:
                if self._process is not None:
                    self._process.kill()
                    await asyncio.to_thread(_ended, self._process)
                    self._process = None
                self._process, ours = self._launch()
                self._wire = Wire(ours, self._received, self._lost)
            return self._wire

    def _launch(self) -> tuple[subprocess.Popen[bytes], socket.socket]:
        """A group of its own, so that Ctrl-C in a terminal reaches the parent alone."""
        ours, theirs = socket.socketpair()
        descriptor = theirs.fileno()
        command = [sys.executable, "-m", "service.pool.forking", str(descriptor), self._function, str(self._bytes)]
        environment = {**os.environ, **ONE_THREAD, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        try:
            process = subprocess.Popen(  # noqa: S603 - our own module
                command, stdin=subprocess.DEVNULL, env=environment, pass_fds=[descriptor], process_group=0
            )
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        return process, ours

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
